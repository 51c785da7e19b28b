"""Counts labels by the segments of a test when they come; predictions pay nothing for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final

from inference.core import segments
from inference.core.tally import NOTHING, Tally
from inference.models import ABTest, Arm, ArmTally, MLRequest, SegmentTally
from inference.services import tallies

_RESERVED: Final = (segments.OTHER, segments.MISSING)


Change = tuple[Arm, Tally, MLRequest]


def relabel(changes: Iterable[Change]) -> None:
    """Count what arms gain by labels of these requests, on the whole and in their segments."""
    gained: dict[tuple[int, str], Tally] = defaultdict(lambda: NOTHING)
    arms: dict[int, Arm] = {}
    for arm, change, request in changes:
        if change != NOTHING:
            arms[arm.pk] = arm
            gained[arm.pk, place(arm, request)] += change
    for arm_id, name in sorted(gained):
        tallies.relabel(arms[arm_id], gained[arm_id, name])
        _count(arms[arm_id], gained[arm_id, name], name)


def of(test: ABTest, request: MLRequest) -> str:
    """The value of the test's field in the row that was asked for."""
    names = segments.fields(request.parent_mlalgorithm.schema)
    return segments.value(request.input_data, test.segment, names)


def place(arm: Arm, request: MLRequest) -> str:
    """The segment in which a label of the request counts for this arm, which has a row for it.

    Empty if the test has none. What a value counts under never changes: there are at most MOST of
    them, those that came first, and none of them goes. In a transaction that has not changed the
    tally of any arm.
    """
    if not arm.abtest.segment:
        return ""
    name = of(arm.abtest, request)
    if not SegmentTally.objects.filter(arm=arm, segment=name).exists():
        _take_turns(arm.abtest)
        name = within(values(arm.abtest), name)
        SegmentTally.objects.get_or_create(arm=arm, segment=name)
    return name


def within(known: Collection[str], name: str) -> str:
    """What a value counts under, where these have a segment of their own."""
    if name in known or name in _RESERVED or len(known) < segments.MOST:
        return name
    return segments.OTHER


def _count(arm: Arm, change: Tally, name: str) -> None:
    if name and change != NOTHING:
        SegmentTally.objects.filter(arm=arm, segment=name).update(**tallies.gains(change))


def values(test: ABTest) -> frozenset[str]:
    """Those that have a segment of their own."""
    rows = SegmentTally.objects.filter(arm__abtest=test).exclude(segment__in=_RESERVED)
    return frozenset(rows.values_list("segment", flat=True).distinct())


def _take_turns(test: ABTest) -> None:
    """Whoever needs a new row waits for others that do, so that there are never too many values.

    What they wait for is the first arm's tally of labels. Everybody changes tallies in the order of
    the arms, so nobody waits in a circle.
    """
    first = Arm.objects.filter(abtest=test).order_by("pk")[0]
    tally, _ = ArmTally.objects.get_or_create(arm=first, shard=tallies.LABELS)
    ArmTally.objects.select_for_update().get(pk=tally.pk)
