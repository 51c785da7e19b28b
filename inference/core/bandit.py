"""Weights that follow what is known: each arm gets the chance that it is the best of all.

Thompson, Biometrika 25 (1933): whoever draws each arm's true score from what is believed of it and
takes the best plays an arm with the probability that it is the best. Here that probability is the
weight for a while. No arm gets less than `FLOOR`, so that each goes on being known, and the weights
are whole numbers of `TOTAL`, which deals of 10,000 buckets meet exactly.

Labels of all phases are put together, which beliefs may do: how a unit was dealt depends on nothing
but what was known before it. A comparison of the arms' averages may not: they are biased by their
own luck, and where scores drift with time an arm that was played late looks like that time. So a
bandit claims no significance. What remains true is that each exposure has its propensity in the
log: the average of score / propensity of an arm's units, all units being counted, is unbiased.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, floor, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from inference.core import bayes
from inference.core.metrics import Measure, Metric
from inference.core.tally import Moments, Tally

FLOOR: Final = 0.01  # of the units that take part
TOTAL: Final = 1000
LEAST_CHANGE: Final = 0.02  # of any arm's share, for less of which no phase is begun
LEAST_LABELS: Final = 10  # of each arm, before which all chances are alike
# A phase costs a list of those who were seen in it, so they get longer: their number grows with the
# logarithm of the labels.
GROWTH: Final = 0.05
_TINY: Final = 1e-12
_ROOT: Final = sqrt(2.0)
_PSEUDO: Final = 1.0  # scores at either limit that are added to an arm
Vector = npt.NDArray[np.float64]
_CELLS: Final[Vector] = np.linspace(-8.0, 8.0, 401)  # standard deviations
_DENSITY: Final[Vector] = np.exp(-0.5 * _CELLS**2) / np.exp(-0.5 * _CELLS**2).sum()


def due(labels: int, before: int, seconds: float, every: int, apart: float) -> bool:
    """Whether weights may follow: so many labels of this phase, so many of all before it."""
    return labels >= max(every, GROWTH * before) and seconds >= apart


def weights(tallies: Sequence[Tally], measure: Measure) -> tuple[int, ...]:
    """What each arm should get from now on, out of `TOTAL`; none gets less than `FLOOR`."""
    each = floor(FLOOR * TOTAL)
    left = TOTAL - each * len(tallies)
    shared = [left * chance for chance in chances(tallies, measure)]
    whole = [floor(share) for share in shared]
    by_rest = sorted(range(len(shared)), key=lambda at: whole[at] - shared[at])
    for at in by_rest[: left - sum(whole)]:
        whole[at] += 1
    return tuple(each + share for share in whole)


def moved(before: Sequence[float], after: Sequence[int]) -> bool:
    """Whether it is worth a phase; `before` are the shares that arms have now."""
    total = sum(after)
    pairs = zip(before, after, strict=True)
    return any(abs(weight / total - share) >= LEAST_CHANGE for share, weight in pairs)


def chances(tallies: Sequence[Tally], measure: Measure) -> list[float]:
    """That each is the best, adding up to 1; alike while an arm has hardly a label.

    Accuracies are believed to be Beta distributed; other means normally, as moments have it.
    """
    if min(tally.labelled for tally in tallies) < LEAST_LABELS:
        return [1.0 / len(tallies)] * len(tallies)
    if measure.metric is Metric.CORRECTNESS:
        found = [bet.chance for bet in bayes.bets(tallies)]
    else:
        found = _of_means([measure.moments(tally, _PSEUDO) for tally in tallies])
    return [chance / sum(found) for chance in found]


def _of_means(arms: Sequence[Moments]) -> list[float]:
    """For each arm, the average over its own belief that all others are below it."""
    means = np.array([arm.mean for arm in arms])
    scales = np.array([max(sqrt(arm.variance / arm.n), _TINY) for arm in arms])
    return [_best(at, means, scales) for at in range(len(arms))]


def _best(at: int, means: Vector, scales: Vector) -> float:
    values = means[at] + scales[at] * _CELLS
    below = (values[:, None] - np.delete(means, at)) / np.delete(scales, at)
    return float((_DENSITY * _normal(below).prod(axis=1)).sum())


def _normal(z: Vector) -> Vector:
    """The distribution function."""
    return np.array([0.5 * erfc(-each / _ROOT) for each in z.ravel()]).reshape(z.shape)
