"""Weights follow what is known, nobody is starved, and what the log allows stays unbiased."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core import bandit
from inference.core.assignment import propensities
from inference.core.metrics import Measure, Metric
from inference.core.tally import Tally

RIGHT = Measure()
REWARD = Measure(Metric.REWARD, 0.0, 1.0)


def right(correct: int, of: int) -> Tally:
    return Tally(exposures=of, labelled=of, correct=correct)


def rewarded(mean: float, of: int) -> Tally:
    """Values of 0 and 1."""
    return Tally(labelled=of, total=mean * of, squares=mean * of)


@pytest.mark.parametrize(
    ("tallies", "wanted"),
    [
        ([right(0, 0), right(0, 0)], (500, 500)),
        ([right(9, 9), right(900, 1000)], (500, 500)),  # hardly a label
        ([right(80, 100), right(80, 100), right(80, 100)], (334, 333, 333)),
        ([right(500, 1000), right(900, 1000)], (10, 990)),
        ([right(500, 1000), right(900, 1000), right(500, 1000)], (10, 980, 10)),
    ],
)
def test_weights_add_up_and_nobody_gets_less_than_a_hundredth(
    tallies: list[Tally], wanted: tuple[int, ...]
) -> None:
    assert bandit.weights(tallies, RIGHT) == wanted


def test_an_arm_gets_the_chance_that_it_is_the_best() -> None:
    tallies = [right(80, 100), right(85, 100)]
    dice = np.random.default_rng(1)
    draws = [dice.beta(each.correct + 0.5, each.wrong + 0.5, 400_000) for each in tallies]

    found = bandit.chances(tallies, RIGHT)

    assert found[1] == pytest.approx(float((draws[1] > draws[0]).mean()), abs=0.003)
    assert sum(found) == pytest.approx(1.0)


def test_of_other_metrics_means_are_believed_to_be_normal() -> None:
    tallies = [rewarded(0.4, 300), rewarded(0.44, 500), rewarded(0.38, 50)]
    moments = [REWARD.moments(each, 1.0) for each in tallies]
    dice = np.random.default_rng(2)
    draws = np.array([dice.normal(m.mean, (m.variance / m.n) ** 0.5, 400_000) for m in moments])

    found = bandit.chances(tallies, REWARD)

    drawn = [float((draws.argmax(axis=0) == arm).mean()) for arm in range(3)]
    assert found == pytest.approx(drawn, abs=0.003)


def test_means_without_spread_are_no_riddle() -> None:
    sure = Measure(Metric.ABSOLUTE_ERROR)
    tallies = [Tally(labelled=20, absolute_error=e, squared_error=e * e / 20) for e in (20.0, 40.0)]

    assert bandit.weights(tallies, sure) == (990, 10)


@pytest.mark.parametrize(
    ("labels", "before", "seconds", "is_due"),
    [
        (200, 0, 10.0, True),
        (199, 0, 10.0, False),
        (200, 0, 9.9, False),
        (200, 4000, 10.0, True),
        (200, 4020, 10.0, False),  # a twentieth of what was known
        (500, 10_000, 60.0, True),
    ],
)
def test_weights_follow_a_twentieth_of_new_labels_and_not_too_often(
    labels: int, before: int, seconds: float, is_due: bool
) -> None:
    assert bandit.due(labels, before, seconds, every=200, apart=10.0) is is_due


def test_of_a_million_labels_there_are_a_hundred_and_a_half_phases() -> None:
    phases, labels = 1, 0
    while labels < 1_000_000:
        labels += max(200, int(bandit.GROWTH * labels) + 1)
        phases += 1

    assert phases < 150


@pytest.mark.parametrize(
    ("after", "worth"), [((519, 481), False), ((520, 480), True), ((480, 520), True)]
)
def test_a_phase_is_begun_for_two_hundredths(after: tuple[int, int], worth: bool) -> None:
    assert bandit.moved([0.5, 0.5], after) is worth


RUNS, UNITS, PHASE = 1000, 4000, 200


def played(rates: tuple[float, float], seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per run: the naive difference of means, the one by propensity, the challenger's last share.

    Weights follow each 200 labels, by the same chances as the product (normal, for speed of the
    simulation), floor and all.
    """
    dice = np.random.default_rng(seed)
    n, k, weighted = np.zeros((RUNS, 2)), np.zeros((RUNS, 2)), np.zeros((RUNS, 2))
    share = np.full(RUNS, 0.5)
    for _ in range(UNITS // PHASE):
        counts = dice.binomial(PHASE, share)
        dealt = np.stack([PHASE - counts, counts], axis=1)
        won = dice.binomial(dealt, np.array(rates))
        n, k = n + dealt, k + won
        weighted += won / np.stack([1 - share, share], axis=1)
        share = np.array([_next(a, b) for a, b in zip(n, k, strict=True)])
    naive = k / np.maximum(n, 1)
    by_propensity = weighted / UNITS
    return naive[:, 1] - naive[:, 0], by_propensity[:, 1] - by_propensity[:, 0], share


def _next(n: np.ndarray, k: np.ndarray) -> float:
    tallies = [rewarded(won / of, int(of)) for of, won in zip(n, k, strict=True)]
    return bandit.weights(tallies, REWARD)[1] / bandit.TOTAL


@pytest.mark.timeout(120)
@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.5, 0.56)])
def test_weighting_by_propensity_is_unbiased_where_plain_means_may_not_be(
    rates: tuple[float, float],
) -> None:
    """The claim of `core.bandit`: three standard errors of 1,000 runs."""
    naive, by_propensity, share = played(rates, 21)
    truth = rates[1] - rates[0]

    error = by_propensity.std() / RUNS**0.5
    assert abs(by_propensity.mean() - truth) < 3 * error
    assert share.min() >= bandit.FLOOR
    assert share.max() <= 1 - bandit.FLOOR
    if truth:
        assert share.mean() > 0.85
        # The plain difference overstates it: an arm that was unlucky early stays so.
        assert naive.mean() - truth > 3 * naive.std() / RUNS**0.5


@pytest.mark.parametrize("weights", [(10, 990), (10, 980, 10), (334, 333, 333)])
def test_deals_meet_the_weights_exactly(weights: tuple[int, ...]) -> None:
    assert propensities(weights) == tuple(weight / bandit.TOTAL for weight in weights)
