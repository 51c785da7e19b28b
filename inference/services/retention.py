"""What is old leaves the log, a few rows at a time; what was counted stays counted.

The log has no index but its key. Ids rise with time, nearly: so the key is searched for where the
age is reached, and below it each row's own moment decides. A row that got its id long before it was
written is younger than its neighbours and goes with a later run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, product
from typing import Final, NamedTuple

from django.db.models import Exists, Max, Min, OuterRef, Q, QuerySet

from inference.core import retention
from inference.models import (
    ABTest,
    Arm,
    DriftCount,
    Exposure,
    MLAlgorithm,
    MLRequest,
    MonitorEvent,
    Outbox,
    Receipt,
    ShadowPrediction,
)

Span = tuple[int, int]

_SLICE: Final = 2**60  # of the subjects' hashes: a sixteenth of them at a time


@dataclass(frozen=True, slots=True)
class Terms:
    """What may go: rows made before this moment, of these endpoints (of all, if none is named)."""

    before: datetime
    endpoints: Collection[str] = ()
    keep_labelled: bool = False


class Step(NamedTuple):
    """What became of the old rows up to an id: so many went, so many had to stay."""

    last: int
    deleted: int
    kept: int


def end(before: datetime) -> int:
    """The first id that no older row has, nearly; 0 if there are no rows."""
    ids = MLRequest.objects.aggregate(low=Min("pk"), high=Max("pk"))
    if ids["low"] is None:
        return 0
    rows = MLRequest.objects.order_by("pk").values_list("created_at", flat=True)

    def young(id_: int) -> bool:
        found = rows.filter(pk__gte=id_).first()
        return found is None or found >= before

    all_ = range(ids["low"], ids["high"] + 1)
    return all_.start + bisect_left(all_, True, key=young)


def prune(terms: Terms, batch: int, *, dry_run: bool = False) -> Iterator[Step]:
    """Look at so many rows at a time, each time in transactions of their own.

    Whoever stops between two steps has lost nothing, and the next run goes on.
    """
    stop = end(terms.before)
    old = _old(terms)
    doomed = old.exclude(_protected(terms))
    claimed = [span for span in _claimed() if span[0] < stop]
    complete = _complete()
    for first, last in _windows(stop, batch):
        going = [doomed.filter(pk__range=span) for span in retention.gaps(first, last, claimed)]
        if not dry_run:
            _mark(complete, going)
        there = old.filter(pk__range=(first, last)).count()
        gone = sum(rows.count() if dry_run else rows.delete()[0] for rows in going)
        if not dry_run:
            _follow(first, last)
        yield Step(last, gone, there - gone)
    if not dry_run:
        _forget(terms, stop)
        _overlook(terms)


def _overlook(terms: Terms) -> None:
    """What was counted to notice drift, and what was noticed, but for what still goes on."""
    algorithms = MLAlgorithm.objects.all()
    if terms.endpoints:
        algorithms = algorithms.filter(parent_endpoint__name__in=terms.endpoints)
    ids = list(algorithms.values_list("pk", flat=True))
    DriftCount.objects.filter(algorithm__in=ids, window__lt=terms.before).delete()
    events = MonitorEvent.objects.filter(algorithm__in=ids, made_at__lt=terms.before)
    same = ("algorithm", "kind", "subject")
    later = MonitorEvent.objects.filter(**{each: OuterRef(each) for each in same})
    newer = Exists(later.filter(number__gt=OuterRef("number")))
    doomed = events.filter(newer).values_list("pk", flat=True)
    MonitorEvent.objects.filter(pk__in=list(doomed)).delete()


def _follow(first: int, last: int) -> None:
    """What was said in the shadow of predictions that are gone."""
    there = Exists(MLRequest.objects.filter(pk=OuterRef("prediction")))
    ShadowPrediction.objects.filter(~there, prediction__range=(first, last)).delete()


def _forget(terms: Terms, stop: int) -> None:
    """Who was seen in tests that have no rows any more: nothing can be said about those."""
    known = Exists(Exposure.objects.filter(abtest=OuterRef("pk")))
    over = ABTest.objects.filter(known, pruned=True, ended_at__lt=terms.before)
    arms = dict(Arm.objects.filter(abtest__in=over).values_list("pk", "abtest_id"))
    left = MLRequest.objects.filter(pk__lt=stop, arm__in=list(arms)).order_by()
    still = {arms[arm_id] for arm_id in left.values_list("arm_id", flat=True).distinct() if arm_id}
    for test in over.exclude(pk__in=still):
        test.rosters.all().delete()
        for phase, low in product(range(1, test.phase + 1), range(-(2**63), 2**63, _SLICE)):
            seen = Exposure.objects.filter(abtest=test, phase=phase)
            seen.filter(subject__range=(low, low + _SLICE - 1)).delete()


def _complete() -> dict[int, int]:
    """The arms of tests whose rows are all there, with their tests."""
    arms = Arm.objects.filter(abtest__ended_at__isnull=False, abtest__pruned=False)
    return dict(arms.values_list("pk", "abtest_id"))


def _mark(complete: dict[int, int], going: Iterable[QuerySet[MLRequest]]) -> None:
    """Tests that are about to lose rows cannot be recounted; said before it is so."""
    for rows in going:
        if not complete:
            return
        losing = rows.filter(arm__in=list(complete)).values_list("arm_id", flat=True)
        arms = set(losing.distinct())
        tests = {test_id for arm_id, test_id in complete.items() if arm_id in arms}
        if tests:
            ABTest.objects.filter(pk__in=tests).update(pruned=True)
            for arm_id in [arm_id for arm_id, test_id in complete.items() if test_id in tests]:
                del complete[arm_id]


def _windows(stop: int, batch: int) -> Iterator[Span]:
    """From the first to the last id of as many rows as are looked at together."""
    last = 0
    rows = MLRequest.objects.order_by("pk").values_list("pk", flat=True)
    while ids := list(rows.filter(pk__gt=last, pk__lt=stop)[:batch]):
        last = ids[-1]
        yield ids[0], last


def _old(terms: Terms) -> QuerySet[MLRequest]:
    rows = MLRequest.objects.filter(created_at__lt=terms.before).order_by()
    if not terms.endpoints:
        return rows
    of_them = MLAlgorithm.objects.filter(parent_endpoint__name__in=terms.endpoints)
    return rows.filter(parent_mlalgorithm__in=list(of_them.values_list("pk", flat=True)))


def _protected(terms: Terms) -> Q:
    """Rows of tests that run, or ended so lately that they may be looked into."""
    still = Q(abtest__ended_at__isnull=True) | Q(abtest__ended_at__gte=terms.before)
    stays = Q(arm__in=list(Arm.objects.filter(still).values_list("pk", flat=True)))
    if terms.keep_labelled:
        stays |= Q(feedback__gt="")
    return stays


def _claimed() -> Iterable[Span]:
    """Ids of requests whose answer somebody may still ask for, or that have none yet."""
    kept = (model.objects.values_list("ids", flat=True).iterator() for model in (Outbox, Receipt))
    for spans in chain.from_iterable(kept):
        for first, count in spans:
            yield first, first + count - 1
