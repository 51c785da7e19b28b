"""The path that a test has come, thinly: what somebody who comes later is shown.

Each web process that notices a change comes here, once a second and test, with what it has read. No
two statements are a transaction, so nobody holds a lock while he waits for another; whoever comes
second finds the point there, and nothing to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.db import OperationalError
from django.db.models import QuerySet

from inference.core import trace
from inference.models import Point

PHASES: Final = 20  # the latest, of which the paths are kept


def keep(snapshot: Mapping[str, Any]) -> None:
    """Write down where the test stands by its snapshot, and drop what is too much by now."""
    test, now = snapshot["experiment"], trace.point(snapshot)
    if now is None:
        return
    path = Point.objects.filter(abtest=test["id"], phase=test["phase"])
    newest = path.order_by("-labelled").first()
    if newest is not None and (newest.labelled, newest.values) == (now.labelled, now.values):
        return
    try:
        _add(path, newest, Point(abtest_id=test["id"], phase=test["phase"], **_fields(now)))
        _thin(path, now.labelled)
    except OperationalError:
        return  # two got into each other's way; the next second finds what is left to do


def _fields(now: trace.Point) -> dict[str, Any]:
    return {"labelled": now.labelled, "values": now.values}


def _add(path: QuerySet[Point], newest: Point | None, point: Point) -> None:
    if newest is None:
        first_kept = point.phase - PHASES + 1
        Point.objects.filter(abtest=point.abtest_id, phase__lt=first_kept).delete()
    if newest is not None and point.labelled <= newest.labelled:
        path.filter(labelled=point.labelled).update(values=point.values, made_at=point.made_at)
    Point.objects.bulk_create([point], ignore_conflicts=True)


def _thin(path: QuerySet[Point], labelled: int) -> None:
    """Of the points up to now; what lies beyond was of labels that have been taken back since."""
    there = dict(path.order_by("pk").values_list("labelled", "pk"))
    stay = trace.kept(count for count in there if count <= labelled)
    gone = [pk for count, pk in there.items() if count not in stay]
    if gone:
        Point.objects.filter(pk__in=gone).delete()
