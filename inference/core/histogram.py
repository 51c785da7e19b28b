"""How often values fell below which bounds, counted in well under a microsecond."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate
from math import inf
from typing import Final

# In seconds: three steps for each power of ten, from what a compiled model takes to what nobody
# waits for.
SECONDS: Final = tuple(
    float(f"{step}e{power}")
    for power in range(-5, 2)
    for step in ("1", "2.5", "5")
    if power < 1 or step == "1"
)
ROWS: Final = tuple(float(2**power) for power in range(13))


class Histogram:
    """Counts of values up to and including each bound, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        """`bounds` ascend; what is above the last of them is counted as well."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Take in what another one with the same bounds has counted."""
        self.counts = [a + b for a, b in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        return sum(self.counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """Each bound with the number of values that do not exceed it; the last bound is inf."""
        return list(zip((*self.bounds, inf), accumulate(self.counts), strict=True))
