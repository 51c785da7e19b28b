"""What the log says of a test, read again from its beginning."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NamedTuple

from django.db.models import Count, Q, QuerySet

from inference.core.assignment import subject_hash
from inference.core.metrics import Measure, Said
from inference.core.tally import NOTHING, Tally
from inference.models import ABTest, Exposure, MLRequest, ShadowPrediction
from inference.services import segments

_AT_ONCE: Final = 2000  # rows
# These are as exact as the order of additions allows; counts have to agree.
SUMS: Final = frozenset(
    {"absolute_error", "squared_error", "total", "squares", "gap", "gap_squares"}
)
_READ: Final = ("arm", "subject", "response", "full_response", "feedback")
_OF_ROWS: Final = ("input_data", "parent_mlalgorithm")


def of_rows(test: ABTest, rows: QuerySet[MLRequest]) -> dict[int | None, Tally]:
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


def of_answers(test: ABTest, rows: QuerySet[MLRequest]) -> Mapping[int, Counter[str]]:
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


def namer(test: ABTest) -> Name:
    """Says in which segment a label of a prediction counts."""
    if not test.segment:
        return lambda _: ""
    known = segments.values(test)
    fields = {arm.algorithm_id: arm.algorithm for arm in test.arms.all()}

    def name(row: MLRequest) -> str:
        row.parent_mlalgorithm = fields[row.parent_mlalgorithm_id]
        return segments.within(known, segments.of(test, row))

    return name


def of_labels(
    test: ABTest, rows: QuerySet[MLRequest], counted: Collection[int], name: Name
) -> dict[Place, Tally]:
    sums: dict[Place, list[Tally]] = defaultdict(list)
    read = _labelled(rows).only(*_READ, *(_OF_ROWS if test.segment else ()))
    for row in read.iterator(_AT_ONCE):
        if row.arm_id is not None and (not row.subject or row.pk in counted):
            said = Said(row.response, row.full_response)
            change = test.measure.counted(said, row.feedback)
            if change != NOTHING:
                sums[Place(row.arm_id, name(row))].append(change)
    return {place: _added(tallies) for place, tallies in sums.items()}


def of_shadows(arms: Collection[int]) -> Mapping[int | None, Tally]:
    """What challengers said, but for the labels."""
    said = ShadowPrediction.objects.filter(arm__in=arms).order_by().values_list("arm_id")
    found = said.annotate(all=Count("prediction"), bad=Count("prediction", Q(error_code__gt="")))
    return {arm_id: Tally(exposures=all_, errors=errors) for arm_id, all_, errors in found}


def of_pairs(
    test: ABTest, arms: Collection[int], counted: Collection[int], name: Name
) -> Mapping[Place, Tally]:
    sums: dict[Place, list[Tally]] = defaultdict(list)
    said = ShadowPrediction.objects.filter(arm__in=arms, error_code="").order_by("pk")
    for some in _pieces(said.iterator(_AT_ONCE)):
        champions = _labelled(MLRequest.objects.all()).in_bulk([each.prediction for each in some])
        for each in some:
            row = champions.get(each.prediction)
            if row is not None and (not row.subject or row.pk in counted):
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


def chosen(test: ABTest, rows: QuerySet[MLRequest]) -> Collection[int]:
    """Of each subject the prediction that its exposure names; see `exposures.observed`."""
    holders = Exposure.objects.filter(abtest=test).exclude(labelled=None)
    named = holders.values_list("labelled", flat=True).iterator(_AT_ONCE)
    return {pk for pk in named if pk is not None} | _without_exposures(test, rows)


def _added(tallies: Sequence[Tally]) -> Tally:
    """The sums in one go: what each addition rounds would add up."""
    sums: dict[str, Any] = {
        name: math.fsum(getattr(each, name) for each in tallies) for name in SUMS
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
