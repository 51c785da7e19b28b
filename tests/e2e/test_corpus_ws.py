"""Whatever is sent over a socket has a defined answer, and the neighbours notice nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest
from websockets.asyncio.client import connect

from inference.core import wire
from tests import servers
from tests.e2e import corpus
from tests.e2e.corpus import ENDPOINT, ROWS, Row
from tests.e2e.corpus_frames import ANY, BROKEN, ENVELOPES, GOOD, PACKED, Broken, Sent
from tests.e2e.hand import CLOSE, PING, PONG, TEXT, Hand, frame
from tests.e2e.neighbours import Neighbours
from tests.e2e.rows import query
from tests.servers import Server

PATH: Final = f"/ws/v1/predict/{ENDPOINT}"
AT_ONCE: Final = 12
CREDITS: Final = 16
AFTER: Final = "after"  # the id of a request that nothing is wrong with
FRAMES: Final = {"json": ENVELOPES, "msgpack": PACKED}
UTF8: Final = [row for row in ROWS if row.is_utf8]

pytestmark = pytest.mark.alone  # the neighbours ask as fast as they can


class Heard(NamedTuple):
    """What a frame was answered by, and the request that followed on the same socket."""

    answer: dict[str, Any]
    after: dict[str, Any]


class Volley(NamedTuple):
    """Every case on a socket of its own, while neighbours asked for predictions."""

    heard: Mapping[str, Heard]
    closed: Mapping[str, int]
    neighbours: Neighbours
    logged: set[int]
    server: Server


@pytest.fixture(scope="module")
def volley(
    mode: servers.Mode, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Volley]:
    data = servers.copy(prepared, tmp_path_factory.mktemp("frames") / "data")
    with Server(data, env={"WEIR_WS_CREDITS": str(CREDITS)}, mode=mode) as server:
        neighbours = Neighbours(server)
        heard, closed = asyncio.run(_fire(server, neighbours))
        rows = query(data, "select id from inference_mlrequest")
        yield Volley(heard, closed, neighbours, {row[0] for row in rows}, server)


async def _fire(server: Server, neighbours: Neighbours) -> tuple[dict[str, Heard], dict[str, int]]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, sent: Sent, subprotocol: str) -> tuple[str, Heard]:
        async with gate:
            return name, await _exchange(server, sent, subprotocol)

    async def other(case: Broken) -> tuple[str, int]:
        async with gate, Hand(server.port, PATH) as hand:
            hand.writing.write(case.data)
            return case.name, (await hand.until_closed())[0]

    asked = [(f"{door}: {sent.name}", sent, door) for door, sent in _everything()]
    async with neighbours.busy():
        heard = await asyncio.gather(*[one(n, s, f"weir.v1.{d}") for n, s, d in asked])
        closed = await asyncio.gather(*[other(case) for case in BROKEN])
    return dict(heard), dict(closed)


async def _exchange(server: Server, sent: Sent, subprotocol: str) -> Heard:
    decode: Any = json.loads if subprotocol == wire.JSON else msgspec.msgpack.decode
    encode: Any = json.dumps if subprotocol == wire.JSON else msgspec.msgpack.encode
    url = f"{server.ws}{PATH}"
    async with connect(url, subprotocols=[subprotocol], compression=None) as socket:  # type: ignore[list-item]  # a NewType
        assert decode(await socket.recv())["type"] == "hello"
        await socket.send(sent.data)
        answer = decode(await socket.recv())
        await socket.send(encode({"id": AFTER, "record": {"mean_radius": 14.1}}))
        return Heard(answer, decode(await socket.recv()))


def _everything() -> list[tuple[str, Sent]]:
    own = [(door, sent) for door, frames in FRAMES.items() for sent in frames]
    return own + [("json", sent) for row in UTF8 for sent in (_alone(row), _among(row))]


def _alone(row: Row) -> Sent:
    return Sent(f"record: {row.name}", f'{{"id":1,"record":{row.text.decode()}}}', row.code, ANY)


def _among(row: Row) -> Sent:
    code = row.code if row.code == corpus.JSON else (row.code, "")
    text = f'{{"id":1,"records":[{row.text.decode()},{GOOD}]}}'
    return Sent(f"records: {row.name}", text, code, ANY)


def _said(answer: dict[str, Any]) -> str | tuple[str, ...]:
    if "results" in answer:
        return tuple(each.get("code", "") for each in answer["results"])
    return str(answer.get("code", ""))


def _answered(answer: dict[str, Any]) -> list[int]:
    found = answer.get("results", [answer.get("result", answer)])
    return [each["request_id"] for each in found if "request_id" in each]


def test_the_table_is_as_large_as_it_says() -> None:
    names = [(door, sent.name) for door, sent in _everything()]

    assert len(set(names)) == len(names)
    assert len({sent.data for _, sent in _everything()}) > 300


@pytest.mark.parametrize(("door", "sent"), _everything(), ids=lambda v: getattr(v, "name", v))
def test_a_frame_has_its_answer(volley: Volley, door: str, sent: Sent) -> None:
    answer = volley.heard[f"{door}: {sent.name}"].answer

    assert _said(answer) == sent.code, str(answer)[:500]
    assert sent.id is ANY or answer["id"] == sent.id
    assert answer["type"] == ("error" if sent.code and isinstance(sent.code, str) else "result")


@pytest.mark.parametrize(("door", "sent"), _everything(), ids=lambda v: getattr(v, "name", v))
def test_the_next_frame_is_answered_as_if_nothing_had_been(
    volley: Volley, door: str, sent: Sent
) -> None:
    after = volley.heard[f"{door}: {sent.name}"].after

    assert (after["type"], after["id"]) == ("result", AFTER)
    assert after["result"]["status"] == "OK"


@pytest.mark.parametrize("case", BROKEN, ids=lambda case: case.name)
def test_who_breaks_the_protocol_is_told_so(volley: Volley, case: Broken) -> None:
    assert volley.closed[case.name] == case.close


def test_neighbours_were_answered_rightly_all_the_while(volley: Volley) -> None:
    assert volley.neighbours.wrong == []
    assert len(volley.neighbours.answered) > len(volley.heard)


def test_what_was_answered_is_logged_and_nothing_else(volley: Volley) -> None:
    answers = [each for heard in volley.heard.values() for each in heard]
    answered = [number for answer in answers for number in _answered(answer)]
    everything = [*answered, *volley.neighbours.answered]

    assert len(everything) == len(set(everything))
    assert set(everything) == volley.logged


def test_an_error_does_not_give_back_what_was_sent(volley: Volley) -> None:
    long = {n: h.answer for n, h in volley.heard.items() if len(json.dumps(h.answer)) > 1000}

    assert {name for name, answer in long.items() if answer["type"] == "error"} == set()


@pytest.fixture
def server(volley: Volley) -> Server:
    """The same, after the volley."""
    return volley.server


HANDSHAKES: Final = [
    ("/ws/v1/predict/nobody", 4404),
    ("/ws/v1/predict/", 4404),
    ("/ws/v1/predict/a/b", 4404),
    ("/ws/v1/predict/..%2f..%2fetc%2fpasswd", 4404),
    ("/ws/v1/predict/../../etc/passwd", 4404),
    ("/ws/v1/predict/%00", 4404),
    ("/ws/v1/predict/%ff", 4404),
    ("/ws/v1/predict/%0d%0a", 4404),
    (f"/ws/v1/predict/{'a' * 5000}", 4404),
    ("/ws/v1/live/", 4404),
    ("/ws/v2/live", 4404),
    ("/api/v1/breast_cancer/predict", 4404),
    ("/", 4404),
]
ORIGINS: Final = [
    "null",
    "http://evil.example",
    "http://127.0.0.1:1",
    "https://127.0.0.1",
    "http://[",
    "http://127.0.0.1@evil.example",
    "file://",
    "",
    "\xff",
]


@pytest.mark.parametrize(("path", "code"), HANDSHAKES)
async def test_a_socket_at_no_address_says_so(server: Server, path: str, code: int) -> None:
    async with Hand(server.port, path) as hand:
        closed, [said] = await hand.until_closed()

    assert (hand.status, closed) == (101, code)
    assert json.loads(said)["code"] == "not_served"


@pytest.mark.parametrize("path", [PATH, "/ws/v1/live"])
@pytest.mark.parametrize("origin", ORIGINS)
async def test_a_page_of_another_site_gets_no_socket(
    server: Server, path: str, origin: str
) -> None:
    host = f"127.0.0.1:{server.port}"
    async with Hand(server.port, path, [("Origin", origin)], host=host) as hand:
        closed, [said] = await hand.until_closed()

    assert (json.loads(said)["code"], closed) == ("forbidden", 4403)


async def test_a_strange_host_gets_no_socket(server: Server) -> None:
    async with Hand(server.port, PATH, host="evil.example") as hand:
        assert (await hand.until_closed())[0] == 4403


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ("", None),
        ("nonsense", None),
        ("weir.v2.json, WEIR.V1.JSON", None),
        ("nonsense, weir.v1.json", "weir.v1.json"),
        ("weir.v1.msgpack, weir.v1.json", "weir.v1.msgpack"),
        (",".join(["x"] * 1000), None),
    ],
)
async def test_only_what_was_offered_and_is_spoken_is_chosen(
    server: Server, offered: str, chosen: str | None
) -> None:
    headers = [("Sec-WebSocket-Protocol", offered)] if offered else []
    async with Hand(server.port, PATH, headers) as hand:
        opcode, hello = await hand.receive()

    assert hand.said.get("sec-websocket-protocol") == chosen
    assert b"hello" in hello
    assert (opcode == TEXT) is (chosen != "weir.v1.msgpack")


async def test_beyond_the_credits_a_frame_is_overloaded_and_may_come_again(server: Server) -> None:
    many = 200
    frames = [json.dumps({"id": n, "record": {"mean_radius": 14.1}}).encode() for n in range(many)]
    async with Hand(server.port, PATH) as hand:
        await hand.receive()
        hand.writing.write(b"".join(frame(TEXT, each) for each in frames))
        said = [json.loads((await hand.receive())[1]) for _ in range(many)]
        hand.writing.write(frame(TEXT, frames[0]))
        again = json.loads((await hand.receive())[1])

    kinds = [each["type"] for each in said]
    assert sorted(each["id"] for each in said) == list(range(many))
    assert kinds.count("result") >= CREDITS
    assert kinds.count("overloaded") == many - kinds.count("result") > 0
    assert all(e["retry_after_ms"] == 100 for e in said if e["type"] == "overloaded")
    assert again["type"] == "result"


async def test_an_id_may_be_used_twice_and_both_are_answered(server: Server) -> None:
    async with Hand(server.port, PATH) as hand:
        await hand.receive()
        hand.writing.write(frame(TEXT, f'{{"id":1,"record":{GOOD}}}'.encode()) * 2)
        said = [json.loads((await hand.receive())[1]) for _ in range(2)]

    assert [(each["type"], each["id"]) for each in said] == [("result", 1)] * 2
    assert said[0]["result"]["request_id"] != said[1]["result"]["request_id"]


async def test_what_cannot_be_in_time_is_refused_and_not_logged(volley: Volley) -> None:
    """So short a time is none at all, on any clock."""
    async with Hand(volley.server.port, PATH) as hand:
        await hand.receive()
        text = f'{{"id":1,"record":{GOOD},"deadline_ms":1e-12,"subject":"too late"}}'
        hand.writing.write(frame(TEXT, text.encode()))
        said = json.loads((await hand.receive())[1])

    assert said["code"] in {"deadline_exceeded", "overloaded"}
    late = "select count(*) from inference_mlrequest where subject = 'too late'"
    assert query(volley.server.data, late) == [(0,)]


@pytest.mark.parametrize("path", [PATH, "/ws/v1/live"])
@pytest.mark.parametrize("nonsense", ["", "[]", "nonsense", "{}", '{"id":'])
async def test_a_flood_of_nonsense_is_answered_ten_times_and_closed(
    server: Server, path: str, nonsense: str
) -> None:
    async with Hand(server.port, path) as hand:
        hand.writing.write(frame(TEXT, nonsense.encode()) * 500)
        closed, said = await hand.until_closed()

    errors = [each for each in map(json.loads, said) if each["type"] == "error"]
    assert (closed, len(errors)) == (1008, 11)
    assert {each["code"] for each in errors} <= {"json_invalid", "frame_invalid"}


async def test_pings_are_answered_in_order_and_between_the_pieces_of_a_frame(
    server: Server,
) -> None:
    text = f'{{"id":1,"record":{GOOD}}}'.encode()
    pieces = frame(TEXT, text[:9], final=False) + frame(PING, b"one") + frame(0, text[9:])
    async with Hand(server.port, PATH) as hand:
        await hand.receive()
        hand.writing.write(pieces + frame(PING, b"two"))
        heard = [await hand.receive() for _ in range(3)]

    assert [payload for opcode, payload in heard if opcode == PONG] == [b"one", b"two"]
    assert [json.loads(p)["id"] for opcode, p in heard if opcode == TEXT] == [1]


@pytest.mark.parametrize("code", [1000, 1001, 3000, 4999])
async def test_a_goodbye_is_answered_by_the_same(server: Server, code: int) -> None:
    async with Hand(server.port, PATH) as hand:
        await hand.receive()
        hand.writing.write(frame(CLOSE, code.to_bytes(2, "big")))

        assert await hand.until_closed() == (code, [])


def test_the_log_has_neither_errors_nor_traces(server: Server) -> None:
    odd = [line for line in server.log.splitlines() if "Traceback" in line or " ERROR " in line]

    assert odd == []
    assert server.process.poll() is None
