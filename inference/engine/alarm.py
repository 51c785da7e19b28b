"""One timer for many deadlines: it rings at the earliest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from math import inf

# Timers may ring a little early and deadlines may crowd: never more often than this, in seconds.
GRAIN = 0.001


class Alarm:
    """Set for the earliest deadline known; the ringing finds out whose it was."""

    __slots__ = ("_loop", "_ring", "_timer", "at")

    def __init__(self, ring: Callable[[], None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None
        self.at = inf

    def set(self, at: float) -> None:
        """Ring at `at` (loop time), unless it is set for an earlier moment already."""
        if at >= self.at:
            return
        self.stop()
        self.at = at
        self._timer = self._loop.call_at(max(at, self._loop.time() + GRAIN), self._rung)

    def stop(self) -> None:
        self.at = inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rung(self) -> None:
        self.stop()
        self._ring()
