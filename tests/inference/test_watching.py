"""Batches are counted once, whatever becomes of the database, and never at a batch's expense."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

import numpy as np
import pytest
from django.db import OperationalError

from inference.core.drift import Counts
from inference.core.reference import Reference
from inference.engine.base import BatchReport
from inference.opening import LaneKey
from inference.watching import Watching, window_of
from tests.inference import watched

ROWS = watched.rows(40)


class World:
    """Keeps what is written; the database fails as often as it is told to."""

    def __init__(self, fails: int = 0, seconds: float = 300.0) -> None:
        self.rows: list[tuple[int, int, str]] = []
        self.fails = fails
        self.references: dict[int, Reference | None] = {7: watched.reference()}
        self.written = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.watching = Watching(self.references.get, self.write, lambda: "shard", seconds)

    def write(self, counted: Mapping[tuple[int, datetime], Counts], shard: str) -> None:
        if self.fails:
            self.fails -= 1
            raise OperationalError
        self.rows += [(key[0], counts.rows, shard) for key, counts in counted.items()]
        self._loop.call_soon_threadsafe(self.written.set)

    def saw(self, rows: int, algorithm_id: int = 7) -> None:
        matrix = ROWS[:rows]
        arrays = (matrix,), (watched.outputs(matrix),)
        self.watching.saw(BatchReport(LaneKey(algorithm_id, 1), 1, rows, 0, 0.0, 0.0, *arrays))


async def test_batches_are_written_together() -> None:
    world = World()
    world.saw(3)
    world.saw(4)

    await world.watching.flush()
    await world.watching.flush()

    assert world.rows == [(7, 7, "shard")]


async def test_it_is_written_without_being_asked() -> None:
    world = World(seconds=0.01)
    task = asyncio.ensure_future(world.watching.run())
    world.saw(3)

    async with asyncio.timeout(5):
        await world.written.wait()
    task.cancel()

    assert world.rows == [(7, 3, "shard")]


async def test_what_could_not_be_written_is_written_later() -> None:
    world = World(fails=1)
    world.saw(3)
    await world.watching.flush()
    world.saw(4)

    await world.watching.flush()

    assert sum(rows for _, rows, _ in world.rows) == 7


async def test_while_the_database_is_away_memory_is_bounded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("inference.watching.MOST_KEPT", 2)
    world = World(fails=4, seconds=1e-6)
    for _ in range(4):
        world.saw(1)
        await world.watching.flush()

    await world.watching.flush()

    assert len(world.rows) == 2
    assert "are not counted" in caplog.text


async def test_a_model_without_a_reference_is_not_counted() -> None:
    world = World()
    world.saw(3, algorithm_id=8)

    await world.watching.flush()

    assert world.rows == []


async def test_a_reference_that_comes_later_is_found() -> None:
    world = World()
    world.saw(3, algorithm_id=8)
    await world.watching.flush()
    world.references[8] = watched.reference()
    world.saw(2, algorithm_id=8)

    await world.watching.flush()

    assert world.rows == [(8, 2, "shard")]


async def test_a_batch_of_which_nothing_came_is_none() -> None:
    world = World()
    world.watching.saw(BatchReport(LaneKey(7, 1), 1, 3, 3, 0.0, 0.0))

    await world.watching.flush()

    assert world.rows == []


async def test_of_very_many_rows_only_so_many_are_counted_in_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("inference.watching.MOST_CELLS", 21)  # rows of five: the fifth is begun
    now = [100.0]
    monkeypatch.setattr("inference.watching.monotonic", lambda: now[0])
    world = World()
    world.references[8] = watched.reference()
    for _ in range(4):
        world.saw(3)
    world.saw(3, algorithm_id=8)
    now[0] = 101.0
    world.saw(4)

    await world.watching.flush()

    assert world.rows == [(7, 3 + 2 + 4, "shard"), (8, 3, "shard")]


async def test_a_model_that_is_not_what_its_reference_says_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    wrong = BatchReport(LaneKey(7, 1), 1, 3, 0, 0.0, 0.0, (np.ones((3, 2)),), (np.ones((3, 2)),))
    with caplog.at_level(logging.ERROR):
        world.watching.saw(wrong)
        world.watching.saw(wrong)
    world.saw(3)

    await world.watching.flush()

    assert world.rows == []
    assert caplog.text.count("is not counted any more") == 1


def test_a_window_begins_at_the_same_moment_in_every_process() -> None:
    moment = datetime(2026, 1, 2, 3, 7, 59, 999999, tzinfo=UTC)

    assert window_of(moment, 300) == datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
