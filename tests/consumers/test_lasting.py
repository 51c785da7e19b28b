"""A session's frames count once however often they are sent, and their answers can be had later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, cast

import msgspec
import pytest
from channels.testing import WebsocketCommunicator

from consumers.doors import Doors
from consumers.routing import router
from inference import gateway, keys
from inference.access import Access
from inference.core import wire
from inference.core.types import LogMode
from inference.durable import door
from inference.models import Outbox
from inference.registry import Key
from tests.durable.lives import Gate, Life, Shared, database, logged, process, shared

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/ws/v1/predict/e"
HOST = (b"host", b"127.0.0.1:8000")
SESSION = "a-session_of-sixteen"
WINDOW = 4


@pytest.fixture
def one() -> Shared:
    return shared()


@asynccontextmanager
async def serving(one: Shared, name: str = "a") -> AsyncIterator[Life]:
    """A process whose doors are this one's; it is gone after."""
    async with process(one, name) as life:
        gateway.install(life.gateway)
        door.install(life.durable)
        try:
            yield life
        finally:
            gateway.install(None)
            door.install(None)


@pytest.fixture
async def life(one: Shared) -> AsyncIterator[Life]:
    async with serving(one) as found:
        yield found


class Socket(WebsocketCommunicator):
    """A JSON client."""

    async def says(self, **frame: Any) -> None:
        await self.send_json_to({name.rstrip("_"): value for name, value in frame.items()})

    async def hears(self) -> dict[str, Any]:
        body: dict[str, Any] = await self.receive_json_from(timeout=5)
        return body


@asynccontextmanager
async def opened(
    one: Shared, session: str | None = SESSION, key: str = "", **other: Any
) -> AsyncIterator[Socket]:
    """A socket whose hello was read."""
    doors = Doors(Access(lambda: one.snapshot, is_open=not key))
    headers = [HOST, *([(b"authorization", f"Api-Key {key}".encode())] if key else [])]
    path = PATH if session is None else f"{PATH}?session={session}"
    socket = Socket(router(doors, window=WINDOW), path, headers=headers, **other)
    await socket.connect()
    await socket.receive_from(timeout=5)
    try:
        yield socket
    finally:
        await socket.disconnect()


async def test_the_greeting_repeats_the_session(one: Shared, life: Life) -> None:
    doors = Doors(Access(lambda: one.snapshot, is_open=True))
    socket = Socket(router(doors, window=WINDOW), f"{PATH}?session={SESSION}", headers=[HOST])
    await socket.connect()

    assert (await socket.hears())["session"] == SESSION
    await socket.disconnect()


@pytest.mark.parametrize("session", ["", "short", "x" * 129, "with%20blanks%20in%20it", "é" * 20])
async def test_a_session_that_could_be_guessed_is_none(
    one: Shared, life: Life, session: str
) -> None:
    doors = Doors(Access(lambda: one.snapshot, is_open=True))
    socket = Socket(router(doors, window=WINDOW), f"{PATH}?session={session}", headers=[HOST])
    await socket.connect()

    assert (await socket.hears())["code"] == "frame_invalid"
    assert (await socket.receive_output(timeout=5))["code"] == 1008


@pytest.mark.parametrize(
    ("frame", "count"),
    [
        ({"record": {"a": 0.75}}, 1),
        ({"record": {"a": "no"}}, 1),
        ({"records": [{"a": 0.75}]}, 1),
        ({"rows": [[0.75, "x"], [0.25, None]]}, 2),
    ],
)
async def test_the_same_id_again_gets_the_first_answer(
    one: Shared, life: Life, frame: dict[str, Any], count: int
) -> None:
    async with opened(one) as socket, opened(one) as other:
        for each in (socket, socket, other):
            await each.says(id=1, **frame)
        heard = [await each.hears() for each in (socket, socket, other)]

    assert heard[0] == heard[1] == heard[2]
    assert len(await database(logged)) == count


async def test_an_answer_in_a_session_is_the_one_outside(one: Shared, life: Life) -> None:
    async with opened(one) as socket, opened(one, None) as plain:
        await socket.says(id=1, record={"a": 0.75})
        await plain.says(id=1, record={"a": 0.75})
        heard, said = await socket.hears(), await plain.hears()

    assert heard["result"].pop("request_id") != said["result"].pop("request_id")
    assert heard == said


@pytest.mark.parametrize(
    "other",
    [{"record": {"a": 0.5}}, {"records": [{"a": 0.75}]}, {"record": {"a": 0.75}, "subject": "x"}],
)
async def test_another_request_under_the_same_id_is_refused(
    one: Shared, life: Life, other: dict[str, Any]
) -> None:
    async with opened(one) as socket:
        await socket.says(id=1, record={"a": 0.75})
        await socket.hears()
        await socket.says(id=1, **other)
        heard = await socket.hears()

    assert (heard["type"], heard["id"], heard["code"]) == ("error", 1, "idempotency_mismatch")


async def test_a_number_and_a_text_are_two_ids_and_so_are_those_of_two_sessions(
    one: Shared, life: Life
) -> None:
    async with opened(one) as socket, opened(one, SESSION + "2") as other:
        await socket.says(id=1, record={"a": 0.75})
        await socket.says(id="1", record={"a": 0.5})
        await other.says(id=1, record={"a": 0.25})
        heard = [await each.hears() for each in (socket, socket, other)]

    assert {each["type"] for each in heard} == {"result"}
    assert len(await database(logged)) == 3


async def test_sessions_of_two_callers_never_meet(one: Shared, life: Life) -> None:
    made = [keys.make() for _ in range(2)]
    known = {m.prefix: Key(m.hashed, "robot", frozenset({"predict"}), None) for m in made}
    one.snapshot = replace(one.snapshot, keys=known)
    async with opened(one, key=made[0].text) as ann, opened(one, key=made[1].text) as bob:
        await ann.says(id=1, record={"a": 0.75})
        await ann.hears()
        await bob.says(id=2, resume=[1])
        heard = await bob.hears()

    assert (heard["type"], heard["id"], heard["code"]) == ("error", 1, "not_found")


async def test_without_a_session_an_id_may_be_used_again(one: Shared, life: Life) -> None:
    async with opened(one, None) as socket:
        await socket.says(id=1, record={"a": 0.75})
        await socket.says(id=1, record={"a": 0.5})
        heard = [await socket.hears(), await socket.hears()]

    assert [each["type"] for each in heard] == ["result", "result"]


# -- accepted --------------------------------------------------------------------------------------


@pytest.mark.parametrize("session", [SESSION, None])
async def test_what_is_accepted_is_answered_on_the_same_socket(
    one: Shared, life: Life, session: str | None
) -> None:
    async with opened(one, session) as socket:
        await socket.says(id=9, record={"a": 0.75}, async_=True)
        accepted, result = await socket.hears(), await socket.hears()

    assert accepted == {
        "type": "accepted",
        "id": 9,
        "request_id": result["result"]["request_id"],
    }
    assert (result["type"], result["id"]) == ("result", 9)
    assert await life.durable.drain(asyncio.get_running_loop().time() + 5)
    assert await database(Outbox.objects.count) == 0


async def test_many_rows_are_accepted_with_an_id_each(one: Shared, life: Life) -> None:
    async with opened(one) as socket:
        await socket.says(id=9, records=[{"a": 0.75}, {"a": "no"}], async_=True)
        accepted, result = await socket.hears(), await socket.hears()

    assert accepted["request_ids"] == [each["request_id"] for each in result["results"]]


async def test_what_is_put_off_is_still_answered_on_the_same_socket(
    one: Shared, life: Life
) -> None:
    life.broken_log = OSError("away")
    async with opened(one) as socket:
        await socket.says(id=9, record={"a": 0.75}, async_=True)
        assert (await socket.hears())["type"] == "accepted"
        async with asyncio.timeout(5):
            while await database(lambda: Outbox.objects.filter(refusals=0).count()):  # noqa: ASYNC110  # a table tells nobody
                await asyncio.sleep(0)
        life.broken_log = None
        await database(lambda: Outbox.objects.update(due_at="2020-01-01T00:00Z"))
        await life.durable.sweeper.sweep()

        assert (await socket.hears())["type"] == "result"


async def test_where_nothing_is_logged_nothing_is_accepted(one: Shared, life: Life) -> None:
    one.log(LogMode.OFF)
    async with opened(one) as socket:
        await socket.says(id=1, record={"a": 0.75}, async_=True)
        await socket.says(id=2, record={"a": 0.75})
        heard = [await socket.hears(), await socket.hears()]

    assert {each["code"] for each in heard} == {"not_logged"}


async def test_a_socket_that_ends_keeps_nobody_waiting_for_what_it_accepted(one: Shared) -> None:
    async with serving(one) as life:
        life.broken_log = OSError("away")
        async with opened(one) as socket:
            await socket.says(id=9, record={"a": 0.75}, async_=True)
            await socket.hears()
            await socket.says(id=10, resume=[9])
            life.gateway.draining = True
            await socket.says(id=11, record={"a": 0.75})
            heard = await socket.hears()

    assert (heard["id"], heard["code"]) == (11, "draining")


# -- resumed ---------------------------------------------------------------------------------------


async def test_after_a_new_connection_the_answers_are_had_by_their_ids(one: Shared) -> None:
    async with serving(one, "a"), opened(one) as socket:
        await socket.says(id=1, record={"a": 0.75})
        await socket.says(id="b", records=[{"a": 0.25}, {"a": "no"}])
        await socket.says(id=3, record={"a": "no"})
        said = {frame["id"]: frame for frame in [await socket.hears() for _ in range(3)]}
    async with serving(one, "b"), opened(one) as socket:
        await socket.says(id=10, resume=[1, "b", 3, 4])
        heard = {frame["id"]: frame for frame in [await socket.hears() for _ in range(4)]}

    assert heard.pop(4)["code"] == "not_found"
    assert heard == said
    assert [said[3]["type"], said[3]["code"]] == ["error", "row_invalid"]
    assert len(await database(logged)) == 4


async def test_what_is_not_there_yet_comes_as_soon_as_it_is(one: Shared, life: Life) -> None:
    gate = Gate(one.models[0])
    async with opened(one) as socket:
        await socket.says(id=1, record={"a": 0.75})
        await gate.reached()
    async with opened(one) as socket:
        await socket.says(id=2, resume=[1])
        gate.open()
        heard = await socket.hears()

    assert (heard["type"], heard["id"]) == ("result", 1)


async def test_resuming_takes_a_credit_while_it_lasts(one: Shared, life: Life) -> None:
    async with opened(one) as socket:
        for number in range(3 * WINDOW):
            await socket.says(id=number, resume=["nothing"])
            assert (await socket.hears())["code"] == "not_found"


async def test_only_a_session_can_resume(one: Shared, life: Life) -> None:
    async with opened(one, None) as socket:
        await socket.says(id=2, resume=[1])
        heard = await socket.hears()

    assert (heard["id"], heard["code"]) == (2, "frame_invalid")


async def test_msgpack_clients_have_sessions_too(one: Shared, life: Life) -> None:
    async with opened(one, subprotocols=[wire.MSGPACK]) as socket:
        for frame in (
            {"id": 9, "record": {"a": 0.75}, "async": True},
            {"id": 10, "resume": [9]},
        ):
            await socket.send_to(bytes_data=msgspec.msgpack.encode(frame))
        said = [cast("bytes", await socket.receive_from(timeout=5)) for _ in range(3)]
        heard = [msgspec.msgpack.decode(each) for each in said]

    assert [each["type"] for each in heard] == ["accepted", "result", "result"]
    assert heard[1] == heard[2]
