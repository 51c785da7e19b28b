"""What a process has answered and computed, counted by who was asked and how it ended.

Plain numbers that only grow: a scrape reads them, nobody resets them. Nothing that a caller can
make up is a label.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from inference.core.errors import WeirError
from inference.core.histogram import ROWS, SECONDS, Histogram
from inference.core.tickets import Part

OK: Final = "ok"
PARTIAL: Final = "partial"  # some rows of a batch have an answer and others an error
SEVERAL: Final = "several"  # the rows of one request fell to more than one algorithm


class Asked(NamedTuple):
    """The labels of a request. Without an algorithm `version` and `variant` are empty."""

    model: str
    version: str
    variant: str
    transport: str
    outcome: str


class Requests:
    """Seconds of the requests that came by one road, by their labels.

    How many there were is the histogram's count.
    """

    def __init__(self, transport: str) -> None:
        self.transport = transport
        self._usual: dict[int, Histogram] = {}  # by algorithm: one of them, and it went well
        self._series: dict[Asked, Histogram] = {}

    def answered(self, model: str, parts: Sequence[Part], seconds: float) -> None:
        """Its parts are settled."""
        if len(parts) == 1 and not parts[0].errors:
            usual = self._usual.get(parts[0].served.algorithm.id)
            if usual is not None:  # as `observe` does, for nearly every request comes here
                usual.counts[bisect_left(SECONDS, seconds)] += 1
                usual.total += seconds
                return
        self.ended(model, parts, outcome(parts), seconds)

    def ended(self, model: str, parts: Sequence[Part], how: str, seconds: float) -> None:
        """With the code of an error, or without a part that is known."""
        labels = Asked(model, *_names(parts), self.transport, how)
        series = self._series.setdefault(labels, Histogram(SECONDS))
        series.observe(seconds)
        if how == OK and len(parts) == 1:
            self._usual[parts[0].served.algorithm.id] = series

    def series(self) -> list[tuple[Asked, Histogram]]:
        return list(self._series.items())


class _Said(Struct):
    """What an answer that was rendered says of itself."""

    status: str = ""
    code: str = ""


class Batches:
    """What one model computed here."""

    __slots__ = ("compute", "errors", "queue", "rows", "size")

    def __init__(self) -> None:
        self.rows = self.errors = 0
        self.queue = Histogram(SECONDS)
        self.compute = Histogram(SECONDS)
        self.size = Histogram(ROWS)

    def ran(self, rows: int, errors: int, queued: float, computed: float) -> None:
        """`queued` is the wait of the oldest job, in seconds as `computed` is."""
        self.rows += rows
        self.errors += errors
        self.queue.observe(queued)
        self.compute.observe(computed)
        self.size.observe(rows)


def outcome_of(texts: Sequence[str]) -> str:
    """The same of answers that are only known as they were rendered."""
    said = [_said(text) for text in texts]
    failed = [each.code for each in said if each.status == "Error"]
    if not failed:
        return OK
    return failed[0] if len(failed) == len(said) else PARTIAL


def outcome(parts: Sequence[Part]) -> str:
    """`ok`, the code of the error if all rows have one, or `partial`."""
    failed: list[WeirError] = []
    for part in parts:
        if part.errors:
            failed.extend(part.errors.values())
    if not failed:
        return OK
    return failed[0].code if len(failed) == sum(len(part.ids) for part in parts) else PARTIAL


_said: Final = msgspec.json.Decoder(_Said).decode


def _names(parts: Sequence[Part]) -> tuple[str, str]:
    if len(parts) == 1:
        algorithm = parts[0].served.algorithm
        return algorithm.version, algorithm.name
    return "", SEVERAL if parts else ""
