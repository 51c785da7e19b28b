"""What every database takes that Django knows: MariaDB is served by this.

MariaDB has no way to say "unless it is there" and nothing else: INSERT IGNORE also makes '' of NULL
and cuts off what is too long. So the rows are written as if none were there, and only where that
fails it is asked which ones are.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import F, FilteredRelation, Q

from inference.core.experiment import Mode
from inference.core.types import PredictionRow
from inference.models import Arm, ArmTally, Exposure, MLRequest
from inference.services.dialects.base import First, Gain, Kept, New

_LARGEST: Final = 256  # rows of a statement, which may not exceed a packet
_KEPT: Final = ("pk", "abtest_id", "phase", "propensity", "abtest__salt", "ours__latency")
_OF_CANARIES: Final = ("abtest__mode", "abtest__guardrails", "ours__answers")
_DEADLOCK: Final = 1213  # MariaDB's number for it


def in_one(count: int) -> bool:
    """Django opens a transaction for each bulk insert anyway."""
    return False


def insert(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    """By rising ids, so that of two who bring the same ones the second waits for the first."""
    by_id = {row.id: row for row in rows}
    ordered = [by_id[id_] for id_ in sorted(by_id)]
    chunks = [ordered[start : start + _LARGEST] for start in range(0, len(ordered), _LARGEST)]
    return [row for chunk in chunks for row in _unless_there(chunk)]


def _unless_there(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    try:
        with transaction.atomic():
            MLRequest.objects.bulk_create(map(_request, rows))
    except IntegrityError:
        absent = _absent(rows)
        if len(absent) == len(rows):  # then it was something else
            raise
        return _unless_there(absent)
    return rows


def _absent(rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
    ids = [row.id for row in rows]
    there = set(MLRequest.objects.filter(pk__in=ids).values_list("pk", flat=True))
    return [row for row in rows if row.id not in there]


def _request(row: PredictionRow) -> MLRequest:
    values = row._asdict()
    return MLRequest(parent_mlalgorithm_id=values.pop("algorithm_id"), feedback="", **values)


def kept(arms: Collection[int], shard: str) -> Sequence[Kept]:
    """One query for all of them."""
    ours = FilteredRelation("tallies", condition=Q(tallies__shard=shard))
    found = Arm.objects.filter(pk__in=arms).annotate(ours=ours).order_by("pk")
    return [
        Kept._make((*values[: len(_KEPT)], *_guarded(*values[len(_KEPT) :])))
        for values in found.values_list(*_KEPT, *_OF_CANARIES)
    ]


def _guarded(mode: str, guardrails: Any, answers: Any) -> tuple[str | None, str | None]:
    if mode != Mode.CANARY:
        return None, None
    return json.dumps(guardrails), json.dumps(answers or {})


def expose(firsts: Sequence[First]) -> Sequence[New]:
    """Nearly always somebody is new or nobody is: it is asked first, and written as the log is."""
    absent = _unseen(firsts)
    if not absent:
        return []
    try:
        with transaction.atomic():
            Exposure.objects.bulk_create(Exposure(**each._asdict()) for each in absent)
    except IntegrityError:
        if len(_unseen(absent)) == len(absent):  # then it was something else
            raise
        return expose(absent)
    return [New(each.arm_id, each.first) for each in absent]


def _unseen(firsts: Sequence[First]) -> Sequence[First]:
    phases = {(abtest_id, phase) for abtest_id, phase, *_ in firsts}
    seen: set[tuple[int, int, int]] = set()
    for abtest_id, phase in phases:
        ours = [each.subject for each in firsts if each[:2] == (abtest_id, phase)]
        there = Exposure.objects.filter(abtest=abtest_id, phase=phase, subject__in=ours)
        seen.update((abtest_id, phase, one) for one in there.values_list("subject", flat=True))
    return [each for each in firsts if each[:3] not in seen]


def add(gains: Sequence[Gain], shard: str) -> None:
    """The row is made first where there is none: then every gain is an addition."""
    for gain in gains:
        tally, _ = ArmTally.objects.get_or_create(arm_id=gain.arm_id, shard=shard)
        ArmTally.objects.filter(pk=tally.pk).update(
            exposures=F("exposures") + gain.exposures,
            errors=F("errors") + gain.errors,
            subjects=F("subjects") + gain.subjects,
            latency=gain.latency,
            slow=F("slow") + gain.slow,
            failing=F("failing") + gain.failing,
            lagging=F("lagging") + gain.lagging,
            answers=json.loads(gain.answers),
        )


def beaten(error: DatabaseError) -> bool:
    """Two who waited for a row that its writer took back both hold it then, and both want it."""
    return error.args[:1] == (_DEADLOCK,)
