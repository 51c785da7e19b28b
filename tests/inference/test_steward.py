"""When a test is attended: soon after it changed, each second anyway, and never twice at once."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from inference import steward
from inference.steward import Steward

PATIENCE = 5.0


@dataclass
class World:
    """`answer` says of each call whether the test has to be attended again."""

    answer: Callable[[int], bool] = lambda _: True
    running: list[int] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    at_once: int = 0
    most_at_once: int = 0

    def attend(self, abtest_id: int, now: datetime) -> bool:
        assert now.tzinfo is not None
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        self.asked.append(abtest_id)
        self.loop.call_soon_threadsafe(self.woken.set)
        try:
            return self.answer(abtest_id)
        finally:
            self.at_once -= 1

    async def was_asked(self, times: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.asked) < times:
                await self.woken.wait()
                self.woken.clear()


@asynccontextmanager
async def attending(world: World) -> AsyncIterator[Steward]:
    running = Steward(world.attend, lambda: world.running)
    task = asyncio.ensure_future(running.run())
    try:
        yield running
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "TICK", 60.0)


async def test_a_change_is_attended_at_once_and_many_are_one_more(unhurried: None) -> None:
    world = World()
    loop = asyncio.get_running_loop()
    async with attending(world) as one:
        before = loop.time()
        one.touch(7)
        await world.was_asked(1)
        first = loop.time()
        for _ in range(100):
            one.touch(7)
        await world.was_asked(2)

    assert first - before < 0.25
    assert loop.time() - before < 1.0
    assert world.asked == [7, 7]


async def test_a_test_that_needs_nobody_is_asked_for_once(unhurried: None) -> None:
    world = World(answer=lambda abtest_id: abtest_id != 7)
    async with attending(world) as one:
        one.touch(7)
        await world.was_asked(1)
        for _ in range(3):
            one.touch(7)
            one.touch(8)
            await world.was_asked(len(world.asked) + 1)

    assert world.asked == [7, 8, 8, 8]


async def test_what_runs_is_attended_without_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steward, "TICK", 0.01)
    world = World(running=[3])
    async with attending(world):
        await world.was_asked(2)

    assert set(world.asked) == {3}


async def test_a_database_that_is_away_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(steward, "TICK", 0.01)
    away = iter([OSError("gone"), OSError("gone")])

    def answer(_: int) -> bool:
        for error in away:
            raise error
        return True

    world = World(answer, running=[3])
    async with attending(world):
        await world.was_asked(3)

    assert caplog.text.count("test 3 was not attended") == 2


async def test_one_test_is_attended_once_at_a_time_and_holds_up_no_other(unhurried: None) -> None:
    over = threading.Event()
    world = World(answer=lambda abtest_id: abtest_id != 7 or over.wait(PATIENCE))
    async with attending(world) as one:
        one.touch(7)
        await world.was_asked(1)
        one.touch(7)
        one.touch(8)
        await world.was_asked(2)
        assert world.asked == [7, 8]
        over.set()
        await world.was_asked(3)

    assert world.asked == [7, 8, 7]
    assert world.most_at_once == 2  # of two tests
