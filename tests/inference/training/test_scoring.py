"""What a bundle says to rows, whoever computes it, and how each row came out."""

from __future__ import annotations

import numpy as np
import pytest

from inference import bundles
from inference.core.errors import RowInvalid
from inference.training import backends, scoring
from inference.training.backends import Backend
from inference.training.dataset import Rows
from tests.inference import artefacts

RECORDS = artefacts.rows().records


def test_rows_are_answered_as_serving_would() -> None:
    bundle = artefacts.bundle()
    matrix = artefacts.SCHEMA.encode_many(RECORDS)

    expected = bundles.answers(bundles.load(bundle), matrix)

    assert np.array_equal(scoring.outputs(bundle, RECORDS), expected)
    with pytest.raises(RowInvalid):
        scoring.outputs(bundle, [{"age": "old"}])


@pytest.mark.slow
def test_workers_give_the_same_in_the_same_order() -> None:
    bundle = artefacts.bundle()

    with backends.running(Backend("loky", 2)) as jobs:
        spread = scoring.outputs(bundle, RECORDS, jobs)

    assert np.allclose(spread, scoring.outputs(bundle, RECORDS), atol=1e-6)


def test_each_row_of_classes_is_right_or_not_and_has_its_score() -> None:
    outputs = np.array([[0.8, 0.2], [0.5, 0.5], [0.1, 0.9]])
    rows = Rows([{}, {}, {}], ["high", "low", "unheard of"])

    found = scoring.scored(artefacts.SCHEMA, outputs, rows)

    assert scoring.labels(artefacts.SCHEMA, outputs) == ["high", "high", "low"]
    assert found.right is not None
    assert found.right.tolist() == [True, False, False]
    assert found.confidence is not None
    assert found.confidence.tolist() == [0.8, 0.5, 0.9]
    assert found.brier is not None
    assert found.brier.tolist() == pytest.approx([-0.04, -0.25, -0.41])
    assert found.metrics["accuracy"] == pytest.approx(1 / 3)


def test_each_row_of_a_quantity_has_its_error() -> None:
    found = scoring.scored(artefacts.VALUES, np.array([[1.0], [5.0]]), Rows([{}, {}], [2.0, 4.5]))

    assert found.gains.tolist() == [-1.0, -0.5]
    assert found.right is None
    assert scoring.labels(artefacts.VALUES, np.array([[1.5]])) == [1.5]
