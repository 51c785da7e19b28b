"""What may be said about a prediction afterwards: what the truth was."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final

from django.db import OperationalError, connection, transaction

from inference.core.errors import Raced
from inference.core.experiment import Mode
from inference.core.metrics import Said
from inference.core.tally import Tally
from inference.models import Arm, MLRequest
from inference.services import exposures, segments, shadows
from inference.services.exposures import Asked, Counted

AT_ONCE: Final = 100  # labels of a transaction
_ATTEMPTS: Final = 8
_SAY: Final = "UPDATE inference_mlrequest SET feedback = %s WHERE id = %s"


def record(request_id: int, value: str | None) -> MLRequest:
    """The row with its feedback; said twice it counts once, said otherwise it is corrected.

    Raises MLRequest.DoesNotExist, or Raced if others kept changing the same row.
    """
    for _ in range(_ATTEMPTS):
        request = MLRequest.objects.select_related("arm__abtest").get(pk=request_id)
        if request.feedback == value or _replace(request, value):
            return request
    raise Raced(f"The feedback of prediction {request_id} keeps changing; look again.")


def record_many(labels: Mapping[int, str | None]) -> Collection[int]:
    """The ids of those that are there; each has its feedback then, counted as `record` counts it.

    In transactions of `AT_ONCE`, so that nobody waits for long: if one fails, those before it stay,
    and saying all of them again counts nothing twice.
    """
    ids, found = sorted(labels), set[int]()
    for start in range(0, len(ids), AT_ONCE):
        some = {request_id: labels[request_id] for request_id in ids[start : start + AT_ONCE]}
        found |= _tried(some)
    return found


def _tried(labels: Mapping[int, str | None]) -> set[int]:
    """Two who label the same subjects in another order may wait for each other: one is beaten."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return _record(labels)
        except OperationalError:
            if connection.in_atomic_block:
                raise
    return _record(labels)


@transaction.atomic
def _record(labels: Mapping[int, str | None]) -> set[int]:
    """All rows are locked first, by rising ids, and all arms are counted last."""
    rows = MLRequest.objects.filter(pk__in=labels).order_by("pk").select_for_update()
    changed = [row for row in rows if row.feedback != labels[row.pk]]
    segments.relabel(_gained(changed, labels))
    with connection.cursor() as cursor:
        cursor.executemany(_SAY, [(labels[row.pk], row.pk) for row in changed])
    return {row.pk for row in rows}


def _gained(
    rows: Iterable[MLRequest], labels: Mapping[int, str | None]
) -> Iterator[segments.Change]:
    """What their arms gain, each of which is looked up once."""
    arms = _arms(rows)
    asked: list[Asked] = []
    for row in rows:
        if row.arm_id is not None:
            row.arm = arms[row.arm_id]
            asked.append(_asked(row, row.arm, row.feedback, labels[row.pk]))
    for (row, *_), counted in zip(asked, exposures.observed_many(asked), strict=True):
        assert row.arm is not None  # else it was not asked for
        yield from _changes(row, row.arm, (row.feedback, labels[row.pk]), counted)


def _arms(rows: Iterable[MLRequest]) -> Mapping[int, Arm]:
    ids = {row.arm_id for row in rows if row.arm_id is not None}
    return Arm.objects.select_related("abtest").in_bulk(ids)


@transaction.atomic
def _replace(request: MLRequest, value: str | None) -> bool:
    """Whether the row still said what `request` says; then it says `value`, and is counted so."""
    old = request.feedback
    if MLRequest.objects.filter(pk=request.pk, feedback=old).update(feedback=value) != 1:
        return False
    if (arm := request.arm) is not None:
        counted = exposures.observed(*_asked(request, arm, old, value))
        segments.relabel(_changes(request, arm, (old, value), counted))
    request.feedback = value
    return True


def _asked(request: MLRequest, arm: Arm, old: str | None, new: str | None) -> Asked:
    before, after = (_counts(request, arm, label) for label in (old, new))
    return Asked(request, before, after)


def _changes(
    request: MLRequest, arm: Arm, labels: tuple[str | None, str | None], counted: Counted
) -> Iterator[segments.Change]:
    yield arm, counted.now - counted.was, request
    if arm.abtest.mode == Mode.SHADOW:
        for challenger, change in shadows.changes(request, labels, counted).items():
            yield challenger, change, request


def _counts(request: MLRequest, arm: Arm, label: str | None) -> Tally:
    failed = bool(request.error_code)
    said = None if failed else Said(request.response, request.full_response)
    return arm.abtest.measure.counted(said, label)
