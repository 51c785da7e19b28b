"""What the run is doing, on stderr, so that stdout holds the table alone."""

from __future__ import annotations

import sys
from time import perf_counter


class Progress:
    """One line a step, with the seconds since the start."""

    def __init__(self) -> None:
        self._began = perf_counter()

    @property
    def seconds(self) -> float:
        return perf_counter() - self._began

    def say(self, what: str) -> None:
        print(f"[{self.seconds:5.0f} s] {what}", file=sys.stderr, flush=True)
