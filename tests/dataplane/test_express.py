"""The short way keeps the rules of the data plane, and gives its answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from inference import gateway as door
from inference.access import Access
from inference.core.types import LogMode
from inference.dataplane.express import Express
from inference.dataplane.http import DataPlane
from tests.dataplane.test_http import JSON, KEY, PATH, Call
from tests.inference.gateways import World, gateway, world


@pytest.fixture
async def one() -> AsyncIterator[World]:
    """Its gateway is the process's, and has ids."""
    found = world(LogMode.STRICT)
    async with gateway(found) as gate:
        door.install(gate)
        await Call().through(plane(found))
        yield found
        door.install(None)


async def nobody(*_: Any) -> None:
    pytest.fail("the fallback was asked")


def plane(one: World, *, is_open: bool = True) -> DataPlane:
    return DataPlane(nobody, Access(lambda: one.snapshot, is_open=is_open), max_body=1000)


async def answered(express: Express, call: Call, url: str = PATH) -> tuple[int, Any] | None:
    hot = express.recognised("http", url.encode(), call.scope["headers"])
    begun = hot and express.begin(hot, call.body)
    if begun is None:
        return None
    await asyncio.wait([begun.done], timeout=5)
    status, body, _ = express.answer(begun)
    return status, json.loads(body)


BODIES = [
    b'{"a": 0.75, "b": "x"}',
    b'[{"a": 0.75}, {"a": "no"}]',
    b'{"a": "no"}',
    b"[]",
    b"{",
    b'{"a": 1, "a": 2}',
]


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.parametrize(
    "query", ["", "?subject=ann", "?strict=1", "?status=testing", "?version=9"]
)
async def test_both_ways_give_the_same_answer(one: World, body: bytes, query: str) -> None:
    whole = plane(one)
    short = await answered(Express(whole), Call(body), f"{PATH}{query}")
    usual = Call(body, query=query[1:].encode())
    await usual.through(whole)

    assert short is not None
    assert short[0] == usual.status
    assert without_ids(short[1]) == without_ids(usual.answer)


def without_ids(said: Any) -> Any:
    if isinstance(said, list):
        return [without_ids(each) for each in said]
    return {name: value for name, value in said.items() if name != "request_id"}


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("/api/v1/e%20/predict", [JSON]),
        (f"/api/v1/{'e' * 2000}/predict", [JSON]),
        (f"{PATH}?subject=a#b", [JSON]),
        ("/api/v1/e#/predict", [JSON]),
        (f"{PATH}?subject=é", [JSON]),
        ("/api/v1/e/other", [JSON]),
        ("/api/v1/e/f/predict", [JSON]),
        (PATH, []),
        (PATH, [JSON, (b"idempotency-key", b"a")]),
        (PATH, [JSON, (b"prefer", b"respond-async")]),
        (f"{PATH}?wait=0", [JSON]),
    ],
)
async def test_what_needs_more_goes_the_usual_way(
    one: World, url: str, headers: list[tuple[bytes, bytes]]
) -> None:
    assert await answered(Express(plane(one)), Call(headers=headers), url) is None


async def test_who_shows_no_good_key_is_refused(one: World) -> None:
    express = Express(plane(one, is_open=False))
    wrong = (b"authorization", f"Api-Key {KEY.text}".encode())

    assert await answered(express, Call()) is None  # Django knows sessions
    found = await answered(express, Call(headers=[JSON, wrong]))
    assert found is not None
    assert (found[0], found[1]["code"]) == (401, "unauthorized")


async def test_a_strange_host_goes_the_usual_way(one: World) -> None:
    headers = [(b"host", b"evil.example"), JSON]

    assert Express(plane(one)).recognised("http", PATH.encode(), headers) is None


async def test_before_there_are_ids_the_usual_way_waits_for_them(one: World) -> None:
    async with gateway(one) as gate:
        door.install(gate)
        assert await answered(Express(plane(one)), Call()) is None


async def test_nothing_is_taken_once_it_is_closed(one: World) -> None:
    express = Express(plane(one))
    headers = Call().scope["headers"]
    before = express.recognised("http", PATH.encode(), headers)
    express.closed = True

    assert before is not None
    assert express.recognised("http", PATH.encode(), headers) is None


async def test_what_is_remembered_is_remembered_by_all_that_was_said(one: World) -> None:
    express = Express(plane(one, is_open=False))
    with_key = [*Call().scope["headers"], (b"authorization", f"Api-Key {KEY.text}".encode())]
    for _ in range(2):
        hot = express.recognised("http", PATH.encode(), with_key)
        assert hot is not None
        assert hot.authorization.endswith(KEY.text)
        assert express.recognised("http", PATH.encode(), with_key[:-1]) is None
        other = express.recognised("http", b"/api/v1/f/predict", with_key)
        assert other is not None
        assert other.endpoint == "f"


@pytest.mark.parametrize("strange", [b"expect", b"transfer-encoding", b"upgrade"])
async def test_what_is_strange_goes_the_usual_way(one: World, strange: bytes) -> None:
    headers = [*Call().scope["headers"], (strange, b"x")]
    assert Express(plane(one)).recognised("http", PATH.encode(), headers) is None


async def test_what_is_remembered_is_bounded(one: World) -> None:
    express = Express(plane(one))
    for number in range(5000):
        headers = [*Call().scope["headers"], (b"x", b"%d" % number)]
        express.recognised("http", PATH.encode(), headers)
    express.recognised("http", PATH.encode(), [*Call().scope["headers"], (b"x", b"y" * 5000)])

    many = [*Call().scope["headers"], *((b"x%d" % number, b"") for number in range(300))]
    express.recognised("http", PATH.encode(), many)

    assert len(express._remembered) <= 2048
    assert not any(len(said) > 50 for said in express._remembered)
    assert not any(len(str(said)) > 2000 for said in express._remembered)


async def test_a_length_behind_zeros_lets_no_larger_body_in(one: World) -> None:
    call = Call(b" " * 1000 + b"{}", headers=[JSON, (b"content-length", b"0" * 20 + b"1002")])

    assert ((await answered(Express(plane(one)), call)) or [0])[0] == 413


@pytest.mark.parametrize("error", [None, ValueError("nobody foresaw it")])
async def test_whatever_becomes_of_it_there_is_an_answer(
    one: World, error: Exception | None
) -> None:
    express = Express(plane(one))
    call = Call(BODIES[0])
    hot = express.recognised("http", PATH.encode(), call.scope["headers"])
    begun = hot and express.begin(hot, call.body)
    assert begun is not None
    broken: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if error is None:
        broken.cancel()
    else:
        broken.set_exception(error)

    status, body, _ = express.answer(begun._replace(done=broken))

    assert (status, json.loads(body)["code"]) == (500, "model_error")
