"""Keeps the arms' counts in step with the log, inside the transaction that writes it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
from django.db.models import F

from inference.core import sketch
from inference.core.tally import NOTHING, Tally
from inference.core.types import PredictionRow
from inference.models import Arm, ArmTally
from inference.services import announce, bulk

# Labels come from the web, not from a worker, and carry no latency: a shard of their own.
LABELS: Final = "labels"

_UPSERT: Final = (
    "INSERT INTO inference_armtally (arm_id, shard, exposures, errors, latency,"
    " labelled, correct, absolute_error, squared_error) VALUES {rows}"
    " ON CONFLICT (arm_id, shard) DO UPDATE SET exposures = exposures + excluded.exposures,"
    " errors = errors + excluded.errors, latency = excluded.latency"
)
_KNOWN: Final = (
    "SELECT arm.id, arm.abtest_id, tally.latency FROM inference_arm arm"
    " LEFT JOIN inference_armtally tally ON tally.arm_id = arm.id AND tally.shard = ?"
    " WHERE arm.id IN ({marks})"
)


def expose(rows: Iterable[PredictionRow], shard: str) -> None:
    """Count predictions for their arms; those without one are left out."""
    by_arm: dict[int, list[PredictionRow]] = defaultdict(list)
    for row in rows:
        if row.arm_id is not None:
            by_arm[row.arm_id].append(row)
    if by_arm:
        add = _add_direct if bulk.direct() else _add_portable
        for abtest_id in add(by_arm, shard):
            announce.experiment_changed(abtest_id)


def relabel(arm: Arm, change: Tally) -> None:
    """Count a label that came, went or was corrected."""
    if change == NOTHING:
        return
    tally, _ = ArmTally.objects.get_or_create(arm=arm, shard=LABELS)
    gained = {name: F(name) + value for name, value in asdict(change).items() if value}
    ArmTally.objects.filter(pk=tally.pk).update(**gained)
    announce.experiment_changed(arm.abtest_id)


def _add_direct(by_arm: Mapping[int, Sequence[PredictionRow]], shard: str) -> set[int]:
    """Two statements for any number of arms; the tests that they belong to."""
    marks = ", ".join("?" * len(by_arm))
    known = bulk.execute(_KNOWN.format(marks=marks), [shard, *by_arm]).fetchall()
    values: list[object] = []
    for arm_id, _, latency in known:
        values += (arm_id, shard, *_counts(by_arm[arm_id]), _latency(latency, by_arm[arm_id]))
    bulk.execute(
        _UPSERT.format(rows=", ".join(["(?, ?, ?, ?, ?, 0, 0, 0, 0)"] * len(known))), values
    )
    return {abtest_id for _, abtest_id, _ in known}


def _add_portable(by_arm: Mapping[int, Sequence[PredictionRow]], shard: str) -> set[int]:
    for arm_id, rows in by_arm.items():
        tally, _ = ArmTally.objects.get_or_create(arm_id=arm_id, shard=shard)
        exposures, errors = _counts(rows)
        ArmTally.objects.filter(pk=tally.pk).update(
            exposures=F("exposures") + exposures,
            errors=F("errors") + errors,
            latency=_latency(tally.latency, rows),
        )
    return set(Arm.objects.filter(pk__in=by_arm).values_list("abtest_id", flat=True))


def _counts(rows: Sequence[PredictionRow]) -> tuple[int, int]:
    return len(rows), sum(row.error_code != "" for row in rows)


def _latency(blob: bytes | memoryview | None, rows: Sequence[PredictionRow]) -> bytes:
    """In microseconds. A row that failed says nothing about how long a prediction takes."""
    return sketch.update(
        bytes(blob or sketch.EMPTY),
        np.array([row.latency_us for row in rows if not row.error_code], dtype=np.float32),
    )
