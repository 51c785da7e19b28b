"""Whether a probability means what it says."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from inference.core import calibration


def test_bins_are_those_of_scikit_learn() -> None:
    dice = np.random.default_rng(3)
    said = dice.random(2000)
    right = dice.random(2000) < said**2

    found = calibration.reliability(said, right)
    accuracy, confidence = calibration_curve(right, said, n_bins=10)

    assert [each.accuracy for each in found] == pytest.approx(accuracy.tolist())
    assert [each.confidence for each in found] == pytest.approx(confidence.tolist())
    assert sum(each.rows for each in found) == 2000


def test_the_error_is_the_mean_distance_over_the_answers() -> None:
    said = np.array([0.95, 0.95, 0.95, 0.95, 0.55])
    right = np.array([True, True, True, False, True])

    found = calibration.reliability(said, right)

    assert [(each.low, each.high, each.rows) for each in found] == [
        (0.5, 0.6, 1),
        (0.9, 1.0, 4),
    ]
    assert calibration.expected_error(found) == pytest.approx((4 * 0.2 + 1 * 0.45) / 5)
    assert found[1].as_dict()["accuracy"] == 0.75
    assert calibration.expected_error([]) == 0.0


def test_certainty_is_in_the_last_bin_and_nothing_in_the_first() -> None:
    found = calibration.reliability(np.array([0.0, 1.0]), np.array([False, True]))

    assert [(each.low, each.rows) for each in found] == [(0.0, 1), (0.9, 1)]
    assert calibration.expected_error(found) == 0.0
