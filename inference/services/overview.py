"""What there is to say about the rows and answers of an endpoint's algorithms, for its pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from threading import Lock
from time import monotonic
from typing import Any, Final

from django.conf import settings

from inference.core import drift
from inference.core.drift import Reading, Report
from inference.core.lifecycle import Status
from inference.core.reference import Reference
from inference.models import Endpoint, MLAlgorithm, MonitorEvent
from inference.services import changes, drifting, labels, monitoring
from inference.services.drifting import Window
from inference.services.labels import LAST, Labelled

Json = dict[str, Any]

WINDOWS: Final = 24  # shown one by one
COLUMNS: Final = 40  # of which each window is shown: those that moved most
EVENTS: Final = 50
AGE: Final = 3.0  # seconds

_one = Lock()  # a page's question waits for another's, and shares its answer
_kept: dict[int, tuple[float, Json]] = {}


@dataclass(frozen=True, slots=True)
class Watched:
    """An algorithm with what is known of its last rows, answers and labels.

    Without a reference there is no report, and nothing was counted.
    """

    algorithm: MLAlgorithm
    reference: Reference | None
    report: Report | None
    windows: Sequence[Window]
    labelled: Labelled | None = None

    @property
    def estimated_accuracy(self) -> float | None:
        """What its accuracy should be, if it is as sure of itself as it deserves, wrong or right.

        The mean of the largest probability is the accuracy of a calibrated model. What this one
        was too sure of itself on the rows it was tried on is taken off. Both hold as long as rows
        come from other places of the same world; that the world has changed no estimate can know.
        """
        report = self.report
        if report is None or report.confidence is None or report.confidence_before is None:
            return None
        measured = self.algorithm.metrics.get("accuracy")
        excess = 0.0 if measured is None else report.confidence_before - measured
        return min(1.0, max(0.0, report.confidence - excess))


def watched(endpoint: Endpoint | None = None) -> list[Watched]:
    """Of one endpoint, or of all, but for what is retired."""
    rows = MLAlgorithm.objects.exclude(current_status=Status.RETIRED.value).order_by("pk")
    if endpoint is not None:
        rows = rows.filter(parent_endpoint=endpoint)
    labelled = labels.last()
    with_endpoint = rows.defer("code", "report").select_related("parent_endpoint")
    return [_watched(row, labelled.get(row.pk)) for row in with_endpoint]


def present() -> list[Watched]:
    """Of all endpoints, those that anything can be said of."""
    return [each for each in watched() if each.labelled or (each.report and each.report.rows)]


def lately(endpoint: Endpoint) -> Json:
    """The overview, a few seconds old at most: many pages may ask for the same."""
    with _one:
        at, known = _kept.get(endpoint.pk, (-AGE, {}))
        if monotonic() - at < AGE:
            return known
        _kept[endpoint.pk] = monotonic(), (found := overview(endpoint))
        return found


def overview(endpoint: Endpoint) -> Json:
    """As REST and the pages have it."""
    return {
        "endpoint": endpoint.name,
        "window_seconds": settings.WEIR.drift_window_seconds,
        "least_rows": drift.LEAST_ROWS,
        "moving": drift.MOVING,
        "drifting": drift.DRIFTING,
        "changes": None if changes.available() else changes.WHY_NOT,
        "algorithms": [_algorithm(each) for each in watched(endpoint)],
        "events": [_event(each) for each in monitoring.recent(endpoint.pk, EVENTS)],
    }


def _watched(row: MLAlgorithm, labelled: Labelled | None) -> Watched:
    try:
        reference = Reference.from_json(row.reference)
    except ValueError:
        reference = None
    if reference is None:
        return Watched(row, None, None, (), labelled)
    windows = drifting.windows(row.pk, most=WINDOWS)
    counts = drifting.lately(reference, windows[-drifting.MOST_WINDOWS :])
    return Watched(row, reference, drift.report(reference, counts), windows, labelled)


def _algorithm(seen: Watched) -> Json:
    row, report = seen.algorithm, seen.report
    found: Json = {
        "id": row.pk,
        "name": row.name,
        "version": row.version,
        "status": row.current_status,
        "watched": report is not None,
        "labels": _labels(seen),
    }
    if report is None or seen.reference is None:
        return found
    return found | {
        "state": report.state.value,
        "rows": report.rows,
        "drifting": list(report.drifting),
        "answers_drift": report.answers_drift,
        "confidence": report.confidence,
        "confidence_before": report.confidence_before,
        "features": [asdict(each) for each in report.features],
        "answers": [asdict(each) for each in report.answers],
        "windows": _windows(seen.reference, report, seen.windows),
    }


def _labels(seen: Watched) -> Json:
    labelled = seen.labelled
    return {
        "last": LAST,
        "labelled": labelled.count if labelled else 0,
        "accuracy": labelled.accuracy if labelled else None,
        "mean_absolute_error": labelled.mean_absolute_error if labelled else None,
        "estimated_accuracy": seen.estimated_accuracy,
        "measured": {
            name: seen.algorithm.metrics[name]
            for name in ("accuracy", "mean_absolute_error")
            if name in seen.algorithm.metrics
        },
    }


def _windows(reference: Reference, report: Report, windows: Sequence[Window]) -> list[Json]:
    """Each column that is shown, in each window: its index, None of too few rows, and its state."""
    places = _shown([*report.features, *report.answers])
    return [
        {
            "began": window.began.isoformat(),
            "rows": window.counts.rows,
            "columns": _columns(reference, window, places),
        }
        for window in windows
        if len(window.counts.cells) == sum(each.cells for each in reference.binnings)
    ]


def _shown(readings: Sequence[Reading]) -> list[int]:
    """Places of those that moved most, in order."""
    places = sorted(range(len(readings)), key=lambda at: -(readings[at].psi or 0.0))[:COLUMNS]
    return sorted(places)


def _columns(reference: Reference, window: Window, places: Sequence[int]) -> list[Json]:
    readings = [drift.reading(reference, window.counts, place) for place in places]
    return [
        {"name": each.name, "psi": each.psi, "state": each.state.value, "answer": answer}
        for each, answer in zip(
            readings, [place >= len(reference.features) for place in places], strict=True
        )
    ]


def _event(event: MonitorEvent) -> Json:
    return {
        "id": event.pk,
        "made_at": event.made_at.isoformat(),
        "algorithm": event.algorithm_id,
        "version": event.algorithm.full_name if event.algorithm else None,
        "kind": event.kind,
        "subject": event.subject,
        "value": event.value,
        "text": event.text,
        "over": event.over,
    }
