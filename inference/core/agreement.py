"""What may be agreed for a test before it starts; afterwards only the coverage changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf
from typing import Any, Final, TypedDict

from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.metrics import OF_NUMBERS, OF_PROBABILITIES, Metric, fits, usual
from inference.core.schema import Task

WINNER: Final = "winner"
FUTILITY: Final = "futility"
MAXIMUM: Final = "maximum"
STOPS: Final = (WINNER, FUTILITY, MAXIMUM)
MOST_LABELS: Final = 2_000_000_000
MOST_ARMS: Final = 16


class Agreed(TypedDict, total=False):
    """By the names of the test's own fields; what is left out is as it usually is.

    `coverage` is the share of the units that take part: above 0, at most 1. The others get what was
    in production before. `difference` is the smallest of the scores that would matter, above 0.
    `low` and `high` are limits of a reward, `high` that of an error. `stops_on` holds some of
    `STOPS`.
    """

    mode: Mode
    metric: Metric
    low: float | None
    high: float | None
    alpha: float
    horizon: int
    coverage: float
    difference: float | None
    minimum: int
    maximum: int | None
    stops_on: Sequence[str]
    guardrails: Mapping[str, Any]
    segment: str


def complete(agreed: Agreed, task: Task, *, graph: bool) -> Agreed:
    """With its metric. Raises ExperimentInvalid, with the field, for what does not go together."""
    whole: Agreed = {"metric": usual(task), **agreed}
    whole["metric"] = Metric(whole["metric"])  # it may have come as a word
    _numbers(whole)
    _metric(whole, task, graph=graph)
    _stops(whole)
    return whole


def _numbers(agreed: Agreed) -> None:
    coverage, difference = agreed.get("coverage", 1.0), agreed.get("difference")
    _insist("coverage", 0.0 < coverage <= 1.0, "The coverage is a share above 0 and at most 1.")
    fine = difference is None or 0.0 < difference < inf
    _insist("difference", fine, "The difference that matters is a number above 0.")
    fine = 0.0 < agreed.get("alpha", 0.05) <= 0.5
    _insist("alpha", fine, "Alpha is above 0 and at most 0.5.")
    fine = 100 <= agreed.get("horizon", 5000) <= MOST_LABELS
    _insist("horizon", fine, f"The horizon is a number of labels from 100 to {MOST_LABELS}.")
    fine = 0 <= agreed.get("minimum", 0) <= MOST_LABELS
    _insist("minimum", fine, f"The minimum is a number of labels up to {MOST_LABELS}.")
    most = agreed.get("maximum")
    fine = most is None or max(1, agreed.get("minimum", 0)) <= most <= MOST_LABELS
    _insist("maximum", fine, "The maximum is a number of labels, and not below the minimum.")


def _metric(agreed: Agreed, task: Task, *, graph: bool) -> None:
    metric = agreed["metric"]
    _insist("metric", fits(metric, task), f"A {task} model is not judged by its {metric}.")
    if metric in OF_PROBABILITIES:
        _insist("metric", not graph, f"For {metric} the answers must hold probabilities.")
    _limits(metric, agreed.get("low"), agreed.get("high"))


def _limits(metric: Metric, low: float | None, high: float | None) -> None:
    if metric is Metric.REWARD:
        fine = low is not None and high is not None and -inf < low < high < inf
        _insist("high", fine, "A reward has limits: low and high, the lowest and the highest.")
        return
    _insist("low", low is None, "Only a reward has a lowest value.")
    if metric is Metric.SQUARED_ERROR:
        _insist("high", high is not None, "For the squared error, high says what errors count as.")
    fine = high is None or (metric in OF_NUMBERS and 0.0 < high < inf)
    _insist("high", fine, "A highest value above 0 belongs to an error or a reward.")


def _stops(agreed: Agreed) -> None:
    stops = agreed.get("stops_on", ())
    _insist("stops_on", set(stops) <= set(STOPS), f"A test stops on {', '.join(STOPS)}.")
    if FUTILITY in stops:
        fine = agreed.get("difference") is not None
        _insist("difference", fine, "To stop for futility, say which difference would matter.")
    if MAXIMUM in stops:
        fine = agreed.get("maximum") is not None
        _insist("maximum", fine, "To stop at a maximum, say how many labels that are.")


def _insist(field: str, holds: bool, sentence: str) -> None:  # what must be true
    if not holds:
        raise ExperimentInvalid(sentence, field=field)
