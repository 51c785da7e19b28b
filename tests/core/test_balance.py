"""A wrong split is noticed, a right one is left in peace however often one looks."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest

from inference.core import balance
from inference.core.balance import log_e_multinomial, split_p_value
from inference.core.evidence import log_e_binomial, p_value
from inference.core.experiment import Arm
from inference.core.tally import Tally


def arms(*exposed: tuple[int, int]) -> list[Arm]:
    return [Arm("a", weight, Tally(subjects=n)) for weight, n in exposed]


# -- figures that others published -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "marginal"),
    [
        ((1, 0, 0), -1.0986122886681096),
        ((1, 1, 0), -2.4849066497880004),
        ((2, 1, 0), -3.401197381662155),
        ((2, 2, 0), -4.499809670330265),
        ((2, 2, 1), -6.4457198193855785),
    ],
)
def test_lindons_sequential_test_unit_by_unit(counts: tuple[int, ...], marginal: float) -> None:
    # optimizely/ssrm, its test of sequential_posteriors: the likelihood of units one by one under
    # Dirichlet(1, 1, 1), which is this mixture around three equal shares.
    log_e = log_e_multinomial(counts, [1 / 3] * 3, 3.0)

    assert log_e + sum(counts) * math.log(1 / 3) == pytest.approx(marginal, abs=1e-9)


def test_lindons_sequential_test_day_by_day() -> None:
    # The same, four days of counts: there, each day also has its number of orders.
    days = [(20, 17, 9), (18, 21, 8), (4, 6, 4), (18, 19, 11)]
    published = [-7.028201432058012, -11.947847738358888, -15.471401950257842, -19.96484521090386]
    counts, orders = [0, 0, 0], 0.0

    for day, marginal in zip(days, published, strict=True):
        counts = [before + new for before, new in zip(counts, day, strict=True)]
        orders += math.lgamma(sum(day) + 1) - sum(math.lgamma(each + 1) for each in day)
        log_e = log_e_multinomial(counts, [1 / 3] * 3, 3.0)

        assert log_e + sum(counts) * math.log(1 / 3) + orders == pytest.approx(marginal, abs=1e-9)


@pytest.mark.parametrize(
    ("counts", "shares", "concentration", "published"),
    [
        ((800, 200), (0.5, 0.5), 10_000, 8.126155715401769e-8),
        ((800, 200), (0.5, 0.5), 100, 2.253273013435552e-75),
        ((1100, 900), (0.5, 0.5), 10_000, 0.20685901461423034),
        ((1800, 1200), (0.5, 0.5), 10_000, 1.099173293697608e-6),
        ((2600, 1400), (0.5, 0.5), 10_000, 5.115536116778213e-23),
        ((600, 200, 200), (0.34, 0.33, 0.33), 10_000, 1.4343631225400445e-6),
    ],
)
def test_growthbooks_sequential_p_values_of_a_split(
    counts: tuple[int, ...], shares: tuple[float, ...], concentration: float, published: float
) -> None:
    # growthbook/growthbook, the back end's tests of sequentialPValues, with the values that its
    # Python gives for all units so far.
    log_e = log_e_multinomial(counts, shares, concentration)

    assert p_value(log_e) == pytest.approx(published, rel=1e-6)


# -- what must hold --------------------------------------------------------------------------------


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
