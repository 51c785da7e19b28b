"""What may be said about a prediction afterwards: what the truth was."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from inference.core.errors import Raced
from inference.core.experiment import Mode
from inference.core.metrics import Said
from inference.core.tally import Tally
from inference.models import Arm, MLRequest
from inference.services import exposures, segments, shadows

_ATTEMPTS: Final = 8


def record(request_id: int, value: str | None) -> MLRequest:
    """The row with its feedback; said twice it counts once, said otherwise it is corrected.

    Raises MLRequest.DoesNotExist, or Raced if others kept changing the same row.
    """
    for _ in range(_ATTEMPTS):
        request = MLRequest.objects.select_related("arm__abtest").get(pk=request_id)
        if request.feedback == value or _replace(request, value):
            return request
    raise Raced(f"The feedback of prediction {request_id} keeps changing; look again.")


@transaction.atomic
def _replace(request: MLRequest, value: str | None) -> bool:
    """Whether the row still said what `request` says; then it says `value`, and is counted so."""
    old = request.feedback
    if MLRequest.objects.filter(pk=request.pk, feedback=old).update(feedback=value) != 1:
        return False
    if (arm := request.arm) is not None:
        _recount(request, arm, old, value)
    request.feedback = value
    return True


def _recount(request: MLRequest, arm: Arm, old: str | None, new: str | None) -> None:
    before, after = (_counts(request, arm, label) for label in (old, new))
    counted = exposures.observed(request, before, after)
    changes = {arm: counted.now - counted.was}
    if arm.abtest.mode == Mode.SHADOW:
        changes |= shadows.changes(request, (old, new), counted)
    segments.relabel([(arm, change, request) for arm, change in changes.items()])


def _counts(request: MLRequest, arm: Arm, label: str | None) -> Tally:
    failed = bool(request.error_code)
    said = None if failed else Said(request.response, request.full_response)
    return arm.abtest.measure.counted(said, label)
