"""What was counted of rows and answers is written down and read again, window by window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any, Final

import numpy as np
from django.db import transaction

from inference.core import drift
from inference.core.drift import Counts, Report
from inference.core.reference import Reference
from inference.models import DriftCount, MLAlgorithm

ENOUGH: Final = 1000  # rows, by which the present is judged if there are so many
MOST_WINDOWS: Final = 12  # that the present reaches back


@dataclass(frozen=True, slots=True)
class Window:
    """What all processes together counted in one window."""

    began: datetime
    counts: Counts


@transaction.atomic
def record(counted: Mapping[tuple[int, datetime], Counts], shard: str) -> None:
    """Add these counts of algorithms and windows to what is there.

    `shard` names this writer: no other one may count under it at the same time. Counts of an
    algorithm that is gone are dropped.
    """
    ids = {algorithm_id for algorithm_id, _ in counted}
    there = set(MLAlgorithm.objects.filter(pk__in=ids).values_list("pk", flat=True))
    for (algorithm_id, window), counts in sorted(counted.items(), key=_key):
        if algorithm_id in there:
            _add(algorithm_id, window, shard, counts)


def windows(
    algorithm_id: int, since: datetime | None = None, most: int | None = None
) -> list[Window]:
    """Oldest first; the last `most` of those that began at `since` or later."""
    rows = DriftCount.objects.filter(algorithm=algorithm_id).order_by("-window")
    if since is not None:
        rows = rows.filter(window__gte=since)
    found = list(_summed(rows.values_list("window", "rows", "counts").iterator(), most))
    return found[::-1]


def report(algorithm_id: int, since: datetime | None = None) -> Report | None:
    """How rows and answers lie compared with the reference, column by column.

    In all windows that began at `since` or later. Without it, as of now: in the last windows, so
    many as it takes to have `ENOUGH` rows, but no more than `MOST_WINDOWS`. None of an algorithm
    without a reference: nothing is counted of it.
    """
    reference = reference_of(algorithm_id)
    if reference is None:
        return None
    if since is not None:
        return drift.report(reference, summed(reference, windows(algorithm_id, since)))
    return drift.report(reference, lately(reference, windows(algorithm_id, most=MOST_WINDOWS)))


def reference_of(algorithm_id: int) -> Reference | None:
    """What the algorithm's rows and answers are compared with."""
    known = MLAlgorithm.objects.filter(pk=algorithm_id).values_list("reference", flat=True)
    return Reference.from_json(known.first() or {})


def lately(reference: Reference, found: Sequence[Window]) -> Counts:
    """The newest of them, so many as it takes."""
    counts = Counts.nothing(reference)
    for window in reversed(found):
        if counts.rows >= ENOUGH:
            break
        counts = _joined(counts, window.counts)
    return counts


def summed(reference: Reference, found: Sequence[Window]) -> Counts:
    counts = Counts.nothing(reference)
    for window in found:
        counts = _joined(counts, window.counts)
    return counts


def _key(item: tuple[tuple[int, datetime], Counts]) -> tuple[int, datetime]:
    return item[0]


def _add(algorithm_id: int, window: datetime, shard: str, counts: Counts) -> None:
    """Only this writer has this row, so nobody comes between reading and writing it."""
    rows = DriftCount.objects.filter(algorithm=algorithm_id, window=window, shard=shard)
    known = rows.values_list("rows", "counts").first()
    if known is None:
        DriftCount.objects.create(
            algorithm_id=algorithm_id,
            window=window,
            shard=shard,
            rows=counts.rows,
            counts=_json(counts),
        )
        return
    total = _joined(counts, _counts(*known))
    rows.update(rows=total.rows, counts=_json(total))


def _joined(counts: Counts, other: Counts) -> Counts:
    """Of another reference than ours, nothing can be added."""
    return counts + other if len(counts.cells) == len(other.cells) else counts


def _summed(
    rows: Iterator[tuple[datetime, int, dict[str, Any]]], most: int | None
) -> Iterator[Window]:
    for place, (began, shards) in enumerate(groupby(rows, lambda row: row[0])):
        if place == most:
            return
        first, *others = [_counts(count, counts) for _, count, counts in shards]
        for other in others:
            first = _joined(first, other)
        yield Window(began, first)


def _json(counts: Counts) -> dict[str, object]:
    return {"cells": counts.cells.tolist(), "confidence": counts.confidence}


def _counts(rows: int, counts: Mapping[str, Any]) -> Counts:
    return Counts(rows, np.array(counts["cells"], np.int64), counts["confidence"])
