"""Keeps the arms' counts in step with the log, inside the transaction that writes it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
from django.db.models import F
from django.db.models.expressions import CombinedExpression

from inference.core import safeguards, sketch
from inference.core.safeguards import Safeguards
from inference.core.tally import NOTHING, Tally
from inference.core.types import PredictionRow
from inference.models import Arm, ArmTally
from inference.services import announce, dialects, exposures
from inference.services.dialects.base import Gain, Kept
from inference.services.exposures import Units

# Labels come from the web, not from a worker, and carry no latency: a shard of their own.
LABELS: Final = "labels"


def expose(rows: Iterable[PredictionRow], shard: str) -> None:
    """Count predictions for their arms; those without one are left out."""
    if by_arm := _by_arm(rows):
        for abtest_id in _add(by_arm, shard):
            announce.experiment_changed(abtest_id)


def mirror(rows: Iterable[PredictionRow], shard: str) -> None:
    """Count what challengers said in the shadow; the units are the champion's."""
    by_arm = _by_arm(rows)
    if not by_arm:
        return
    dialect = dialects.current()
    kept = dialect.kept(by_arm, shard)
    dialect.add([_gain(each, by_arm[each.arm_id], exposures.NOBODY) for each in kept], shard)
    for abtest_id in {each.abtest_id for each in kept}:
        announce.experiment_changed(abtest_id)


def relabel(arm: Arm, change: Tally) -> None:
    """Count a label that came, went or was corrected."""
    if change == NOTHING:
        return
    tally, _ = ArmTally.objects.get_or_create(arm=arm, shard=LABELS)
    ArmTally.objects.filter(pk=tally.pk).update(**gains(change))
    announce.experiment_changed(arm.abtest_id)


def gains(change: Tally) -> Mapping[str, CombinedExpression]:
    """What an UPDATE of a row of counts says."""
    return {name: F(name) + value for name, value in asdict(change).items() if value}


def _by_arm(rows: Iterable[PredictionRow]) -> Mapping[int, Sequence[PredictionRow]]:
    by_arm: dict[int, list[PredictionRow]] = defaultdict(list)
    for row in rows:
        if row.arm_id is not None:
            by_arm[row.arm_id].append(row)
    return by_arm


def _add(by_arm: Mapping[int, Sequence[PredictionRow]], shard: str) -> set[int]:
    """Two statements for any number of arms, one more for subjects; the tests they belong to."""
    dialect = dialects.current()
    kept = dialect.kept(by_arm, shard)
    units = exposures.write(kept, by_arm)
    dialect.add([_gain(each, by_arm[each.arm_id], units) for each in kept], shard)
    return {each.abtest_id for each in kept}


def _gain(kept: Kept, rows: Sequence[PredictionRow], units: Units) -> Gain:
    failed = sum(row.error_code != "" for row in rows)
    counted = kept.arm_id, len(rows), failed, units.gained[kept.arm_id]
    return Gain(*counted, _latency(kept.latency, rows), *_guarded(kept, rows, units.firsts))


def _guarded(
    kept: Kept, rows: Sequence[PredictionRow], firsts: Collection[int]
) -> tuple[int, int, int, str]:
    """What the guardrails of a canary are about: how many were slow, units harmed, answers so far.

    A unit is harmed once, however often it asks, and of its answers the one counts that it came
    with: whatever else it meets may be the same thing again.
    """
    if kept.guardrails is None:
        return 0, 0, 0, "{}"
    agreed = safeguards.written(kept.guardrails)
    answered = [row for row in rows if not row.error_code]
    slow = [row for row in answered if agreed.slow(row.latency_us)]
    failing = exposures.harmed(kept, [row for row in rows if row.error_code], "failing")
    lagging = exposures.harmed(kept, slow, "lagging")
    new = [row for row in answered if not row.subject or row.id in firsts]
    return len(slow), failing, lagging, _answers(kept, agreed, new)


def _answers(kept: Kept, agreed: Safeguards, new: Iterable[PredictionRow]) -> str:
    if not agreed.answers:
        return "{}"
    answers = Counter(json.loads(kept.answers or "{}"))
    answers.update(agreed.answer(row.response) for row in new)
    return json.dumps(answers)


def _latency(blob: bytes | memoryview | None, rows: Sequence[PredictionRow]) -> bytes:
    """In microseconds. A row that failed says nothing about how long a prediction takes."""
    return sketch.update(
        bytes(blob or sketch.EMPTY),
        np.array([row.latency_us for row in rows if not row.error_code], dtype=np.float32),
    )
