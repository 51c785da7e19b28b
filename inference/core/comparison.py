"""Two models on the same rows, looked at once: is the difference more than chance?

Not for a running test, which is looked at all the time (`inference.core.pairs`): here the rows are
all there before anybody looks. Sources:

* McNemar, Psychometrika 12 (1947), in its exact form: of two classifiers only the rows count that
  one of them has right alone, and under no difference each of those is a fair coin.
* Student, Biometrika 6 (1908): the interval of the mean of paired differences.
* Holm, Scand. J. Statist. 6 (1979): many slices at once, with one level for all of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, stdtr, stdtrit

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Compared:
    """How far one is ahead of the other on average, and how sure that is.

    `interval` is of the difference and None where the rows do not vary, or are fewer than two.
    `ahead` and `behind` count rows that one of them has right alone; None where nothing is right or
    wrong.
    """

    difference: float
    interval: tuple[float, float] | None
    p_value: float
    ahead: int | None = None
    behind: int | None = None

    def as_dict(self) -> dict[str, object]:
        """As JSON, without what is not known."""
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value is not None}


def mcnemar(ahead: int, behind: int) -> float:
    """The exact two-sided p-value; 1 if nobody is right alone."""
    return min(1.0, 2.0 * float(bdtr(min(ahead, behind), ahead + behind, 0.5)))


def classifiers(
    right: npt.NDArray[np.bool_], baseline: npt.NDArray[np.bool_], alpha: float
) -> Compared:
    """By which rows each has right: accuracy gained, by the exact test."""
    ahead = int(np.count_nonzero(right & ~baseline))
    behind = int(np.count_nonzero(baseline & ~right))
    gaps = right.astype(np.float64) - baseline.astype(np.float64)
    return Compared(_mean(gaps), _interval(gaps, alpha), mcnemar(ahead, behind), ahead, behind)


def scores(gains: Values, baseline: Values, alpha: float) -> Compared:
    """By a score of each row, of which more is better: Student's interval and test."""
    gaps = gains - baseline
    return Compared(_mean(gaps), _interval(gaps, alpha), _p_value(gaps))


def holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Which of them stand out, with a chance of `alpha` at most that any does without a reason."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    found = [False] * len(p_values)
    for step, at in enumerate(order):
        if p_values[at] > alpha / (len(p_values) - step):
            break
        found[at] = True
    return found


def _mean(gaps: Values) -> float:
    return float(gaps.mean()) if len(gaps) else 0.0


def _deviation(gaps: Values) -> float:
    """Of the mean; zero where it cannot be told."""
    return float(gaps.std(ddof=1)) / math.sqrt(len(gaps)) if len(gaps) > 1 else 0.0


def _interval(gaps: Values, alpha: float) -> tuple[float, float] | None:
    deviation = _deviation(gaps)
    if not deviation:
        return None
    radius = float(stdtrit(len(gaps) - 1, 1.0 - alpha / 2)) * deviation
    return (_mean(gaps) - radius, _mean(gaps) + radius)


def _p_value(gaps: Values) -> float:
    deviation = _deviation(gaps)
    if not deviation:
        return 1.0
    return 2.0 * float(stdtr(len(gaps) - 1, -abs(_mean(gaps)) / deviation))
