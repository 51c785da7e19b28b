"""Chances and losses are those of the posterior, by an integral and by closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import integrate, stats

from inference.core import bayes
from inference.core.tally import Tally


def arm(right: int, wrong: int) -> Tally:
    return Tally(right + wrong, 0, right + wrong, right)


def posterior(tally: Tally) -> stats.rv_continuous:
    return stats.beta(tally.correct + 0.5, tally.wrong + 0.5)


PAIRS = [
    (arm(80, 20), arm(90, 10)),
    (arm(800, 200), arm(790, 210)),
    (arm(9900, 100), arm(9950, 50)),
    (arm(3, 0), arm(0, 3)),
    (arm(0, 0), arm(5, 1)),
    (arm(100_000, 20_000), arm(100_500, 20_000)),
]


@pytest.mark.parametrize(("control", "challenger"), PAIRS)
def test_of_two_it_is_the_integral(control: Tally, challenger: Tally) -> None:
    one, other = posterior(control), posterior(challenger)
    low, high = min(one.ppf(1e-13), other.ppf(1e-13)), max(one.isf(1e-13), other.isf(1e-13))
    chance = integrate.quad(lambda x: other.pdf(x) * one.cdf(x), low, high, limit=400)[0]
    loss = integrate.quad(lambda x: one.sf(x) * other.cdf(x), low, high, limit=400)[0]

    first, second = bayes.bets([control, challenger])

    assert second.chance == pytest.approx(chance, abs=1e-4)
    assert first.chance + second.chance == pytest.approx(1.0, abs=1e-6)
    assert second.loss == pytest.approx(loss, abs=1e-5)


def test_of_more_it_is_what_a_million_draws_say() -> None:
    arms = [arm(80, 20), arm(85, 15), arm(83, 17)]
    dice = np.random.default_rng(3)
    drawn = np.array([posterior(each).rvs(1_000_000, random_state=dice) for each in arms])

    found = bayes.bets(arms)

    assert [bet.chance for bet in found] == pytest.approx(
        [float(np.mean(drawn.argmax(axis=0) == at)) for at in range(3)], abs=3e-3
    )
    assert [bet.loss for bet in found] == pytest.approx(
        [float(np.mean(drawn.max(axis=0) - each)) for each in drawn], abs=3e-4
    )


def test_without_labels_nobody_is_ahead() -> None:
    found = bayes.bets([arm(0, 0)] * 4)

    assert [bet.chance for bet in found] == pytest.approx([0.25] * 4, abs=5e-3)
    assert len({round(bet.loss, 6) for bet in found}) == 1


def test_who_is_far_ahead_loses_nothing() -> None:
    behind, ahead = bayes.bets([arm(10_000, 10_000), arm(15_000, 5_000)])

    assert (behind.chance, ahead.chance) == pytest.approx((0.0, 1.0), abs=1e-6)
    assert behind.loss == pytest.approx(0.25, abs=1e-3)
    assert ahead.loss == pytest.approx(0.0, abs=1e-5)
