"""What challengers say to what the champion answered: written down and compared, once each.

Whoever brings one half of a pair, the challenger's answer or the label, first locks the champion's
row. So the second to come finds what the first one brought, and counts the pair; the first does not
find anything, and counts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from django.db import transaction

from inference.core.metrics import Said
from inference.core.tally import NOTHING, Tally
from inference.core.types import PredictionRow
from inference.models import Arm, MLRequest, ShadowPrediction
from inference.services import exposures, segments, tallies
from inference.services.exposures import Counted

_LARGEST: Final = 256  # ids of a statement
_CHAMPION: Final = ("arm", "subject", "response", "full_response", "feedback", "error_code")


@transaction.atomic
def record(rows: Sequence[PredictionRow], shard: str) -> int:
    """Write the rows and count them for their arms; returns how many were new.

    A row has the champion's id. Where the champion has no row there is nothing to compare with, and
    none is written.
    """
    champions = _locked(sorted({row.id for row in rows}))
    known = _known(champions)
    found = {(row.id, row.arm_id): row for row in rows if row.id in champions}
    new = [row for key, row in found.items() if key not in known]
    ShadowPrediction.objects.bulk_create(map(_prediction, new), batch_size=_LARGEST)
    tallies.mirror(new, shard)
    _pair([row for row in new if _labelled(champions[row.id]) and not row.error_code], champions)
    return len(new)


def changes(
    champion: MLRequest, labels: tuple[str | None, str | None], counted: Counted
) -> Mapping[Arm, Tally]:
    """What the challengers gain when the champion's label changes from the first to the second.

    `counted` is what it counts for with the champion, before and after. Its row is locked.
    """
    assert champion.arm is not None  # its label would not be counted
    measure, gained = champion.arm.abtest.measure, defaultdict[Arm, Tally](lambda: NOTHING)
    theirs = ShadowPrediction.objects.filter(prediction=champion.pk, error_code="")
    for each in theirs.select_related("arm__abtest").order_by("arm"):
        said = Said(each.response, each.full_response)
        for sign, label, ours in zip((-1, 1), labels, counted, strict=True):
            pair = measure.paired(ours, measure.counted(said, label))
            gained[each.arm] += pair if sign > 0 else -pair
    return gained


def _locked(ids: Sequence[int]) -> Mapping[int, MLRequest]:
    rows: dict[int, MLRequest] = {}
    for start in range(0, len(ids), _LARGEST):
        some = MLRequest.objects.filter(pk__in=ids[start : start + _LARGEST]).order_by("pk")
        rows |= {row.pk: row for row in some.only(*_CHAMPION).select_for_update()}
    return rows


def _known(ids: Collection[int]) -> Collection[tuple[int, int]]:
    ordered = list(ids)
    known: set[tuple[int, int]] = set()
    for start in range(0, len(ordered), _LARGEST):
        some = ShadowPrediction.objects.filter(prediction__in=ordered[start : start + _LARGEST])
        known.update(some.values_list("prediction", "arm_id"))
    return known


def _prediction(row: PredictionRow) -> ShadowPrediction:
    assert row.arm_id is not None  # what is mirrored is mirrored for an arm
    return ShadowPrediction(
        prediction=row.id,
        arm_id=row.arm_id,
        full_response=row.full_response,
        response=row.response,
        error_code=row.error_code,
        latency_us=row.latency_us,
    )


def _labelled(champion: MLRequest) -> bool:
    return bool(champion.feedback) and not champion.error_code


def _pair(rows: Sequence[PredictionRow], champions: Mapping[int, MLRequest]) -> None:
    """Their labels were here first."""
    gained: list[segments.Change] = []
    arms = Arm.objects.select_related("abtest").in_bulk({row.arm_id for row in rows})
    for row in rows:
        champion, measure = champions[row.id], arms[row.arm_id].abtest.measure
        champion.arm = arms[row.arm_id]  # of the same test, which is all that is asked of it
        if exposures.counts(champion):
            label = champion.feedback
            ours = measure.counted(Said(champion.response, champion.full_response), label)
            theirs = measure.counted(Said(row.response, row.full_response), label)
            gained.append((arms[row.arm_id], measure.paired(ours, theirs), champion))
    segments.relabel(gained)
