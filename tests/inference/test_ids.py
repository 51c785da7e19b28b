"""Each id is handed out once, and in order within a process."""

from __future__ import annotations

import asyncio

import pytest

from inference import ids as ids_module
from inference.ids import Ids


class Database:
    """Hands out blocks; can be held up or broken."""

    def __init__(self) -> None:
        self.next = 1
        self.asked: list[int] = []
        self.open = asyncio.Event()
        self.open.set()
        self.error: Exception | None = None

    async def reserve(self, count: int) -> range:
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.asked.append(count)
        start, self.next = self.next, self.next + count
        return range(start, start + count)


async def test_ids_rise_without_gaps_across_blocks() -> None:
    ids = Ids(Database().reserve, block=10)
    taken: list[int] = []
    for count in [1, 3, 1, 9, 25, 1, 1]:
        await ids.wait(count)
        taken.extend(ids.take(count))
    assert taken == list(range(1, 42))


async def test_the_next_block_is_there_before_the_present_one_runs_out() -> None:
    database = Database()
    ids = Ids(database.reserve, block=10)
    await ids.wait(1)
    for _ in range(200):
        assert ids.ready(1)
        ids.take(1)
        await asyncio.sleep(0)  # one turn of the loop, as between two requests
        await asyncio.sleep(0)
    assert database.asked == [10, 20, 40, 80, 160]  # each lasted less than a moment


async def test_a_block_that_lasts_is_followed_by_one_of_its_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ids_module, "LASTS", 0.0)
    database = Database()
    ids = Ids(database.reserve, block=10)
    for _ in range(30):
        await ids.wait(1)
        ids.take(1)
    assert set(database.asked) == {10}


async def test_nothing_is_ready_before_the_database_has_answered() -> None:
    database = Database()
    database.open.clear()
    ids = Ids(database.reserve, block=10)
    assert not ids.ready(1)
    waiting = asyncio.ensure_future(ids.wait(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    database.open.set()
    await waiting
    assert ids.ready(1)


async def test_many_who_wait_are_served_by_one_reservation() -> None:
    database = Database()
    ids = Ids(database.reserve, block=100)
    await asyncio.gather(*[ids.wait(1) for _ in range(50)])
    assert database.asked == [100]


async def test_a_failed_reservation_is_told_and_tried_again() -> None:
    database = Database()
    database.error = OSError("away")
    ids = Ids(database.reserve, block=10)
    with pytest.raises(OSError, match="away"):
        await ids.wait(1)
    database.error = None
    await ids.wait(1)
    assert ids.take(1) == [1]


async def test_one_who_gives_up_does_not_stop_the_reservation_for_the_others() -> None:
    database = Database()
    database.open.clear()
    ids = Ids(database.reserve, block=10)
    impatient, patient = asyncio.ensure_future(ids.wait(1)), asyncio.ensure_future(ids.wait(1))
    await asyncio.sleep(0)
    impatient.cancel()
    database.open.set()
    await patient
    assert ids.take(1) == [1]


async def test_what_is_left_can_be_given_back() -> None:
    ids = Ids(Database().reserve, block=10)
    assert ids.left == range(0)
    await ids.wait(1)
    ids.take(3)
    assert ids.left == range(4, 11)
