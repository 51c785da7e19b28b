"""Frames in, answers out of order, and nothing left behind."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from channels.testing import WebsocketCommunicator

from consumers import outbox, predict
from consumers.doors import Doors
from consumers.routing import router
from consumers.sockets import SOCKETS
from inference import gateway as door
from inference import keys
from inference.access import Access
from inference.core import wire
from inference.core.asking import Ask
from inference.core.tensors import Tensors
from inference.core.types import LogMode
from inference.registry import Key
from tests.inference.gateways import Echo, World, gateway, world

PATH = "/ws/v1/predict/e"
HOST = [(b"host", b"127.0.0.1:8000")]
WINDOW = 4


@pytest.fixture
async def one() -> AsyncIterator[World]:
    """A world whose gateway is the process's."""
    found = world(LogMode.STRICT)
    async with gateway(found) as gate:
        door.install(gate)
        yield found
        door.install(None)


class Client(WebsocketCommunicator):
    """A JSON client that was greeted."""

    async def says(self, **frame: Any) -> None:
        await self.send_json_to(frame)

    async def hears(self) -> dict[str, Any]:
        body: dict[str, Any] = await self.receive_json_from(timeout=5)
        return body

    async def closes(self) -> int:
        while True:
            message = await self.receive_output(timeout=5)
            if message["type"] == "websocket.close":
                return cast("int", message["code"])


def client(one: World, path: str = PATH, *, is_open: bool = True, **other: Any) -> Client:
    doors = Doors(Access(lambda: one.snapshot, is_open=is_open))
    given = {"headers": HOST, **other}
    return Client(router(doors, window=WINDOW), path, **given)


@pytest.fixture
async def greeted(one: World) -> AsyncIterator[Client]:
    somebody = client(one)
    await somebody.connect()
    await somebody.hears()
    yield somebody
    await somebody.disconnect()
    assert len(SOCKETS) == 0


async def test_the_server_greets_with_the_credits_and_the_schema(one: World) -> None:
    somebody = client(one)
    accepted, subprotocol = await somebody.connect()

    assert (accepted, subprotocol) == (True, None)
    assert await somebody.hears() == {
        "type": "hello",
        "endpoint": "e",
        "credits": WINDOW,
        "schema": door.current().schema_hash("e"),
    }
    await somebody.disconnect()


async def test_a_record_has_a_result_and_a_row_in_the_log(one: World, greeted: Client) -> None:
    await greeted.says(id="a", record={"a": 0.75})
    heard = await greeted.hears()

    assert (heard["type"], heard["id"], heard["result"]["label"]) == ("result", "a", "yes")
    assert [row.id for row in one.log] == [heard["result"]["request_id"]]


async def test_many_rows_have_a_result_each(greeted: Client) -> None:
    await greeted.says(id=1, records=[{"a": 0.1}, {"a": "no"}, {"a": 0.9}])
    await greeted.says(id=2, rows=[[0.9, "x"], [0.1, None]])
    first, second = await greeted.hears(), await greeted.hears()

    assert [each["status"] for each in first["results"]] == ["OK", "Error", "OK"]
    assert [each["label"] for each in second["results"]] == ["yes", "no"]


def block(values: list[list[float]], datatype: str = "<f4") -> dict[str, Any]:
    array = np.array(values, datatype)
    return {"datatype": "FP32", "shape": list(array.shape), "data": array.tobytes()}


def unpacked(found: dict[str, Any]) -> list[Any]:
    kinds = {"INT32": "<i4", "INT64": "<i8", "FP64": "<f8"}
    array = np.frombuffer(found["data"], kinds[found["datatype"]]).reshape(found["shape"])
    said: list[Any] = array.tolist()
    return said


async def packing(one: World, path: str = PATH) -> Client:
    somebody = client(one, path, subprotocols=["weir.v1.msgpack"])
    await somebody.connect()
    await somebody.receive_output(timeout=5)
    return somebody


async def exchanged(somebody: Client, frame: dict[str, Any]) -> dict[str, Any]:
    await somebody.send_to(bytes_data=msgspec.msgpack.encode(frame))
    heard = cast("bytes", await somebody.receive_from(timeout=5))
    answer: dict[str, Any] = msgspec.msgpack.decode(heard)
    return answer


async def test_a_block_is_answered_by_blocks_and_logged_row_by_row(one: World) -> None:
    somebody = await packing(one)
    answer = await exchanged(somebody, {"id": 1, "block": block([[0.25, 0], [0.75, np.nan]])})

    found = answer["block"]
    outputs = {each["name"]: unpacked(each) for each in found["outputs"]}
    assert outputs == {"label": [0, 1], "probabilities": [[0.75, 0.25], [0.25, 0.75]]}
    assert (found["classes"], found["version"], "errors" in found) == (["no", "yes"], "1.0", False)
    assert [(row.id, row.response, row.input_data) for row in one.log] == [
        (unpacked(found["request_ids"])[0], "no", "[0.25,0.0]"),
        (unpacked(found["request_ids"])[1], "yes", "[0.75,null]"),
    ]
    await somebody.disconnect()


async def test_a_row_of_a_block_that_does_not_fit_spoils_no_other(one: World) -> None:
    somebody = await packing(one)
    answer = await exchanged(somebody, {"id": 1, "block": block([[np.inf, 0], [0.75, 7], [1, 1]])})

    found = answer["block"]
    assert {row: each["field"] for row, each in found["errors"].items()} == {"0": "a", "1": "b"}
    label, probabilities = found["outputs"]
    assert unpacked(label) == [-1, -1, 1]
    assert np.isnan(unpacked(probabilities)[:2]).all()
    assert [row.response for row in one.log] == ["error", "error", "yes"]
    await somebody.disconnect()


async def test_a_block_of_nothing_that_fits_has_errors_only(one: World) -> None:
    somebody = await packing(one)
    answer = await exchanged(somebody, {"id": 1, "block": block([[np.inf, 0]])})

    assert (answer["block"]["outputs"], list(answer["block"]["errors"])) == ([], ["0"])
    await somebody.disconnect()


async def test_a_block_of_the_wrong_width_is_refused(one: World) -> None:
    somebody = await packing(one)
    answer = await exchanged(somebody, {"id": 1, "block": block([[0.5, 0, 0]])})

    assert (answer["type"], answer["id"], answer["code"]) == ("error", 1, "row_invalid")
    await somebody.disconnect()


async def test_a_block_that_is_none_is_named(one: World) -> None:
    somebody = await packing(one)
    torn = {**block([[0.5, 0]]), "shape": [2, 2]}
    answer = await exchanged(somebody, {"id": 1, "block": torn})

    assert (answer["code"], answer["field"]) == ("row_invalid", "block")
    await somebody.disconnect()


async def test_a_row_that_does_not_fit_is_an_error_with_its_field(greeted: Client) -> None:
    await greeted.says(id=1, record={"a": "no"})
    heard = await greeted.hears()

    assert (heard["type"], heard["id"], heard["code"]) == ("error", 1, "row_invalid")
    assert heard["field"] == "a"


async def test_frames_of_one_turn_share_a_batch_with_a_request(one: World, greeted: Client) -> None:
    rest = asyncio.ensure_future(door.current().predict_json(Ask("e", lenient=True), b'{"a": 0.5}'))
    await greeted.says(id=1, record={"a": 0.1})
    await greeted.says(id=2, record={"a": 0.9})
    await greeted.hears()
    await greeted.hears()
    await rest

    model = one.snapshot.served[1].model
    assert isinstance(model, Echo)
    assert sum(model.seen) == 3
    assert len(model.seen) < 3


async def test_a_client_may_speak_msgpack(one: World) -> None:
    somebody = client(one, subprotocols=["other", wire.MSGPACK, wire.JSON])
    _, subprotocol = await somebody.connect()
    assert subprotocol == wire.MSGPACK
    await somebody.receive_from(timeout=5)
    frame = {"id": 7, "record": {"a": 0.9}}
    await somebody.send_to(bytes_data=msgspec.msgpack.encode(frame))
    heard = await somebody.receive_from(timeout=5)

    assert isinstance(heard, bytes)
    assert msgspec.msgpack.decode(heard)["result"]["label"] == "yes"
    await somebody.disconnect()


@pytest.mark.parametrize("path", ["/ws/v1/predict/f", "/ws/v1/predict/e/f", "/nowhere", "/"])
async def test_at_no_address_somebody_says_so(one: World, path: str) -> None:
    lost = client(one, path)
    await lost.connect()

    assert (await lost.hears())["code"] == "not_served"
    assert await lost.closes() == 4404


async def test_a_process_that_serves_nothing_says_come_later() -> None:
    somebody = client(world(LogMode.OFF))
    await somebody.connect()

    assert (await somebody.hears())["code"] == "model_unavailable"
    assert await somebody.closes() == 1013


async def test_a_key_that_was_revoked_closes_what_it_opened(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("consumers.sockets.LOOK_SECONDS", 0.001)
    made = keys.make()
    key = Key(made.hashed, "robot", frozenset({"predict"}), None)
    one.snapshot = replace(one.snapshot, keys={made.prefix: key})
    header = (b"authorization", f"Api-Key {made.text}".encode())
    somebody = client(one, is_open=False, headers=[*HOST, header])
    await somebody.connect()
    assert (await somebody.hears())["type"] == "hello"

    one.snapshot = replace(one.snapshot, version=2, keys={})

    assert (await somebody.hears())["code"] == "unauthorized"
    assert await somebody.closes() == 4401


async def test_without_a_key_nobody_predicts_in_production(one: World) -> None:
    stranger = client(one, is_open=False)
    await stranger.connect()

    assert (await stranger.hears())["code"] == "unauthorized"
    assert await stranger.closes() == 4401


class Gate:
    """A model that answers when it is opened; meanwhile it holds its thread."""

    def __init__(self, one: World) -> None:
        self.opened = threading.Event()
        model = one.snapshot.served[1].model
        assert isinstance(model, Echo)
        model.inline_ok = False
        model.fails = self._wait

    def _wait(self, _: Tensors) -> None:
        assert self.opened.wait(5)


async def test_beyond_the_credits_a_frame_is_overloaded(one: World, greeted: Client) -> None:
    gate = Gate(one)
    for number in range(WINDOW + 2):
        await greeted.says(id=number, record={"a": 0.9})
    refused = [await greeted.hears() for _ in range(2)]
    gate.opened.set()
    answered = [await greeted.hears() for _ in range(WINDOW)]
    await greeted.says(id="again", record={"a": 0.9})

    assert [(each["type"], each["id"]) for each in refused] == [
        ("overloaded", WINDOW),
        ("overloaded", WINDOW + 1),
    ]
    assert refused[0]["retry_after_ms"] == 100
    assert sorted(each["id"] for each in answered) == list(range(WINDOW))
    assert (await greeted.hears())["id"] == "again"


async def test_a_draining_server_answers_what_it_took_and_nothing_more(
    one: World, greeted: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SOCKETS, "draining", False)
    gate = Gate(one)
    await greeted.says(id=1, record={"a": 0.9})
    await asyncio.sleep(0)
    draining = asyncio.ensure_future(SOCKETS.drain(5.0))
    assert (await greeted.hears())["type"] == "draining"
    await greeted.says(id=2, record={"a": 0.9})
    assert (await greeted.hears())["code"] == "draining"
    gate.opened.set()

    assert (await greeted.hears())["type"] == "result"
    assert await greeted.closes() == 1012
    await draining


async def test_who_hangs_up_leaves_nothing_in_flight(one: World) -> None:
    gate = Gate(one)
    somebody, neighbour = client(one), client(one)
    for each in (somebody, neighbour):
        await each.connect()
        await each.hears()
        await each.says(id=1, record={"a": 0.9})
    await somebody.disconnect()
    gate.opened.set()

    assert (await neighbour.hears())["type"] == "result"
    await neighbour.disconnect()
    assert len(SOCKETS) == 0
    assert [t for t in asyncio.all_tasks() if "predict.py" in str(t.get_coro())] == []


async def test_what_nobody_expected_is_an_error_without_its_inside(
    greeted: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failed: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    failed.set_exception(ZeroDivisionError("secret"))
    pending = door.Pending((), failed, 1)
    monkeypatch.setattr(door.current(), "begin", lambda *_: pending)
    await greeted.says(id=1, record={"a": 0.9})
    heard = await greeted.hears()

    assert (heard["type"], heard["id"], heard["code"]) == ("error", 1, "model_error")
    assert "secret" not in heard["message"]
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("nonsense", [" ", "nonsense", "[]", '{"id": 1}', '{"id":1,"recrod":{}}'])
async def test_eleven_frames_of_nonsense_in_a_minute_are_too_many(
    greeted: Client, nonsense: str
) -> None:
    for _ in range(predict.MOST_NONSENSE + 5):
        await greeted.send_to(text_data=nonsense)
    said = [await greeted.hears() for _ in range(predict.MOST_NONSENSE + 1)]

    assert {each["type"] for each in said} == {"error"}
    assert await greeted.closes() == 1008


async def test_nonsense_is_forgotten_after_a_minute(
    greeted: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "MINUTE", 0.0)
    for _ in range(3 * predict.MOST_NONSENSE):
        await greeted.send_to(text_data="nonsense")
        assert (await greeted.hears())["code"] == "json_invalid"


async def test_rows_that_do_not_fit_are_no_nonsense(greeted: Client) -> None:
    for _ in range(3 * predict.MOST_NONSENSE):
        await greeted.says(id=1, record={"a": "no"})
        assert (await greeted.hears())["code"] == "row_invalid"


async def test_a_json_client_has_no_binary_frames(greeted: Client) -> None:
    await greeted.send_to(bytes_data=b'{"id": 5, "record": {"a": 1}}')
    heard = await greeted.hears()

    assert (heard["code"], heard["id"]) == ("frame_invalid", 5)


async def test_who_does_not_read_is_closed(one: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "SEND_SECONDS", 0.01)
    sent = await _deaf(one, [{"type": "websocket.connect"}])

    assert sent[-1] == {"type": "websocket.close", "code": 1013}
    assert len(SOCKETS) == 0


async def test_so_many_bytes_are_in_flight_and_the_rest_is_not_read(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predict, "MOST_BYTES", 150)
    gate = Gate(one)
    frame = json.dumps({"id": 1, "record": {"a": 0.9, "padding": "x" * 60}})
    arriving = _Arriving([{"type": "websocket.connect"}])
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    application = router(Doors(Access(lambda: one.snapshot, is_open=True)), window=WINDOW)
    running = asyncio.ensure_future(
        application(cast("Any", _scope()), cast("Any", arriving), cast("Any", send))
    )
    for _ in range(3):
        arriving.queue.put_nowait({"type": "websocket.receive", "text": frame})
    async with asyncio.timeout(5):
        while arriving.queue.qsize() > 1:  # noqa: ASYNC110  # two make more than that
            await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert arriving.queue.qsize() == 1
    gate.opened.set()
    arriving.queue.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await asyncio.wait_for(running, 5)


class _Arriving:
    """What a server would hand over."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.queue: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        for message in messages:
            self.queue.put_nowait(message)

    async def __call__(self) -> dict[str, Any]:
        return await self.queue.get()


def _scope() -> dict[str, Any]:
    return {"type": "websocket", "path": PATH, "headers": HOST, "subprotocols": []}


async def _deaf(one: World, messages: list[dict[str, Any]]) -> list[Any]:
    """What is sent to a client that takes no frame."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    application = router(Doors(Access(lambda: one.snapshot, is_open=True)), window=WINDOW)
    async with asyncio.timeout(5):
        await application(
            cast("Any", _scope()), cast("Any", _Arriving(messages)), cast("Any", send)
        )
    return sent
