"""Seeded simulations: what looking after every few labels does to each way of deciding.

A/A: both arms alike, 2,000 experiments, 200 looks each. An honest method names a winner in at most
5 %; we allow 6.5 %, three standard errors of the simulation. A classic test, looked at as often,
must do so in more than 20 %: it guards the simulator.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import betaln
from statsmodels.stats.proportion import proportions_ztest

from inference.core.evidence import (
    MIN_LABELLED,
    compare,
    log_e_binomial,
    mixture_variance,
)
from inference.core.metrics import CORRECTNESS, Measure, Metric
from inference.core.tally import Tally

ERRORS = Measure(Metric.ABSOLUTE_ERROR)

pytestmark = pytest.mark.timeout(60)

RUNS, LOOKS, ALPHA, HORIZON = 2000, 200, 0.05, 5000.0
ALLOWED, BROKEN = 0.065, 0.20

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Arms:
    """Per run and look: labels, sum of scores and sum of their squares; control, challenger."""

    n: tuple[Floats, Floats]
    total: tuple[Floats, Floats]
    squares: tuple[Floats, Floats]

    def tally(self, arm: int, run: int, look: int) -> Tally:
        n, total = int(self.n[arm][run, look]), self.total[arm][run, look]
        squares = float(self.squares[arm][run, look])
        return Tally(0, 0, n, int(total), abs(float(total)), squares)


def classifiers(accuracies: tuple[float, float], labels: int, share: float, seed: int = 1) -> Arms:
    """`labels` of each run in all; `share` of them, by chance, for the challenger."""
    dice = np.random.default_rng(seed)
    second = dice.binomial(labels // LOOKS, share, (RUNS, LOOKS))
    counts = labels // LOOKS - second, second
    right = tuple(
        dice.binomial(n, p).cumsum(axis=1).astype(float)
        for n, p in zip(counts, accuracies, strict=True)
    )
    n = tuple(count.cumsum(axis=1).astype(float) for count in counts)
    return Arms((n[0], n[1]), (right[0], right[1]), (right[0], right[1]))


def regressors(scale: float, per_look: int, seed: int = 2) -> Arms:
    """Exponential absolute errors, as skewed as they come; `scale` is the challenger's mean."""
    dice = np.random.default_rng(seed)
    errors = [dice.exponential(mean, (RUNS, LOOKS, per_look)) for mean in (1.0, scale)]
    total = [-error.sum(axis=2).cumsum(axis=1) for error in errors]
    squares = [(error * error).sum(axis=2).cumsum(axis=1) for error in errors]
    n = np.broadcast_to(np.arange(1.0, LOOKS + 1) * per_look, (RUNS, LOOKS))
    return Arms((n, n), (total[0], total[1]), (squares[0], squares[1]))


def log_e_sequence(arms: Arms, pseudo: float) -> Floats:
    """Evidence's confidence sequence over whole arrays; proven equal to it below."""
    n = [count + 2 * pseudo for count in arms.n]
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = [(total + pseudo) / count for total, count in zip(arms.total, n, strict=True)]
        if pseudo:
            variance = [m * (1 - m) / count for m, count in zip(mean, n, strict=True)]
        else:
            variance = [
                (square / count - m * m) / (count - 1)
                for square, m, count in zip(arms.squares, mean, n, strict=True)
            ]
        z_squared = (mean[1] - mean[0]) ** 2 / (variance[0] + variance[1])
    information = (n[0] + n[1]) * mixture_variance(ALPHA, HORIZON)
    log_e = z_squared * information / (2 * (information + 1)) - np.log1p(information) / 2
    enough = np.minimum(*arms.n) >= MIN_LABELLED
    return np.where(enough & np.isfinite(z_squared), log_e, -np.inf)


def log_e_mistakes(arms: Arms, share: float) -> Floats:
    k2, k1 = (count - total for count, total in zip(arms.n, arms.total, strict=True))
    a, b = 20 * share, 20 * (1 - share)
    return np.asarray(
        betaln(a + k1, b + k2) - betaln(a, b) - k1 * np.log(share) - k2 * np.log(1 - share)
    )


def z_pooled(arms: Arms) -> Floats:
    pooled = (arms.total[0] + arms.total[1]) / (arms.n[0] + arms.n[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.sqrt(pooled * (1 - pooled) * (1 / arms.n[0] + 1 / arms.n[1]))
        z = (arms.total[1] / arms.n[1] - arms.total[0] / arms.n[0]) / error
    return np.where(np.minimum(*arms.n) >= MIN_LABELLED, z, 0.0)


def decided(log_e: Floats) -> Flags:
    return log_e >= log(1 / ALPHA)


def ever(flags: Flags) -> float:
    """Share of the runs in which any look said yes."""
    return float(flags.any(axis=1).mean())


def looks_at_random(seed: int, count: int) -> list[tuple[int, int]]:
    dice = np.random.default_rng(seed)
    runs, looks = dice.integers(0, RUNS, count), dice.integers(0, LOOKS, count)
    return [(int(run), int(look)) for run, look in zip(runs, looks, strict=True)]


def test_the_simulations_compute_what_the_product_computes() -> None:
    arms, errors = classifiers((0.9, 0.92), 4000, 0.3), regressors(1.1, 5)
    shares, means = log_e_sequence(arms, pseudo=2), log_e_sequence(errors, pseudo=0)
    mistakes, z = log_e_mistakes(arms, 0.3), z_pooled(arms)

    for run, look in looks_at_random(3, 150):
        a, b = arms.tally(0, run, look), arms.tally(1, run, look)
        evidence = compare(a, b, CORRECTNESS, ALPHA, HORIZON)
        assert (-np.inf if evidence is None else evidence.log_e) == pytest.approx(shares[run, look])
        assert log_e_binomial(b.wrong, a.wrong, 0.3) == pytest.approx(mistakes[run, look])
        if evidence is not None:
            oracle, _ = proportions_ztest([b.correct, a.correct], [b.labelled, a.labelled])
            assert z[run, look] == pytest.approx(oracle)
        evidence = compare(
            errors.tally(0, run, look), errors.tally(1, run, look), ERRORS, ALPHA, HORIZON
        )
        assert (-np.inf if evidence is None else evidence.log_e) == pytest.approx(means[run, look])


@pytest.mark.parametrize(
    ("accuracy", "share"), [(0.8, 0.5), (0.5, 0.5), (0.95, 0.5), (0.8, 0.1), (0.95, 0.1)]
)
def test_alike_classifiers_seldom_have_a_winner_however_often_one_looks(
    accuracy: float, share: float
) -> None:
    arms = classifiers((accuracy, accuracy), 8000, share)

    assert ever(decided(log_e_sequence(arms, pseudo=2))) <= ALLOWED
    assert ever(decided(log_e_mistakes(arms, share))) <= ALLOWED
    assert ever(np.abs(z_pooled(arms)) > 1.96) > BROKEN


@pytest.mark.parametrize(("accuracy", "share"), [(0.99, 0.1), (0.99, 0.02), (0.999, 0.1)])
def test_nor_do_they_where_a_small_arm_has_hardly_a_mistake(accuracy: float, share: float) -> None:
    arms = classifiers((accuracy, accuracy), 40_000, share)

    assert ever(decided(log_e_sequence(arms, pseudo=2))) <= ALLOWED
    assert ever(decided(log_e_mistakes(arms, share))) <= ALLOWED
    # What the pseudo-counts are for: without them the same looks would find a winner.
    assert ever(decided(log_e_sequence(arms, pseudo=0))) > BROKEN


def test_labels_that_reach_one_arm_less_often_make_no_winner() -> None:
    # The traffic is split evenly, the labels seven to three. That is why the sequence decides and
    # the count of mistakes, which expects them to be split like the traffic, does not.
    arms = classifiers((0.8, 0.8), 8000, 0.3)

    assert ever(decided(log_e_sequence(arms, pseudo=2))) <= ALLOWED
    assert ever(decided(log_e_mistakes(arms, 0.5))) > BROKEN


def test_alike_regressors_seldom_have_a_winner_however_often_one_looks() -> None:
    arms = regressors(1.0, 10)
    mean = [total / n for total, n in zip(arms.total, arms.n, strict=True)]
    variance = sum(
        (square / n - m * m) / n for square, m, n in zip(arms.squares, mean, arms.n, strict=True)
    )
    z = np.abs(mean[1] - mean[0]) / np.sqrt(variance)

    assert ever(decided(log_e_sequence(arms, pseudo=0))) <= ALLOWED
    assert ever(z > 1.96) > BROKEN


def test_a_better_classifier_is_found() -> None:
    # 75 % within 4,000 labels per arm, half of those by 2,080, for the published sequence.
    arms = classifiers((0.80, 0.83), 8000, 0.5)
    found = decided(log_e_sequence(arms, pseudo=2))
    stopped = found.argmax(axis=1)[found.any(axis=1)]

    assert ever(found) == pytest.approx(0.75, abs=0.03)
    assert np.median(stopped + 1) * 8000 / LOOKS / 2 == pytest.approx(2080, abs=120)


def test_both_ways_find_a_worse_classifier() -> None:
    # 70 % by the sequence and 66 % by the mistakes within 6,000 labels, as published.
    arms = classifiers((0.95, 0.93), 6000, 0.5)

    assert ever(decided(log_e_sequence(arms, pseudo=2))) == pytest.approx(0.70, abs=0.03)
    assert ever(decided(log_e_mistakes(arms, 0.5))) == pytest.approx(0.66, abs=0.03)


def test_a_winner_is_hardly_ever_the_worse_one() -> None:
    arms = classifiers((0.80, 0.83), 8000, 0.5)
    worse = arms.total[1] / arms.n[1] < arms.total[0] / arms.n[0]

    assert ever(decided(log_e_sequence(arms, pseudo=2)) & worse) <= 0.005
