"""Metrics by hand on rows one can check by eye."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inference.core.schema import Schema, Target
from inference.training import evaluate
from inference.training.dataset import Rows
from tests.inference import artefacts

CLASSES = Schema(artefacts.FEATURES, Target("y", "multiclass", ("a", "b", "c")))


def test_classes() -> None:
    outputs = np.array([[0.5, 0.5, 0.0], [0.0, 1.0, 0.0], [0.25, 0.25, 0.5], [0.5, 0.0, 0.5]])
    rows = Rows([{}] * 4, ["a", "b", "a", "b"])

    found = evaluate.metrics(CLASSES, outputs, rows)

    assert found["rows"] == 4
    assert found["accuracy"] == 0.5  # the first of two equals is said
    assert found["brier"] == pytest.approx(0.5 * (0.5 + 0 + 0.875 + 1.5) / 4)
    never = -math.log(1e-15)
    assert found["log_loss"] == pytest.approx((math.log(2) + 0 + math.log(4) + never) / 4)


def test_a_label_the_model_has_never_heard_of_is_wrong() -> None:
    found = evaluate.metrics(CLASSES, np.array([[1.0, 0.0, 0.0]]), Rows([{}], ["d"]))

    assert found["accuracy"] == 0.0


def test_values() -> None:
    outputs = np.array([[1.0], [2.0], [6.0]])

    found = evaluate.metrics(artefacts.VALUES, outputs, Rows([{}] * 3, [1, 2, 3]))

    assert found == {
        "rows": 3.0,
        "mean_absolute_error": 1.0,
        "root_mean_squared_error": pytest.approx(math.sqrt(3)),
        "r2": pytest.approx(1 - 9 / 2),
    }


def test_where_all_values_are_equal_no_share_is_explained() -> None:
    found = evaluate.metrics(artefacts.VALUES, np.array([[1.0]]), Rows([{}], [1]))

    assert "r2" not in found
