"""How much CPU somebody took while something was measured."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

import psutil


class Usage:
    """A context; afterwards, the shares of one CPU that server, client and all others took."""

    def __init__(self, server: Callable[[], float], client: Callable[[], float]) -> None:
        self._clocks = (time.perf_counter, server, client, _machine)
        self._before: list[float] = []
        self.wall = self.server = self.client = self.others = 0.0

    def __enter__(self) -> Usage:
        self._before = [clock() for clock in self._clocks]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        pairs = zip(self._clocks, self._before, strict=True)
        wall, server, client, machine = [clock() - before for clock, before in pairs]
        self.wall = wall
        self.server, self.client = server / wall, client / wall
        self.others = max(0.0, (machine - server - client) / wall)


def of_process(pid: int) -> float:
    """Seconds of a process and its children so far."""
    parent = psutil.Process(pid)
    family = [parent, *parent.children(recursive=True)]
    return sum(sum(each.cpu_times()[:2]) for each in family)


def _machine() -> float:
    times = psutil.cpu_times()
    idle: float = times.idle + getattr(times, "iowait", 0.0)
    return sum(times[:8]) - idle
