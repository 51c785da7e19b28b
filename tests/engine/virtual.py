"""An event loop and threads whose time is virtual: an afternoon passes in a millisecond."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable
from typing import Any, TypeVar

from inference.engine.thread import Then

R = TypeVar("R")


class Stuck(Exception):
    """Everybody waits, and nothing is going to happen."""


class _Selector(selectors.SelectSelector):
    """Instead of waiting for a moment, goes there."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Stuck
        self.now += timeout
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Runs what is ready; when nothing is, it is at once the time of the next timer."""

    def __init__(self) -> None:
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now


class Clock:
    """What stands for `monotonic`: virtual time, and the cost of calls that take none of it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.spent = 0.0

    def __call__(self) -> float:
        return self._loop.time() + self.spent

    def cost_of(self, work: Callable[[], R]) -> tuple[R, float]:
        """Do it; what it spent is taken back, to be waited for instead."""
        before = self.spent
        done = work()
        cost, self.spent = self.spent - before, before
        return done, cost


class VirtualThread:
    """Calls are made one after another; each takes the virtual seconds that it spends.

    One in `hangs` of them never returns.
    """

    def __init__(self, clock: Clock, dice: random.Random, hangs: float) -> None:
        self.alive = True
        self._clock = clock
        self._dice = dice
        self._hangs = hangs
        self._free_at = 0.0

    def call(self, work: Callable[[], R], then: Then[R]) -> None:
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time())
        loop.call_at(self._free_at, self._begin, work, then)
        # Whatever it takes, nobody else gets this thread before.
        self._free_at += 1e-9

    def close(self) -> None:
        """It ends after its last call; nobody looks."""

    def _begin(self, work: Callable[[], R], then: Then[R]) -> None:
        if self._dice.random() < self._hangs:
            self._free_at = 1e9
            return
        loop = asyncio.get_running_loop()
        if loop.time() < self._free_at - 1e-6:
            loop.call_at(self._free_at, self._begin, work, then)
            return
        result, cost = self._clock.cost_of(work)
        self._free_at = loop.time() + cost
        loop.call_at(self._free_at, then, result, None)
