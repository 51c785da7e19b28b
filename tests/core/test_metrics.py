from __future__ import annotations

from inference.core.metrics import Metric


def test_a_metric_is_named_as_the_field_names_it() -> None:
    assert [metric.value for metric in Metric] == [
        "correctness",
        "reward",
        "brier",
        "log_loss",
        "absolute_error",
        "squared_error",
    ]
