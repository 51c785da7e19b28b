"""What the log says of a test, beside what was counted: they must be the same."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import F

from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.tally import NOTHING, Tally
from inference.models import (
    ABTest,
    Arm,
    ArmTally,
    MLRequest,
    SegmentTally,
)
from inference.services import announce, rereading
from inference.services.rereading import SUMS, Place

# Where what was counted too little or too much is made good: others may count meanwhile.
SHARD: Final = "recount"


Answers = tuple[Mapping[str, int], Mapping[str, int]]  # counted, found
_ANSWER: Final = "answer "  # what differs begins with it


@dataclass(frozen=True, slots=True)
class Line:
    """One arm in one phase, or the labels of one of its segments."""

    arm: Arm
    counted: Tally
    found: Tally
    segment: str = ""
    answers: Answers = ({}, {})

    @property
    def differences(self) -> Mapping[str, tuple[float, float]]:
        """By name, what was counted and what the log says, where these are not the same."""
        ours, theirs = asdict(self.counted), asdict(self.found)
        of_tally = {
            name: (ours[name], theirs[name])
            for name in ours
            if ours[name] != theirs[name]
            and not (name in SUMS and _close(ours[name], theirs[name]))
        }
        return of_tally | {
            f"{_ANSWER}{name}": change for name, change in self.differing_answers.items()
        }

    @property
    def differing_answers(self) -> Mapping[str, tuple[int, int]]:
        """The same of how often each answer was given, where a guardrail looks at that."""
        ours, theirs = self.answers
        both = {name: (ours.get(name, 0), theirs.get(name, 0)) for name in sorted({*ours, *theirs})}
        return {name: change for name, change in both.items() if change[0] != change[1]}


def _close(ours: float, theirs: float) -> bool:
    return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9)


def recount(abtest_id: int) -> Sequence[Line]:
    """Each arm of each phase, as of one moment; it may be asked for while predictions are counted.

    Raises ABTest.DoesNotExist, or ExperimentInvalid where rows have left the log.
    """
    with _one_moment():
        test = ABTest.objects.prefetch_related("arms__algorithm").get(pk=abtest_id)
        if test.pruned:
            message = f"Test {test.pk} cannot be recounted: some of its rows were pruned."
            raise ExperimentInvalid(message)
        arms = {arm.pk: arm for arm in test.arms.all()}
        ours = ArmTally.objects.filter(arm__abtest=test).by_arm()
        rows = MLRequest.objects.filter(arm__in=list(arms)).order_by()
        theirs = rereading.of_rows(test, rows)
        chosen = rereading.chosen(test, rows)
        name, parts = rereading.namer(test), _segments(test)
        labels = rereading.of_labels(test, rows, chosen, name)
        if test.mode == Mode.SHADOW:
            theirs |= rereading.of_shadows(list(arms))
            labels |= rereading.of_pairs(test, list(arms), chosen, name)
        told, said = (
            ArmTally.objects.filter(arm__abtest=test).answers(),
            rereading.of_answers(test, rows),
        )
    whole = _whole(labels)
    return [
        *(
            Line(
                arm,
                ours.get(pk, NOTHING),
                theirs.get(pk, NOTHING) + whole.get(pk, NOTHING),
                answers=(told.get(pk, {}), said.get(pk, {})),
            )
            for pk, arm in arms.items()
        ),
        *(
            Line(arms[place.arm], parts.get(place, NOTHING), labels.get(place, NOTHING), place.name)
            for place in sorted({*parts, *labels})
            if place.name
        ),
    ]


@transaction.atomic
def repair(lines: Sequence[Line]) -> None:
    """Add what is missing, and take away what is too much; what was counted since stays right."""
    for line in lines:
        if line.differences:
            _add(line)
            announce.experiment_changed(line.arm.abtest_id)


def _add(line: Line) -> None:
    """Answers are read and written again, which nobody else does to this shard's."""
    gained: dict[str, Any] = {
        name: F(name) + theirs - ours
        for name, (ours, theirs) in line.differences.items()
        if not name.startswith(_ANSWER)
    }
    if line.segment:
        part, _ = SegmentTally.objects.get_or_create(arm=line.arm, segment=line.segment)
        SegmentTally.objects.filter(pk=part.pk).update(**gained)
        return
    tally, _ = ArmTally.objects.get_or_create(arm=line.arm, shard=SHARD)
    answers = Counter(tally.answers)
    answers.update({n: theirs - ours for n, (ours, theirs) in line.differing_answers.items()})
    ArmTally.objects.filter(pk=tally.pk).update(**gained, answers=answers)


@contextmanager
def _one_moment() -> Iterator[None]:
    """Everything that is read in here is as of one moment, and nobody waits for it."""
    if connection.in_atomic_block:
        yield
        return
    mode = getattr(connection, "transaction_mode", None)
    if connection.vendor == "sqlite":
        setattr(connection, "transaction_mode", "DEFERRED")  # noqa: B010  # an attribute of SQLite's
    if connection.vendor == "mysql":
        _isolate()  # of the transaction that comes next
    try:
        with transaction.atomic():
            if connection.vendor == "postgresql":
                _isolate()
            yield
    finally:
        if connection.vendor == "sqlite":
            setattr(connection, "transaction_mode", mode)  # noqa: B010  # the same


def _isolate() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def _segments(test: ABTest) -> dict[Place, Tally]:
    rows = SegmentTally.objects.filter(arm__abtest=test)
    return {Place(row.arm_id, row.segment): row.tally for row in rows}


def _whole(parts: Mapping[Place, Tally]) -> Mapping[int, Tally]:
    sums: dict[int, Tally] = defaultdict(lambda: NOTHING)
    for place, tally in parts.items():
        sums[place.arm] += tally
    return sums
