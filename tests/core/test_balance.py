"""A wrong split is noticed, a right one is left in peace however often one looks."""

from __future__ import annotations

import random

import pytest

from inference.core.balance import split_p_value
from inference.core.experiment import Arm
from inference.core.tally import Tally


def arms(*exposed: tuple[int, int]) -> list[Arm]:
    return [Arm("a", weight, Tally(exposures=n)) for weight, n in exposed]


def test_before_anything_is_exposed_nothing_is_suspected() -> None:
    assert split_p_value(arms((1, 0), (1, 0))) == 1.0


@pytest.mark.parametrize(
    "exposed",
    [
        [(1, 5000), (1, 5010)],
        [(9, 9020), (1, 980)],
        [(1, 3000), (1, 3010), (1, 2990)],
    ],
)
def test_a_split_by_the_weights_is_not_suspected(exposed: list[tuple[int, int]]) -> None:
    assert split_p_value(arms(*exposed)) > 0.1


@pytest.mark.parametrize(
    "exposed",
    [
        [(1, 5400), (1, 4600)],
        [(9, 9000), (1, 1300)],
        [(1, 3000), (1, 3010), (1, 2500)],
    ],
)
def test_another_split_is(exposed: list[tuple[int, int]]) -> None:
    assert split_p_value(arms(*exposed)) < 0.001


def test_looking_after_every_exposure_rings_no_false_alarm() -> None:
    dice = random.Random(7)
    alarms = 0
    for _ in range(100):
        counts = [0, 0]
        lowest = 1.0
        for _ in range(500):
            counts[dice.random() < 0.5] += 1
            lowest = min(lowest, split_p_value(arms((1, counts[0]), (1, counts[1]))))
        alarms += lowest < 0.01
    assert alarms <= 4
