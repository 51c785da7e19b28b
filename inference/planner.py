"""What a test would need, by the traffic that an endpoint has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from inference.core import planning
from inference.core.errors import ExperimentInvalid
from inference.core.evidence import MIN_LABELLED
from inference.core.experiment import Mode
from inference.core.lifecycle import ANSWERING
from inference.core.metrics import Measure, Said, usual
from inference.core.schema import Task
from inference.core.tally import NOTHING, Tally
from inference.models import ArmTally, Endpoint, MLAlgorithm, MLRequest

Json = dict[str, Any]

DAY: Final = 86_400.0  # seconds
REMEMBERED: Final = 20_000  # rows that say how an endpoint's traffic is
LOOKED_AT: Final = 1_000_000  # ids among which they are looked for
WISHES: Final = MappingProxyType(
    {
        "difference": "the smallest difference that would matter; 0.01 is one percentage point",
        "base": "the accuracy now, where the log does not know it",
        "variance": "of one label's score instead; for a regression, of the absolute error",
        "discordant": "in the shadow, the share of inputs that only one of both gets right; of a "
        "regression, how far their errors are apart, squared. Known from earlier such tests",
        "labels_a_day": "how many labels come, where the log does not know it",
        "weights": "of the arms, the control's first; 1,1 unless said otherwise",
        "coverage": "the share of the traffic that takes part; 1 unless said otherwise",
        "power": "the chance to see the difference if it is there; 0.8 unless said otherwise",
        "alpha": "the chance to see one that is not there; 0.05 unless said otherwise",
    }
)
PLANNED_DAYS: Final = (1, 7, 14, 30)


class Past(NamedTuple):
    """What an endpoint's latest predictions say about its next ones.

    `units` are its subjects and requests without one, in so many `seconds`; `tally` counts the
    first label of each.
    """

    task: Task
    units: int
    seconds: float
    tally: Tally

    @property
    def labels_a_day(self) -> float:
        return DAY * self.tally.labelled / self.seconds if self.seconds else 0.0

    @property
    def variance(self) -> float | None:
        """Of one label's score; None without labels, or if they are all the same."""
        n, tally = self.tally.labelled, self.tally
        if not n:
            return None
        if self.task == "regression":
            mean = tally.absolute_error / n
            return max(0.0, tally.squared_error / n - mean * mean) or None
        return tally.correct / n * (1.0 - tally.correct / n) or None


def past(endpoint_id: int, now: datetime) -> Past | None:
    """Of those of its algorithms that answer by default; None if nothing does."""
    answering = list(
        MLAlgorithm.objects.filter(parent_endpoint=endpoint_id, current_status__in=ANSWERING)
    )
    if not answering:
        return None
    task, oldest = answering[0].task, now
    measure = Measure(usual(task))
    labels: dict[object, Tally] = {}  # by unit; the first that says something, as in a test
    for pk, subject, response, feedback, error, at in _latest(answering):
        oldest = min(oldest, at)
        said = measure.counted(None if error else Said(response), feedback)
        labels[subject or pk] = said if said.labelled else labels.get(subject or pk, NOTHING)
    tally = sum(labels.values(), NOTHING)
    return Past(task, len(labels), (now - oldest).total_seconds(), tally)


def _latest(algorithms: Sequence[MLAlgorithm]) -> Iterable[tuple[Any, ...]]:
    """Their newest rows, found without an index but the key's."""
    newest = MLRequest.objects.order_by("-id").values_list("id", flat=True).first() or 0
    rows = MLRequest.objects.filter(pk__gt=newest - LOOKED_AT, parent_mlalgorithm__in=algorithms)
    columns = ("id", "subject", "response", "feedback", "error_code", "created_at")
    return rows.order_by("-id").values_list(*columns)[:REMEMBERED]


def plan(endpoint: Endpoint, wishes: Mapping[str, str], now: datetime) -> Json:
    """What a test of this endpoint would need, by its own traffic where nothing else is said.

    Of the `WISHES`, `difference` must be said. Raises ExperimentInvalid naming the field.
    """
    known = past(endpoint.pk, now)
    aim = planning.Aim(
        difference=planning.number("difference", wishes),
        variance=_variance(known, wishes),
        weights=planning.weights_of(wishes.get("weights", "1,1")),
        alpha=planning.number("alpha", wishes, 0.05),
        power=planning.number("power", wishes, 0.8),
        discordant=_discordant(endpoint.pk, wishes),
    )
    usual = known.labels_a_day if known else 0.0
    coverage = planning.number("coverage", wishes, 1.0)
    a_day = planning.number("labels_a_day", wishes, usual) * coverage
    found = planning.planned(aim)
    return {
        "endpoint": endpoint.name,
        "known": _known(known),
        "aim": {**asdict(aim), "coverage": coverage},
        "labels_a_day": a_day,
        "labels": asdict(found),
        "days": {name: planning.days(n, a_day) for name, n in asdict(found).items()},
        "detectable": {str(n): planning.detectable(aim, n * a_day) for n in PLANNED_DAYS},
    }


def _variance(known: Past | None, wishes: Mapping[str, str]) -> float:
    if "base" in wishes:
        base = planning.number("base", wishes)
        return base * (1.0 - base)
    usual = known.variance if known else None
    if usual is None and "variance" not in wishes:
        sentence = "The endpoint has no labels to go by: say base, an accuracy, or variance."
        raise ExperimentInvalid(sentence, field="base")
    return planning.number("variance", wishes, usual)


def _discordant(endpoint_id: int, wishes: Mapping[str, str]) -> float | None:
    """As it was said, or as all challengers together showed that were tested in the shadow."""
    if "discordant" in wishes:
        return planning.number("discordant", wishes)
    shadows = ArmTally.objects.filter(
        arm__abtest__endpoint=endpoint_id, arm__abtest__mode=Mode.SHADOW.value, arm__position__gt=1
    )
    tally = sum(shadows.by_arm().values(), NOTHING)
    return tally.gap_squares / tally.labelled if tally.labelled >= MIN_LABELLED else None


def _known(known: Past | None) -> Json | None:
    if known is None:
        return None
    tally = known.tally
    return {
        "task": known.task,
        "units": known.units,
        "seconds": known.seconds,
        "labelled": tally.labelled,
        "accuracy": None if known.task == "regression" else tally.accuracy,
        "mean_absolute_error": tally.mean_absolute_error if known.task == "regression" else None,
    }
