"""What the log says of a test, beside what was counted: they must be the same."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db import connection, transaction
from django.db.models import Count, F, Q, QuerySet

from inference.core.assignment import subject_hash
from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.metrics import Measure, Said
from inference.core.tally import NOTHING, Tally
from inference.models import (
    ABTest,
    Arm,
    ArmTally,
    Exposure,
    MLRequest,
    SegmentTally,
    ShadowPrediction,
)
from inference.services import announce, segments

# Where what was counted too little or too much is made good: others may count meanwhile.
SHARD: Final = "recount"
_AT_ONCE: Final = 2000  # rows
# These are as exact as the order of additions allows; counts have to agree.
_SUMS: Final = frozenset(
    {"absolute_error", "squared_error", "total", "squares", "gap", "gap_squares"}
)
_READ: Final = ("arm", "subject", "response", "full_response", "feedback")
_OF_ROWS: Final = ("input_data", "parent_mlalgorithm")


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
            and not (name in _SUMS and _close(ours[name], theirs[name]))
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
        theirs = _of_rows(test, rows)
        chosen = _chosen(test, rows)
        name, parts = _namer(test), _segments(test)
        labels = _of_labels(test, rows, chosen, name)
        if test.mode == Mode.SHADOW:
            theirs |= _of_shadows(list(arms))
            labels |= _of_pairs(test, list(arms), chosen, name)
        told, said = ArmTally.objects.filter(arm__abtest=test).answers(), _of_answers(test, rows)
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


def _of_rows(test: ABTest, rows: QuerySet[MLRequest]) -> dict[int | None, Tally]:
    """All but the labels, by arm: a subject has one arm in a phase, and an arm is of one phase."""
    limit = test.safeguards.latency_ms if test.safeguards else None
    slow = Q(error_code="", latency_us__gt=1000.0 * limit) if limit else Q(pk=None)
    failed = Q(error_code__gt="") if test.safeguards else Q(pk=None)
    found = rows.values_list("arm_id").annotate(
        predictions=Count("pk"),
        failed=Count("pk", filter=Q(error_code__gt="")),
        nameless=Count("pk", filter=Q(subject="")),
        subjects=Count("subject", distinct=True, filter=Q(subject__gt="")),
        late=Count("pk", filter=slow),
        **_units("failing", failed),
        **_units("lagging", slow),
    )
    return {
        arm_id: Tally(
            exposures=all_,
            errors=errors,
            subjects=nameless + named,
            slow=late,
            failing=sum(harmed[:2]),
            lagging=sum(harmed[2:]),
        )
        for arm_id, all_, errors, nameless, named, late, *harmed in found
    }


def _units(name: str, which: Q) -> dict[str, Count]:
    """With at least one such row; whoever is nobody is a unit with each."""
    return {
        name: Count("pk", filter=which & Q(subject="")),
        f"{name}_named": Count("subject", distinct=True, filter=which & Q(subject__gt="")),
    }


def _of_answers(test: ABTest, rows: QuerySet[MLRequest]) -> Mapping[int, Counter[str]]:
    """Of each unit the one that it came with, by arm; see `tallies`."""
    agreed, said = test.safeguards, defaultdict[int, Counter[str]](Counter)
    if agreed is None or not agreed.answers:
        return said
    firsts = Exposure.objects.filter(abtest=test).values("first")
    new = rows.filter(Q(subject="") | Q(pk__in=firsts), error_code="")
    for arm_id, response, count in new.values_list("arm_id", "response").annotate(n=Count("pk")):
        said[arm_id or 0][agreed.answer(response)] += count
    return said


class Place(NamedTuple):
    """Where labels are counted: for an arm, and in a segment if the test has any."""

    arm: int
    name: str


Name = Callable[[MLRequest], str]


def _namer(test: ABTest) -> Name:
    """Says in which segment a label of a prediction counts."""
    if not test.segment:
        return lambda _: ""
    known = segments.values(test)
    fields = {arm.algorithm_id: arm.algorithm for arm in test.arms.all()}

    def name(row: MLRequest) -> str:
        row.parent_mlalgorithm = fields[row.parent_mlalgorithm_id]
        return segments.within(known, segments.of(test, row))

    return name


def _segments(test: ABTest) -> dict[Place, Tally]:
    rows = SegmentTally.objects.filter(arm__abtest=test)
    return {Place(row.arm_id, row.segment): row.tally for row in rows}


def _whole(parts: Mapping[Place, Tally]) -> Mapping[int, Tally]:
    sums: dict[int, Tally] = defaultdict(lambda: NOTHING)
    for place, tally in parts.items():
        sums[place.arm] += tally
    return sums


def _of_labels(
    test: ABTest, rows: QuerySet[MLRequest], chosen: Collection[int], name: Name
) -> dict[Place, Tally]:
    sums: dict[Place, list[Tally]] = defaultdict(list)
    read = _labelled(rows).only(*_READ, *(_OF_ROWS if test.segment else ()))
    for row in read.iterator(_AT_ONCE):
        if row.arm_id is not None and (not row.subject or row.pk in chosen):
            said = Said(row.response, row.full_response)
            change = test.measure.counted(said, row.feedback)
            if change != NOTHING:
                sums[Place(row.arm_id, name(row))].append(change)
    return {place: _added(tallies) for place, tallies in sums.items()}


def _of_shadows(arms: Collection[int]) -> Mapping[int | None, Tally]:
    """What challengers said, but for the labels."""
    said = ShadowPrediction.objects.filter(arm__in=arms).order_by().values_list("arm_id")
    found = said.annotate(all=Count("prediction"), bad=Count("prediction", Q(error_code__gt="")))
    return {arm_id: Tally(exposures=all_, errors=errors) for arm_id, all_, errors in found}


def _of_pairs(
    test: ABTest, arms: Collection[int], chosen: Collection[int], name: Name
) -> Mapping[Place, Tally]:
    sums: dict[Place, list[Tally]] = defaultdict(list)
    said = ShadowPrediction.objects.filter(arm__in=arms, error_code="").order_by("pk")
    for some in _pieces(said.iterator(_AT_ONCE)):
        champions = _labelled(MLRequest.objects.all()).in_bulk([each.prediction for each in some])
        for each in some:
            row = champions.get(each.prediction)
            if row is not None and (not row.subject or row.pk in chosen):
                pair = _paired(test.measure, row, each)
                if pair != NOTHING:
                    sums[Place(each.arm_id, name(row))].append(pair)
    return {place: _added(tallies) for place, tallies in sums.items()}


def _paired(measure: Measure, row: MLRequest, each: ShadowPrediction) -> Tally:
    ours = measure.counted(Said(row.response, row.full_response), row.feedback)
    theirs = measure.counted(Said(each.response, each.full_response), row.feedback)
    return measure.paired(ours, theirs)


def _pieces(rows: Iterator[ShadowPrediction]) -> Iterator[Sequence[ShadowPrediction]]:
    while some := list(islice(rows, _AT_ONCE)):
        yield some


def _labelled(rows: QuerySet[MLRequest]) -> QuerySet[MLRequest]:
    return rows.filter(feedback__gt="", error_code="")


def _chosen(test: ABTest, rows: QuerySet[MLRequest]) -> Collection[int]:
    """Of each subject the prediction that its exposure names; see `exposures.observed`."""
    holders = Exposure.objects.filter(abtest=test).exclude(labelled=None)
    named = holders.values_list("labelled", flat=True).iterator(_AT_ONCE)
    return {pk for pk in named if pk is not None} | _without_exposures(test, rows)


def _added(tallies: Sequence[Tally]) -> Tally:
    """The sums in one go: what each addition rounds would add up."""
    sums: dict[str, Any] = {
        name: math.fsum(getattr(each, name) for each in tallies) for name in _SUMS
    }
    return replace(sum(tallies, NOTHING), **sums)


def _without_exposures(test: ABTest, rows: QuerySet[MLRequest]) -> frozenset[int]:
    """Labelled predictions of subjects that were never written down, as before exposures were."""
    named = rows.exclude(subject="")
    if named.values("arm", "subject").distinct().count() == test.exposures.count():
        return frozenset()
    phases = {arm.pk: arm.phase for arm in test.arms.all()}
    written = set(test.exposures.values_list("phase", "subject").iterator(_AT_ONCE))
    labelled = named.filter(feedback__gt="").values_list("pk", "arm_id", "subject")
    return frozenset(
        pk
        for pk, arm_id, subject in labelled.iterator(_AT_ONCE)
        if (phases[arm_id or 0], subject_hash(test.salt, subject)) not in written
    )
