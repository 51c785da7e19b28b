"""Hot requests are recognised and answered; everything else goes on untouched."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from inference import gateway as door
from inference import keys
from inference.access import Access, Https
from inference.core.types import LogMode
from inference.dataplane.http import DataPlane
from inference.registry import Key
from tests.inference.gateways import World, gateway, world

PATH = "/api/v1/e/predict"
JSON = (b"content-type", b"application/json")
HOST = (b"host", b"localhost:8000")
KEY = keys.make()
UNREAD, BAD = "unsupported_encoding", "json_invalid"


@dataclass
class Call:
    """One request, and what came back."""

    body: bytes = b'{"a": 0.75, "b": "x"}'
    path: str = PATH
    query: bytes = b""
    method: str = "POST"
    headers: list[tuple[bytes, bytes]] = field(default_factory=lambda: [JSON])
    chunks: int = 1
    scheme: str = "http"
    sent: list[dict[str, Any]] = field(default_factory=list)

    @property
    def scope(self) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": self.scheme,
            "method": self.method,
            "path": self.path,
            "query_string": self.query,
            "headers": [HOST, *self.headers],
        }

    @property
    def status(self) -> int:
        status: int = self.sent[0]["status"]
        return status

    @property
    def answer(self) -> Any:
        return json.loads(self.sent[1]["body"])

    @property
    def answer_headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    async def through(self, plane: DataPlane) -> Call:
        size = -(-len(self.body) // self.chunks) or 1
        pieces = [self.body[at : at + size] for at in range(0, len(self.body), size)] or [b""]
        messages = [
            {"type": "http.request", "body": piece, "more_body": at < len(pieces) - 1}
            for at, piece in enumerate(pieces)
        ]

        async def receive() -> dict[str, Any]:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            self.sent.append(message)

        await plane(self.scope, receive, send)
        return self


@pytest.fixture
async def one() -> AsyncIterator[World]:
    """A world whose gateway is the process's."""
    found = world(LogMode.STRICT)
    key = Key(KEY.hashed, "robot", frozenset({"predict"}), None)
    found.snapshot = replace(found.snapshot, keys={KEY.prefix: key})
    async with gateway(found) as gate:
        door.install(gate)
        yield found
        door.install(None)


async def teapot(_: Any, __: Any, send: Any) -> None:
    """The next application, which has one answer."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"null"})


def plane(one: World, *, is_open: bool = True, **other: Any) -> DataPlane:
    access = Access(lambda: one.snapshot, is_open=is_open)
    return DataPlane(teapot, access, max_body=1000, **other)


async def test_a_record_is_answered(one: World) -> None:
    call = await Call().through(plane(one))
    assert (call.status, call.answer["label"]) == (200, "yes")
    assert call.answer["request_id"] == one.log[0].id
    assert call.answer_headers[b"content-type"] == b"application/json"
    assert int(call.answer_headers[b"content-length"]) == len(call.sent[1]["body"])


async def test_an_array_is_answered_by_an_array(one: World) -> None:
    call = await Call(b'[{"a": 0.1}, {"a": "no"}, {"a": 0.9}]').through(plane(one))
    assert [each["status"] for each in call.answer] == ["OK", "Error", "OK"]


async def test_a_body_in_pieces_is_one_body(one: World) -> None:
    assert (await Call(chunks=7).through(plane(one))).answer["label"] == "yes"


@pytest.mark.parametrize(
    "call",
    [
        Call(method="GET"),
        Call(path="/api/v1/e/predict/"),
        Call(path="/api/v1/endpoints"),
        Call(path="/api/v1/e/f/predict"),
        Call(path="/api/v2/e/predict"),
        Call(headers=[(b"content-type", b"application/x-www-form-urlencoded")]),
        Call(headers=[(b"content-type", b'application/json; charset="utf-8"')]),
        Call(headers=[JSON, (b"content-encoding", b"identity")]),
        Call(headers=[]),
    ],
)
async def test_what_is_not_recognised_goes_on(one: World, call: Call) -> None:
    assert (await replace(call, sent=[]).through(plane(one))).status == 418
    assert one.log == []


@pytest.mark.parametrize(
    ("call", "status", "said"),
    [
        (Call(b"{"), 400, {"code": "json_invalid"}),
        (Call(b""), 400, {"code": "json_invalid"}),
        (Call(path="/api/v1/f/predict"), 400, {"status": "Error", "code": "not_served"}),
        (Call(path="/api/v1//predict"), 400, {"status": "Error", "code": "not_served"}),
        (Call(query=b"version=9"), 400, {"message": "ML algorithm is not available"}),
        (Call(query=b"algorithm=x"), 422, {"code": "row_invalid", "field": "algorithm"}),
        (Call(b'{"a": "x"}', query=b"strict=1"), 422, {"code": "row_invalid", "field": "a"}),
        (Call(b'{"a": "x"}'), 200, {"status": "Error", "field": "a"}),
        (Call(b" " * 1001), 413, {"code": "too_large"}),
        (Call(b" " * 1001, chunks=50), 413, {"code": "too_large"}),
        (Call(headers=[JSON, (b"content-length", b"1001")]), 413, {"code": "too_large"}),
        (Call(headers=[JSON, (b"x-subject", b"s" * 129)]), 422, {"field": "subject"}),
        (Call(headers=[JSON, (b"content-encoding", b"gzip")]), 415, {"code": UNREAD}),
        (Call(headers=[(b"content-type", JSON[1] + b"; charset=latin-1")]), 400, {"code": BAD}),
        (Call(headers=[(b"content-type", b"text/x; charset=bz2_codec")]), 415, {"code": UNREAD}),
        (Call(headers=[JSON, (b"host", b"evil.example")]), 400, {"code": "host_refused"}),
        (Call(method="PUT", path="/x", body=b" " * 1001, chunks=2), 413, {"code": "too_large"}),
    ],
)
async def test_refusals_have_a_status_and_a_code(
    one: World, call: Call, status: int, said: dict[str, object]
) -> None:
    call = await replace(call, sent=[]).through(plane(one))
    assert call.status == status
    assert call.answer | said == call.answer


async def test_the_tutorials_clients_find_the_detail_of_a_parse_error(one: World) -> None:
    call = await Call(b"{").through(plane(one))
    assert call.answer["detail"].startswith("JSON parse error - ")


async def test_a_client_that_hangs_up_is_not_answered(one: World) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None:
        pytest.fail("nobody is there")

    await plane(one)(Call().scope, receive, send)
    assert one.log == []


async def test_the_subject_comes_from_the_header_or_the_query(one: World) -> None:
    await Call(headers=[JSON, (b"x-subject", b"ann")]).through(plane(one))
    await Call(query=b"subject=bob").through(plane(one))
    await Call(headers=[JSON, (b"x-subject", b"ann")], query=b"subject=bob").through(plane(one))
    assert [row.subject for row in one.log] == ["ann", "bob", "ann"]


async def test_while_draining_the_refusal_says_when_to_come_back(one: World) -> None:
    door.current().draining = True
    call = await Call().through(plane(one))
    assert (call.status, call.answer["code"]) == (503, "draining")
    assert call.answer_headers[b"retry-after"] == b"1"


async def test_a_key_opens_the_closed_door(one: World) -> None:
    header = (b"authorization", f"Api-Key {KEY.text}".encode())
    call = await Call(headers=[JSON, header]).through(plane(one, is_open=False))
    assert call.status == 200


@pytest.mark.parametrize("headers", [[JSON], [JSON, (b"authorization", b"Basic eDp5")]])
async def test_without_a_key_others_may_know_the_caller(
    one: World, headers: list[tuple[bytes, bytes]]
) -> None:
    assert (await Call(headers=headers).through(plane(one, is_open=False))).status == 418


@pytest.mark.parametrize("text", ["Api-Key wrong.key", "Api-Key x", "Api-Key PREFIX.x"])
async def test_a_wrong_key_is_refused(one: World, text: str) -> None:
    text = text.replace("PREFIX", KEY.prefix)
    call = Call(headers=[JSON, (b"authorization", text.encode())])
    await call.through(plane(one, is_open=False))
    assert (call.status, call.answer["code"]) == (401, "unauthorized")
    assert call.answer_headers[b"www-authenticate"] == b"Api-Key"


async def test_a_key_without_the_scope_is_refused(one: World) -> None:
    key = Key(KEY.hashed, "robot", frozenset({"read"}), None)
    one.snapshot = replace(one.snapshot, keys={KEY.prefix: key})
    header = (b"authorization", f"Api-Key {KEY.text}".encode())
    call = await Call(headers=[JSON, header]).through(plane(one, is_open=False))
    assert (call.status, call.answer["code"]) == (403, "forbidden")


async def test_what_nobody_expected_is_a_sentence_not_a_trace(
    one: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(door.current(), "begin", broken)
    call = await Call().through(plane(one))
    assert (call.status, call.answer["code"]) == (500, "model_error")
    assert "secret" not in call.answer["message"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("scheme", "said", "status"),
    [("http", b"https", 200), ("http", b"http", 418), ("http", b"", 418), ("https", None, 200)],
)
async def test_where_https_is_demanded_the_rest_goes_on_to_be_redirected(
    one: World, scheme: str, said: bytes | None, status: int
) -> None:
    secured = plane(one, https=Https(required=True, proxied=True))
    said_by_proxy = [] if said is None else [(b"x-forwarded-proto", said)]
    call = Call(headers=[JSON, *said_by_proxy], scheme=scheme)
    assert (await call.through(secured)).status == status


async def test_what_goes_on_takes_its_body_along(one: World) -> None:
    taken: list[bytes] = []

    async def reader(_: Any, receive: Any, send: Any) -> None:
        taken.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 418, "headers": []})
        await send({"type": "http.response.body", "body": b"null"})

    behind = DataPlane(reader, Access(lambda: one.snapshot, is_open=True), max_body=1000)
    await Call(b"a=1&b=2", headers=[], chunks=3).through(behind)
    assert taken == [b"a=1&b=2"]


async def test_a_body_that_never_comes_is_given_up_and_the_connection_closed(one: World) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message)

    for call in (Call(), Call(headers=[])):
        await plane(one, body_seconds=0.05)(call.scope, receive, send)
    heads = [message for message in sent if "status" in message]
    assert [head["status"] for head in heads] == [408, 408]
    assert all((b"connection", b"close") in head["headers"] for head in heads)
