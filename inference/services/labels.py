"""What the last labels say about each algorithm, read from the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from django.db.models import Max

from inference.core.metrics import CORRECTNESS, Measure, Metric, Said
from inference.core.schema import Task
from inference.models import MLAlgorithm, MLRequest

# The log has no index of labels, so only its end is looked through.
REACH: Final = 20_000  # ids
MOST: Final = 2000  # labels of an algorithm
LAST: Final = 200  # by which the present is judged

_ERROR: Final = Measure(Metric.ABSOLUTE_ERROR)


@dataclass(slots=True)
class Labelled:
    """Of one algorithm, oldest first: whether each label was as predicted, or by how much not."""

    task: Task
    right: list[bool] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    def add(self, response: str, label: str) -> None:
        if self.task == "regression":
            counted = _ERROR.counted(Said(response), label)
            if counted.labelled:
                self.errors.append(counted.absolute_error)
            return
        counted = CORRECTNESS.counted(Said(response), label)
        if counted.labelled:
            self.right.append(counted.correct == 1)

    @property
    def count(self) -> int:
        return len(self.right) + len(self.errors)

    @property
    def accuracy(self) -> float | None:
        """The share of the last labels that are as predicted."""
        last = self.right[-LAST:]
        return sum(last) / len(last) if last else None

    @property
    def mean_absolute_error(self) -> float | None:
        """Of the last labels."""
        last = self.errors[-LAST:]
        return sum(last) / len(last) if last else None


def last(reach: int = REACH) -> Mapping[int, Labelled]:
    """By algorithm, of those that have labels among the last `reach` predictions."""
    newest = MLRequest.objects.aggregate(newest=Max("pk"))["newest"] or 0
    rows = MLRequest.objects.filter(pk__gt=newest - reach, feedback__gt="", error_code="")
    found: dict[int, list[tuple[str, str]]] = defaultdict(list)
    read = rows.order_by("-pk").values_list("parent_mlalgorithm_id", "response", "feedback")
    for algorithm_id, response, label in read.iterator():
        if len(pairs := found[algorithm_id]) < MOST:
            pairs.append((response, label or ""))
    algorithms = MLAlgorithm.objects.defer("code", "reference", "report").in_bulk(found)
    return {pk: _labelled(algorithms[pk], pairs) for pk, pairs in found.items() if pk in algorithms}


def _labelled(algorithm: MLAlgorithm, pairs: list[tuple[str, str]]) -> Labelled:
    labelled = Labelled(algorithm.task)
    for response, label in reversed(pairs):
        labelled.add(response, label)
    return labelled
