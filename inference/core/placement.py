"""Whether a batch may run on the event loop itself, or only on its lane's own thread."""

from __future__ import annotations

# So many times the budget is an overrun; so many of them in a row, and the forecast is not to be
# trusted (a model that waits where it claims to compute): the next batches run on the thread.
OVERRUN = 5.0
OVERRUNS = 8
GROUNDED = 1000


class Placement:
    """A hop to a thread costs more than a short batch, a long batch on the loop stops everybody."""

    __slots__ = ("_budget", "_grounded", "_overruns")

    def __init__(self, budget: float) -> None:
        """`budget` is how many seconds the loop may be held."""
        self._budget = budget
        self._grounded = 0
        self._overruns = 0

    def inline(self, expected: float | None) -> bool:
        """May a batch that is expected to take so many seconds run on the loop?"""
        if self._grounded:
            self._grounded -= 1
            return False
        return expected is not None and expected < self._budget

    def held(self, seconds: float) -> None:
        """The loop was held so long by a batch that ran on it."""
        if seconds < OVERRUN * self._budget:
            self._overruns = 0
            return
        self._overruns += 1
        if self._overruns == OVERRUNS:
            self._overruns = 0
            self._grounded = GROUNDED
