"""How long a batch of so many rows will take, learnt from the batches before it."""

from __future__ import annotations

import sys

NO_LIMIT = sys.maxsize

# What the past still weighs when the next batch is counted: the last fifty or so decide.
MEMORY = 0.98
# One batch counts for at most this many times what was expected of it: a stall of the machine is
# not the model's speed. This many such batches in a row are no stall, even on a crowded machine
# that interrupts one batch in twenty; the past is forgotten then.
SURPRISE = 8.0
SURPRISES = 5
# Below this variance of the batch sizes (rows squared) a slope would be made of noise.
ONE_SIZE = 0.25


class LatencyModel:
    """Least squares of `seconds = slope * rows + base`, the newest batches weighing most."""

    __slots__ = (
        "_base",
        "_floor",
        "_r",
        "_rr",
        "_rs",
        "_s",
        "_slope",
        "_surprises",
        "_weight",
    )

    def __init__(self) -> None:
        # Decaying sums: of ones, rows, seconds, rows * rows, rows * seconds.
        self._weight = self._r = self._s = self._rr = self._rs = 0.0
        self._slope = self._base = self._floor = 0.0
        self._surprises = 0

    def observe(self, rows: int, seconds: float) -> None:
        """A batch of `rows` took `seconds`."""
        expected = self.seconds(rows)
        if expected is not None and seconds > SURPRISE * expected:
            seconds = self._believed(seconds, SURPRISE * expected)
        else:
            self._surprises = 0
        self._weight = MEMORY * self._weight + 1.0
        self._r = MEMORY * self._r + rows
        self._s = MEMORY * self._s + seconds
        self._rr = MEMORY * self._rr + rows * rows
        self._rs = MEMORY * self._rs + rows * seconds
        self._fit()

    def seconds(self, rows: int) -> float | None:
        """What a batch of `rows` will take, or None before the first observation."""
        if not self._weight:
            return None
        return max(self._floor, self._base + self._slope * rows)

    def rows_within(self, seconds: float) -> int:
        """The largest batch that is done in `seconds`; NO_LIMIT where nothing is known to limit."""
        if seconds < max(self._floor, self._base):
            return 0
        if self._slope <= 0.0:
            return NO_LIMIT
        return int(min((seconds - self._base) / self._slope, NO_LIMIT))

    def _believed(self, seconds: float, ceiling: float) -> float:
        self._surprises += 1
        if self._surprises < SURPRISES:
            return ceiling
        self._surprises = 0
        self._weight = self._r = self._s = self._rr = self._rs = 0.0
        return seconds

    def _fit(self) -> None:
        mean_rows, mean_seconds = self._r / self._weight, self._s / self._weight
        spread = self._rr / self._weight - mean_rows * mean_rows
        if spread < ONE_SIZE:
            # All batches had one size: be careful on both sides. More rows may cost in
            # proportion, fewer may cost just as much.
            self._slope, self._base = mean_seconds / mean_rows, 0.0
            self._floor = mean_seconds
            return
        self._floor = 0.0
        slope = (self._rs / self._weight - mean_rows * mean_seconds) / spread
        base = mean_seconds - slope * mean_rows
        if slope < 0.0:
            slope, base = 0.0, mean_seconds
        elif base < 0.0:
            slope, base = mean_seconds / mean_rows, 0.0
        self._slope, self._base = slope, base
