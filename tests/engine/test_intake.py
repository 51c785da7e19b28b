"""Parcels become jobs, and whatever becomes of these is an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from inference.core import parcels
from inference.core.batching import BatchPolicy
from inference.core.errors import Overloaded
from inference.core.parcels import Item
from inference.core.rows import JsonRows
from inference.core.tickets import Part
from inference.core.types import LogMode, Model
from inference.engine.commit import GroupCommit
from inference.engine.finisher import Entry
from inference.engine.intake import FATAL, Alone, Intake
from inference.engine.local import LocalEngine
from tests.engine.pair import Log, models, part, until
from tests.inference.gateways import FOREST, Echo


class Room:
    """An intake over a real engine; what is done stays to be looked at."""

    def __init__(self) -> None:
        self.log = Log()
        self.engine = LocalEngine(BatchPolicy(), GroupCommit(self.log.write))
        self.done: list[Entry] = []
        self.intake = Intake(self.engine, self.done.append)
        self.model = Echo(FOREST.id)
        self.intake.served = models(self.model)

    async def answers(self, *items: Item, age: float = 0.0) -> list[parcels.Result]:
        entry = Entry(FOREST.id, "jobs", b"1-0", "web", items)
        self.intake.start(entry, age)
        await until(lambda: entry in self.done)
        return sorted(entry.results, key=lambda result: result.number)


@pytest.fixture
async def room() -> AsyncIterator[Room]:
    room = Room()
    yield room
    await room.engine.close()


def item(ticket: Part, number: int = 1, remaining: float = 20.0) -> Item:
    return parcels.item(ticket, number, remaining)


def codes(results: list[parcels.Result]) -> list[str | None]:
    return [result.failure.code if result.failure else None for result in results]


async def test_all_jobs_of_a_parcel_share_a_batch_and_are_logged(room: Room) -> None:
    tickets = [part(0.25), part(0.5, 0.75)]
    results = await room.answers(*(item(t, n) for n, t in enumerate(tickets)))

    assert codes(results) == [None, None]
    assert room.model.seen == [3]
    assert [row.id for row in room.log.rows.values()] == [i for t in tickets for i in t.ids]
    assert [len(result.texts) for result in results] == [1, 2]


async def test_a_job_whose_time_was_up_on_the_way_is_not_begun(room: Room) -> None:
    results = await room.answers(item(part(0.5), 1, 2.0), item(part(0.5), 2, 4.0), age=3.0)

    assert codes(results) == ["deadline_exceeded", None]
    assert room.model.seen == [1]


@pytest.mark.parametrize("mode", list(LogMode))
async def test_a_job_without_a_row_that_fits_is_only_logged(room: Room, mode: LogMode) -> None:
    ticket = part(mode=mode, rows=JsonRows([b'{"a": "no"}']))
    (result,) = await room.answers(item(ticket))

    assert (codes([result]), result.errors[0].code, room.model.seen) == ([None], "row_invalid", [])
    logged = 0 if mode is LogMode.OFF else 1
    await until(lambda: len(room.log.rows) == logged)  # in fast mode, after the answer


async def test_a_log_that_cannot_be_written_gives_no_answer(room: Room) -> None:
    room.log.broken = OSError("disk full")

    assert codes(await room.answers(item(part(0.5)))) == ["storage_unavailable"]


async def test_what_the_engine_refuses_is_answered_so(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise Overloaded("no room")

    monkeypatch.setattr(room.engine, "submit", full)

    assert codes(await room.answers(item(part(0.5)))) == ["overloaded"]


async def test_a_job_that_nobody_foresaw_fails_alone(room: Room) -> None:
    torn = item(part(0.5), 1)
    torn.blocks[0].shape = (7, 7)

    assert codes(await room.answers(torn, item(part(0.5), 2))) == ["model_error", None]


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_a_job_that_ends_in_no_way_known_is_answered_all_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(room.engine, "submit", lambda _: future)
    if how == "cancelled":
        future.cancel()
    else:
        future.set_exception(LookupError("unforeseen"))

    assert codes(await room.answers(item(part(0.5)))) == ["model_error"]


@pytest.mark.parametrize("mode", list(LogMode))
async def test_a_job_that_ends_whoever_computes_it_is_answered_and_logged(
    room: Room, mode: LogMode
) -> None:
    tickets = [part(0.25, 0.5, mode=mode), part(0.75, mode=mode)]
    entry = Entry(FOREST.id, "jobs", b"1-0", "web", [item(t, n) for n, t in enumerate(tickets)])
    room.intake.give_up(entry)
    await until(lambda: entry in room.done)
    await room.engine.drain(asyncio.get_running_loop().time() + 5)

    errors = [error for result in entry.results for error in result.errors.values()]
    assert [(error.code, error.message) for error in errors] == [("model_error", FATAL)] * 3
    assert (room.intake.dead, room.model.seen) == (2, [])
    logged = [] if mode is LogMode.OFF else ["model_error"] * 3
    assert [row.error_code for row in room.log.rows.values()] == logged


async def test_a_suspect_shares_no_batch_with_others(room: Room) -> None:
    suspect = Entry(FOREST.id, "jobs", b"1-0", "web", [item(part(0.5))])
    innocent = Entry(FOREST.id, "jobs", b"2-0", "web", [item(part(0.25))])
    room.intake.start(suspect, 0.0, alone=True)
    room.intake.start(innocent, 0.0)
    await until(lambda: len(room.done) == 2)

    assert room.model.seen == [1, 1]
    assert set(room.engine.stats().lanes) == {FOREST.id, ("alone", FOREST.id)}


def test_alone_a_model_is_the_same_in_another_lane_and_never_on_the_loop() -> None:
    model: Model = Echo(3)
    alone = Alone(model)

    assert (alone.key, alone.inline_ok) == (("alone", 3), False)
