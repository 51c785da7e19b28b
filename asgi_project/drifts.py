"""What /metrics says of the rows and answers of models, and of how far they have moved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from prometheus_client.metrics_core import Metric

from asgi_project.exposition import gauge
from inference.core.drift import Reading
from inference.services.overview import Watched

MOST: Final = 50  # columns of an algorithm: those that moved most; each is a series
_OF_MODELS: Final = ("model", "version", "variant")
_SAME: Final = "From the database, the same in each process: max(), never sum()."


def drifts(watched: Sequence[Watched]) -> Iterator[Metric]:
    """Of algorithms that have a reference, in the windows by which the present is judged.

    Of two with one name and version the newer one.
    """
    watched = list({_who(each): each for each in watched}.values())
    yield gauge(
        "drift_psi",
        f"How far a feature, or `answers` of the model, lie from training. {_SAME}",
        (*_OF_MODELS, "kind", "feature"),
        [
            ((*_who(each), kind, reading.name), reading.psi or 0.0)
            for each in watched
            for kind, reading in _readings(each)
        ],
    )
    yield gauge(
        "drift_missing_share",
        f"The share of rows that lack the feature. {_SAME}",
        (*_OF_MODELS, "feature"),
        [
            ((*_who(each), reading.name), reading.missing)
            for each in watched
            for kind, reading in _readings(each)
            if kind == "feature"
        ],
    )
    yield gauge(
        "drift_rows",
        f"The rows that this was said of. {_SAME}",
        _OF_MODELS,
        [(_who(each), each.report.rows) for each in watched if each.report is not None],
    )
    yield from _accuracies(watched)


def _accuracies(watched: Sequence[Watched]) -> Iterator[Metric]:
    estimated = [(_who(each), each.estimated_accuracy) for each in watched]
    labelled = [(_who(each), each.labelled.accuracy) for each in watched if each.labelled]
    yield gauge(
        "drift_estimated_accuracy",
        f"What the accuracy should be, before labels come. {_SAME}",
        _OF_MODELS,
        [(who, accuracy) for who, accuracy in estimated if accuracy is not None],
    )
    yield gauge(
        "drift_live_accuracy",
        f"The share of the last 200 labels that are as predicted. {_SAME}",
        _OF_MODELS,
        [(who, accuracy) for who, accuracy in labelled if accuracy is not None],
    )


def _readings(watched: Watched) -> list[tuple[str, Reading]]:
    """Those of which something can be said."""
    if watched.report is None:
        return []
    found = [("feature", each) for each in watched.report.features]
    found += [("answers", each) for each in watched.report.answers]
    known = [pair for pair in found if pair[1].psi is not None]
    return sorted(known, key=lambda pair: -(pair[1].psi or 0.0))[:MOST]


def _who(watched: Watched) -> tuple[str, str, str]:
    row = watched.algorithm
    return row.parent_endpoint.name, row.version, row.name
