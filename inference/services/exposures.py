"""Who was seen in a test: a subject once in each phase, and one of its labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from operator import attrgetter
from typing import Final, NamedTuple

from django.db import connection, transaction

from inference.core.assignment import bucket_of_subject, subject_hash
from inference.core.tally import NOTHING, Tally
from inference.core.types import PredictionRow
from inference.models import Arm, Exposure, MLRequest
from inference.services import dialects
from inference.services.dialects.base import First, Kept

Key = tuple[int, int, int]

_REMEMBERED: Final = 100_000  # 15 MB
_written: Final[set[Key]] = set()
_id: Final = attrgetter("id")
_HOLD: Final = """
UPDATE inference_exposure SET labelled = %s
WHERE abtest_id = %s AND phase = %s AND subject = %s
"""


class Units(NamedTuple):
    """How many units each arm has got for the first time, by its id.

    `firsts` are the predictions that the subjects among them came with.
    """

    gained: Mapping[int, int]
    firsts: Collection[int]


NOBODY: Final = Units(Counter(), ())


def write(kept: Sequence[Kept], rows: Mapping[int, Sequence[PredictionRow]]) -> Units:
    """The units that are new.

    A subject is written down then, by whoever of several writers is the first to commit; a row
    without a subject is a unit of its own. In a transaction.
    """
    units = Counter({arm.arm_id: _nameless(rows[arm.arm_id]) for arm in kept})
    firsts = {first[:3]: first for arm in kept for first in _firsts(arm, rows[arm.arm_id])}
    if not (new := firsts.keys() - _written):
        return Units(units, ())
    # In this order, so that two who bring the same ones do not wait for each other.
    found = dialects.current().expose([firsts[key] for key in sorted(new)])
    units.update(arm_id for arm_id, _ in found)
    transaction.on_commit(partial(_remember, new), robust=True)
    return Units(units, {first for _, first in found})


def harmed(kept: Kept, rows: Sequence[PredictionRow], how: str) -> int:
    """How many units of a canary these rows are the first of their kind for; `how` is the mark.

    One after the other in a fixed order, so that two who mark the same ones do not wait in a
    circle. Everybody who asks by name has an exposure by now.
    """
    subjects = {subject_hash(kept.salt, row.subject) for row in rows if row.subject}
    here = Exposure.objects.filter(abtest=kept.abtest_id, phase=kept.phase, **{how: False})
    marked = sum(here.filter(subject=one).update(**{how: True}) for one in sorted(subjects))
    return _nameless(rows) + marked


def _remember(keys: Collection[Key]) -> None:
    """They are in the database for good; nobody has to bring them again."""
    if len(_written) + len(keys) > _REMEMBERED:
        _written.clear()
    _written.update(keys)


def _nameless(rows: Sequence[PredictionRow]) -> int:
    return sum(not row.subject for row in rows)


def _firsts(arm: Kept, rows: Sequence[PredictionRow]) -> Iterator[First]:
    # Of several rows of a subject the last one that is set here stays: that of the lowest id.
    by_subject = {row.subject: row.id for row in sorted(rows, key=_id, reverse=True)}
    by_subject.pop("", None)
    for subject, first in by_subject.items():
        yield First(
            arm.abtest_id,
            arm.phase,
            subject_hash(arm.salt, subject),
            arm.arm_id,
            bucket_of_subject(arm.salt, subject),
            arm.propensity,
            first,
        )


class Counted(NamedTuple):
    """What a label counts for, before it changed and after."""

    was: Tally
    now: Tally


def observed(request: MLRequest, before: Tally, after: Tally) -> Counted:
    """What it counts for when what a label says changes from `before` to `after`.

    Answers to one subject are alike, and evidence takes observations to be independent: so one
    label of each subject counts, the first to arrive. Its place is free again when it is taken
    back; the next label to arrive takes it, not one that is there. A prediction without a subject,
    or of one that was never written down (it came before exposures were), counts for itself.
    """
    if not request.subject or request.arm is None:
        return Counted(before, after)
    place = Exposure.objects.filter(pk=_key(request.arm, request.subject))
    if (found := place.values_list("labelled").first()) is None:
        return Counted(before, after)
    if found == (request.pk,):
        # Nobody else moves it: whoever changes a label has the prediction's row until he commits.
        place.update(labelled=None if after == NOTHING else request.pk)
        return Counted(before, after)
    if after == NOTHING or not place.filter(labelled=None).update(labelled=request.pk):
        return Counted(NOTHING, NOTHING)
    return Counted(NOTHING, after)


class Asked(NamedTuple):
    """A label that changes what it says from one to the other."""

    request: MLRequest
    before: Tally
    after: Tally


def observed_many(asked: Sequence[Asked]) -> Sequence[Counted]:
    """`observed` for each, in their order, with few statements for all. In a transaction."""
    keys = [_place(request) for request, *_ in asked]
    held = _held({key for key in keys if key is not None})
    first, found = dict(held), []
    for key, (request, before, after) in zip(keys, asked, strict=True):
        if key is None or key not in held:
            found.append(Counted(before, after))
            continue
        ours = held[key] == request.pk
        if ours or (held[key] is None and after != NOTHING):
            held[key] = None if after == NOTHING else request.pk
            found.append(Counted(before if ours else NOTHING, after))
        else:
            found.append(Counted(NOTHING, NOTHING))
    _hold({key: holder for key, holder in held.items() if holder != first[key]})
    return found


def _place(request: MLRequest) -> Key | None:
    return (
        None if request.arm is None or not request.subject else _key(request.arm, request.subject)
    )


def _held(keys: Collection[Key]) -> dict[Key, int | None]:
    """Of the places that there are, whose label counts; nobody else moves one until we commit."""
    held: dict[Key, int | None] = {}
    for abtest_id, phase in sorted({key[:2] for key in keys}):
        subjects = [key[2] for key in keys if key[:2] == (abtest_id, phase)]
        some = Exposure.objects.filter(abtest=abtest_id, phase=phase, subject__in=subjects)
        locked = some.order_by("subject").select_for_update().values_list("subject", "labelled")
        held |= {(abtest_id, phase, subject): labelled for subject, labelled in locked}
    return held


def _hold(moved: Mapping[Key, int | None]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(_HOLD, [(holder, *key) for key, holder in sorted(moved.items())])


def counts(request: MLRequest) -> bool:
    """Whether it is this label that counts, if it has one; see `observed`."""
    if not request.subject or request.arm is None:
        return True
    place = Exposure.objects.filter(pk=_key(request.arm, request.subject))
    found = place.values_list("labelled").first()
    return found in (None, (request.pk,))


def _key(arm: Arm, subject: str) -> Key:
    return arm.abtest_id, arm.phase, subject_hash(arm.abtest.salt, subject)
