from __future__ import annotations

from typing import Any

import pytest

from inference.core.agreement import Agreed, complete
from inference.core.errors import ExperimentInvalid
from inference.core.metrics import Metric
from inference.core.schema import Task


def test_a_test_has_the_usual_metric_of_its_task() -> None:
    assert complete({}, "binary", graph=False) == {"metric": Metric.CORRECTNESS}
    assert complete({}, "regression", graph=False) == {"metric": Metric.ABSOLUTE_ERROR}


@pytest.mark.parametrize(
    ("task", "agreed"),
    [
        ("binary", {"metric": "brier", "alpha": 0.01, "horizon": 100_000}),
        ("multiclass", {"metric": Metric.LOG_LOSS, "minimum": 200, "maximum": 200}),
        ("binary", {"metric": Metric.REWARD, "low": -1.0, "high": 4.0}),
        ("regression", {"metric": Metric.REWARD, "low": 0.0, "high": 1.0}),
        ("regression", {"metric": Metric.SQUARED_ERROR, "high": 100.0}),
        ("regression", {"high": 100.0}),
        (
            "binary",
            {"stops_on": ["winner", "futility", "maximum"], "difference": 0.01, "maximum": 9},
        ),
    ],
)
def test_what_goes_together_is_kept(task: Task, agreed: Agreed) -> None:
    assert agreed.items() <= complete(agreed, task, graph=False).items()


@pytest.mark.parametrize(
    ("field", "task", "agreed"),
    [
        ("coverage", "binary", {"coverage": 0.0}),
        ("coverage", "binary", {"coverage": 1.01}),
        ("coverage", "binary", {"coverage": float("nan")}),
        ("difference", "binary", {"difference": 0.0}),
        ("difference", "binary", {"difference": float("inf")}),
        ("alpha", "binary", {"alpha": 0.0}),
        ("alpha", "binary", {"alpha": 0.51}),
        ("horizon", "binary", {"horizon": 99}),
        ("minimum", "binary", {"minimum": -1}),
        ("maximum", "binary", {"maximum": 0}),
        ("maximum", "binary", {"maximum": 99, "minimum": 100}),
        ("metric", "binary", {"metric": "absolute_error"}),
        ("metric", "regression", {"metric": "log_loss"}),
        ("metric", "regression", {"metric": "correctness"}),
        ("high", "binary", {"metric": "reward"}),
        ("high", "binary", {"metric": "reward", "low": 1.0, "high": 1.0}),
        ("high", "binary", {"metric": "reward", "low": 0.0, "high": float("inf")}),
        ("high", "regression", {"metric": "squared_error"}),
        ("high", "regression", {"high": 0.0}),
        ("high", "binary", {"high": 1.0}),
        ("low", "regression", {"low": 0.0}),
        ("stops_on", "binary", {"stops_on": ["winner", "boredom"]}),
        ("difference", "binary", {"stops_on": ["futility"]}),
        ("maximum", "binary", {"stops_on": ["maximum"]}),
    ],
)
def test_what_does_not_is_refused_by_its_field(field: str, task: Task, agreed: Any) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        complete(agreed, task, graph=False)

    assert refused.value.field == field


def test_a_graph_gives_no_probabilities_to_score() -> None:
    with pytest.raises(ExperimentInvalid, match="must hold probabilities"):
        complete({"metric": Metric.BRIER}, "binary", graph=True)
