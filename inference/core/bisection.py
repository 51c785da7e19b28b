"""Which rows of a failed batch to try next, until those that break it stand alone."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple


class Span(NamedTuple):
    """Rows from `start` up to, not including, `stop`."""

    start: int
    stop: int


class Bisection:
    """A plan driven from outside: try `next()`, report with `failed()`; a span that passed is done.

    The widest spans come first, so healthy neighbours are known long before the last culprit.
    Among n rows with k culprits that is at most 1 + 2 * k * ceil(log2 n) tries.
    """

    __slots__ = ("_untried", "rows")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self._untried = deque([Span(0, rows)])

    def next(self) -> Span | None:
        """The span to try now, or None when every row is accounted for."""
        return self._untried.popleft() if self._untried else None

    def failed(self, span: Span) -> bool:
        """Split it, to be tried in halves; True if it is a single row: a culprit."""
        start, stop = span
        if stop - start == 1:
            return True
        middle = (start + stop) // 2
        self._untried.append(Span(start, middle))
        self._untried.append(Span(middle, stop))
        return False
