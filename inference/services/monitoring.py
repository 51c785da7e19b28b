"""Looks at what was counted and labelled, and writes down what began and what is over.

Any number of processes may look at the same moment. An event has a number among those of its
algorithm, kind and subject, and no two may have the same: so one of them writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import IntegrityError, transaction

from inference.core import alarms
from inference.core.alarms import News, Sight
from inference.core.lifecycle import Status
from inference.models import DriftCount, MLAlgorithm, MonitorEvent
from inference.models.fields import NAME_LENGTH, WHY_LENGTH
from inference.services import changes, drifting, labels
from inference.services.labels import LAST, Labelled

RECENT: Final = timedelta(minutes=1)  # before the window that is under way


def look(now: datetime, seconds: float) -> Sequence[MonitorEvent]:
    """The events that were written; `seconds` is how long a window is.

    Only of algorithms that somebody asked lately, or whose predictions got labels.
    """
    labelled = labels.last()
    since = now - timedelta(seconds=seconds) - RECENT
    counted = DriftCount.objects.filter(window__gte=since).values_list("algorithm", flat=True)
    algorithms = MLAlgorithm.objects.filter(pk__in={*counted.distinct(), *labelled})
    written: list[MonitorEvent] = []
    for row in algorithms.exclude(current_status=Status.RETIRED.value).defer("code", "report"):
        written += _tell(row, list(_sights(row, labelled.get(row.pk))))
    return written


def recent(endpoint_id: int, most: int) -> Sequence[MonitorEvent]:
    """The newest events of an endpoint, newest first."""
    rows = MonitorEvent.objects.filter(endpoint=endpoint_id).select_related("algorithm")
    return list(rows.defer("algorithm__code", "algorithm__reference").order_by("-pk")[:most])


def _sights(row: MLAlgorithm, labelled: Labelled | None) -> Iterator[Sight]:
    if (report := drifting.report(row.pk)) is not None:
        yield from alarms.of_report(report)
    if labelled is None or not labelled.right:
        return
    for sight in (
        alarms.of_labels(labelled.right[-LAST:], row.metrics.get("accuracy")),
        changes.seen(labelled.right),
    ):
        if sight is not None:
            yield sight


def _tell(row: MLAlgorithm, sights: Sequence[Sight]) -> list[MonitorEvent]:
    sights = [each._replace(subject=each.subject[:NAME_LENGTH]) for each in sights]
    events = MonitorEvent.objects.filter(algorithm=row, number__isnull=False)
    known = events.order_by("number").values_list("kind", "subject", "number", "over")
    last = {(kind, subject): (number or 0, over) for kind, subject, number, over in known}
    standing = {key for key, (_, over) in last.items() if not over}
    written = []
    for each in alarms.news(sights, standing):
        number, _ = last.get((each.sight.kind.value, each.sight.subject), (0, True))
        if (event := _written(row, each, number + 1)) is not None:
            written.append(event)
    return written


def _written(row: MLAlgorithm, news: News, number: int) -> MonitorEvent | None:
    """None if another process was first."""
    sight, over = news
    event = MonitorEvent(
        endpoint_id=row.parent_endpoint_id,
        algorithm=row,
        kind=sight.kind.value,
        subject=sight.subject,
        value=sight.value,
        text=sight.text[:WHY_LENGTH],
        over=over,
        number=number,
    )
    try:
        with transaction.atomic():
            event.save()
    except IntegrityError:
        return None
    return event
