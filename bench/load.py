"""One measurement of a load, and the middle of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import median

from bench.usage import Usage


@dataclass(frozen=True, slots=True)
class Load:
    """Answers a second and how long each took; the shares are of one CPU.

    `others` is what everybody else took on this machine: beside much of it, only ratios count.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    count: int = 0
    server_cpu: float = 0.0
    client_cpu: float = 0.0
    others_cpu: float = 0.0
    errors: int = 0

    @property
    def cost_us(self) -> float:
        """The server's CPU time for one answer: hardly depends on who else is busy."""
        return 1e6 * self.server_cpu / self.rate

    def beside(self, usage: Usage) -> Load:
        """The same, with what it took."""
        return replace(
            self, server_cpu=usage.server, client_cpu=usage.client, others_cpu=usage.others
        )


def middle(loads: Sequence[Load]) -> Load:
    """The median of each column; counts and errors are added up."""
    return Load(
        median(load.rate for load in loads),
        median(load.p50_ms for load in loads),
        median(load.p99_ms for load in loads),
        sum(load.count for load in loads),
        median(load.server_cpu for load in loads),
        median(load.client_cpu for load in loads),
        median(load.others_cpu for load in loads),
        sum(load.errors for load in loads),
    )
