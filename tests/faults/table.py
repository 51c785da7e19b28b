"""The table that `make faults` prints: what each fault cost, over all its runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.faults.checker import Report

# A run that a fault itself ended: it found something else than it was promised.
Told = Report | AssertionError
_PROMISES: Final = {
    "accepted and lost": "lost",
    "logged twice": "twice",
    "crossed": "crossed",
    "delivered twice": "repeated",
    "feedback lost": "unlabelled",
    "tallies off": "tallies",
    "left in a queue": "left",
    "unexpected": "errors",
    "recovered too late": "late",
    "kept waiting": "waiting",
}
_HEAD: Final = ("fault", "runs", "sent", "answered", *_PROMISES.values(), "failed", "slowest")


@dataclass(slots=True)
class Line:
    """What was seen of one fault."""

    id: str
    sentence: str
    runs: int = 0
    sent: int = 0
    answered: int = 0
    failed: int = 0
    slowest: float = 0.0
    broken: Counter[str] = field(default_factory=Counter)

    def add(self, told: Told) -> None:
        self.runs += 1
        if isinstance(told, AssertionError):
            self.failed += 1
            return
        self.sent += told.sent
        self.answered += told.answered
        self.slowest = max(self.slowest, told.recovery or 0.0)
        self.broken.update({promise: len(seen) for promise, seen in told.broken.items()})

    @property
    def kept(self) -> bool:
        return not self.broken and not self.failed

    @property
    def cells(self) -> Sequence[str]:
        counts = [self.runs, self.sent, self.answered]
        counts += [self.broken[promise] for promise in _PROMISES]
        return [self.id, *map(str, [*counts, self.failed]), f"{self.slowest:.1f} s"]


def written(lines: Sequence[Line]) -> str:
    """Markdown, so that it can stand in a page as it is."""
    rows = [_HEAD, ["---"] * len(_HEAD), *[line.cells for line in lines]]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)
