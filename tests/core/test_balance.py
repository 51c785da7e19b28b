"""A wrong split is noticed, a right one is left in peace however often one looks."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from inference.core import balance
from inference.core.balance import log_e_multinomial, split_p_value
from inference.core.evidence import log_e_binomial
from inference.core.experiment import Arm
from inference.core.tally import Tally


def arms(*exposed: tuple[int, int]) -> list[Arm]:
    return [Arm("a", weight, Tally(subjects=n)) for weight, n in exposed]


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


def test_of_two_sides_it_is_the_bet_on_one_share() -> None:
    for k1, k2, p in [(0, 0, 0.5), (7, 2, 0.5), (400, 900, 0.2), (10**6, 10**6 + 5000, 0.5)]:
        found = log_e_multinomial([k1, k2], [p, 1 - p], 100.0)
        assert found == pytest.approx(log_e_binomial(k1, k2, p, 100.0), abs=1e-6)


def test_it_is_a_fair_bet_under_what_it_bets_against() -> None:
    """The mean of the e-value over all that may happen is 1: three arms, four units."""
    shares, total = [0.5, 0.3, 0.2], 0.0
    for one in product(range(3), repeat=4):
        counts = [one.count(side) for side in range(3)]
        chance = math.prod(shares[side] for side in one)
        total += chance * math.exp(log_e_multinomial(counts, shares))
    assert total == pytest.approx(1.0)


def test_a_split_of_48_to_52_is_noticed() -> None:
    assert split_p_value(arms((1, 9600), (1, 10400))) < balance.ALARM


def counted(*each: tuple[int, int]) -> list[Arm]:
    """Subjects and labels of arms that share the traffic evenly."""
    return [Arm("a", 1, Tally(subjects=units, labelled=labels)) for units, labels in each]


@pytest.mark.parametrize(
    ("each", "misdealt", "uneven"),
    [
        ([(5000, 2000), (5010, 2030)], False, False),
        ([(5000, 2000), (5010, 1500)], False, True),
        ([(5000, 2000), (4000, 1600)], True, True),
        ([(0, 5000), (0, 100)], False, False),  # units were not counted: nobody knows
        ([(9, 0), (9, -1)], False, False),  # a label of an earlier phase was taken back
    ],
)
def test_units_and_labels_are_suspected_apart(
    each: list[tuple[int, int]], misdealt: bool, uneven: bool
) -> None:
    health = balance.health(counted(*each))

    assert (health.misdealt, health.uneven) == (misdealt, uneven)
    assert health.fine is not (misdealt or uneven)


def test_what_counts_is_how_units_are_dealt_not_what_was_meant() -> None:
    counts = [(0.4, 40_000), (0.3, 30_000), (0.3, 30_000)]
    dealt = [Arm("a", 1, Tally(subjects=n), chance) for chance, n in counts]

    assert split_p_value(dealt) > 0.1
    assert split_p_value([Arm("a", 1, arm.tally) for arm in dealt]) < balance.ALARM


def test_an_arm_that_nobody_can_get_is_suspected_once_somebody_has() -> None:
    def dealt(nobody: int) -> list[Arm]:
        return [Arm("a", 9, Tally(subjects=50), 1.0), Arm("b", 1, Tally(subjects=nobody), 0.0)]

    assert split_p_value(dealt(0)) == 1.0
    assert split_p_value(dealt(1)) == 0.0
    assert split_p_value([Arm("a", 1, Tally(), 0.0)] * 2) == 1.0
