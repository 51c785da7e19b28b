"""What a test shows beside its tallies: its path, its segments, its events, its days to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from inference.core import experiment, outlook, segments, trace
from inference.core.experiment import Mode
from inference.core.outlook import Outlook
from inference.core.segments import Segment
from inference.core.tally import NOTHING, Tally
from inference.core.verdict import Code
from inference.models import ABTest, Point, SegmentTally

Json = dict[str, Any]

EVENTS: Final = 50
_DAY: Final = timedelta(days=1)
_HOUR: Final = timedelta(hours=1)


# -- what has been ---------------------------------------------------------------------------------


def events(test: ABTest) -> list[Json]:
    """What was done to it lately, the newest first, with the verdict there was at each time."""
    code = "evidence__verdict__code"
    rows = test.decisions.order_by("-pk").values_list("made_at", "made_by", "what", "why", code)
    names = ("at", "by", "what", "why", "code")
    return [dict(zip(names, (moment(at), *rest), strict=True)) for at, *rest in rows[:EVENTS]]


def history(snapshot: Mapping[str, Any]) -> Json:
    """The path of the present phase, up to what the snapshot says, in columns."""
    test, labelled = snapshot["experiment"], sum(arm["labelled"] for arm in snapshot["arms"])
    present = trace.point(snapshot, timezone.now())
    return trace.columns(trace.joined(_path(test["id"], test["phase"]), present, labelled))


def earlier(test: ABTest, phase: int) -> Json:
    """The path of a phase that is over, as far as it is kept."""
    return trace.columns(_path(test.pk, phase))


def _path(abtest_id: int, phase: int) -> list[trace.Point]:
    rows = Point.objects.filter(abtest=abtest_id, phase=phase).order_by("labelled")
    return [trace.Point(*row) for row in rows.values_list("labelled", "made_at", "values")]


# -- what is to come -------------------------------------------------------------------------------


def days_left(test: ABTest, measured: Sequence[experiment.Arm], code: Code) -> float | None:
    """At the rate of the last day, or since the phase began; None where nothing can be said."""
    if test.ended_at is not None:
        return None
    ahead, now = Outlook(measured, test.terms, test.maximum), timezone.now()
    since, had = _day_ago(test, now) or (_began(test), 0.0)
    return outlook.days(ahead.left(code), ahead.progress() - had, (now - since) / _DAY)


def _day_ago(test: ABTest, now: datetime) -> tuple[datetime, float] | None:
    """When the path was looked at first within a day, and how far it was; None in its first hour.

    None as well where it has not moved for a day.
    """
    path = Point.objects.filter(abtest=test, phase=test.phase, made_at__gte=now - _DAY)
    point = path.order_by("labelled").first()
    if point is None or now - point.made_at < _HOUR:
        return None
    return point.made_at, outlook.progress([n for _, n, _ in point.values["arms"]], Mode(test.mode))


def _began(test: ABTest) -> datetime:
    if test.phase == 1:
        return test.created_at
    return test.reweights.get(phase=test.phase).made_at


# -- what the parts show ---------------------------------------------------------------------------


def parts(test: ABTest, measured: Sequence[experiment.Arm], code: Code) -> list[Json] | None:
    """Each segment, in the order of first appearance in this phase; None if the test has none."""
    if not test.segment:
        return None
    found = segments.judge(measured, _tallies(test), test.terms, code)
    return [_part(test, each) for each in found]


def _tallies(test: ABTest) -> dict[str, list[Tally]]:
    places = {arm.pk: place for place, arm in enumerate(test.current)}
    found: dict[str, list[Tally]] = defaultdict(lambda: [NOTHING] * len(places))
    for row in SegmentTally.objects.filter(arm__in=places).order_by("pk"):
        found[row.segment][places[row.arm_id]] = row.tally
    return found


def _part(test: ABTest, found: Segment) -> Json:
    score = test.measure.score
    return {
        "segment": found.name,
        "arms": [
            {"arm": arm.pk, "labelled": each.tally.labelled, "score": score(each.tally)}
            for arm, each in zip(test.current, found.arms, strict=True)
        ],
        "evidence": asdict(found.evidence) if found.evidence else None,
        "verdict": found.verdict,
    }


def moment(value: datetime) -> str:
    """As all moments are said."""
    return value.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
