"""A server with everything that it starts: how much memory they take, and none outlives it."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import Final

import psutil

from bench.problem import BenchFailed
from bench.process import Server

GONE_SECONDS: Final = 5.0
_TRIES: Final = 5


class Family(Server):
    """Some peers start processes that do not end with them, or start slowly."""

    start_seconds = 120.0

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        children = self._children()
        super().__exit__(kind, error, trace)
        for each in children:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(children, GONE_SECONDS)

    def proportional_megabytes(self) -> float:
        """Memory of all its processes, what they share counted once; resident where unknown."""
        with suppress(psutil.NoSuchProcess):
            everyone = [psutil.Process(self.pid), *self._children()]
            return sum(_bytes(each) for each in everyone) / 1e6
        return 0.0

    def cpu_seconds(self) -> float:
        """Again, if a process ended while they were counted; raises BenchFailed if one always did.

        No number would be as wrong as 0: a peer that costs nothing.
        """
        for _ in range(_TRIES):
            with suppress(psutil.NoSuchProcess):
                return super().cpu_seconds()
        raise BenchFailed(f"{self.name}: its processes ended while their time was counted.")

    def _children(self) -> list[psutil.Process]:
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []


def _bytes(process: psutil.Process) -> int:
    try:
        found = process.memory_full_info()
    except psutil.Error:  # it has ended meanwhile, or is none of ours to look at
        return 0
    return int(getattr(found, "pss", found.rss))
