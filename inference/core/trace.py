"""How some values went while a count grew: a path of bounded length, thinned as it gets longer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

POINTS: Final = 240


class Trace:
    """Values by the count at which they were seen; the newest point is always kept.

    When there are too many points every second one goes and the distance that a new one must keep
    doubles, so that the path stays evenly spaced from its beginning to now.
    """

    def __init__(self, names: Sequence[str], points: int = POINTS) -> None:
        self._names = tuple(names)
        self._points = points
        self._apart = 1
        self._path: list[tuple[int, tuple[float, ...]]] = []

    def add(self, n: int, values: Sequence[float]) -> None:
        """A count may shrink again, when labels are taken back: what lay beyond it goes."""
        while self._path and self._path[-1][0] >= n:
            self._path.pop()
        if len(self._path) > 1 and self._path[-1][0] - self._path[-2][0] < self._apart:
            self._path.pop()
        self._path.append((n, tuple(values)))
        if len(self._path) > self._points:
            self._thin()

    def columns(self) -> dict[str, list[float]]:
        """One list for each name and one for the counts, `n`."""
        columns: dict[str, list[float]] = {"n": [n for n, _ in self._path]}
        for index, name in enumerate(self._names):
            columns[name] = [values[index] for _, values in self._path]
        return columns

    def _thin(self) -> None:
        newest = self._path[-1]
        self._path = [*self._path[:-1:2], newest]
        self._apart *= 2
