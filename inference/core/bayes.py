"""What somebody without a stake would bet on: who is the best, and what a wrong choice costs.

Accuracies are Beta distributed a posteriori (Jeffreys' prior: half a right and half a wrong
answer). These are for reading alone. Unlike an e-value they are not protected against looking again
and again until they please, so no decision of this program rests on them. (The expected loss:
Stucchio, Bayesian A/B Testing at VWO, 2015.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.core.tally import Tally

_PRIOR: Final = 0.5  # of right answers, and of wrong ones
_CELLS: Final = 4096
_WIDTH: Final = 12.0  # standard deviations to either side, in which all accuracies are
Vector = npt.NDArray[np.float64]


class Bet(NamedTuple):
    """`chance` of the highest accuracy of all; `loss` of it, on average, if this arm is taken."""

    chance: float
    loss: float


def bets(arms: Sequence[Tally]) -> Sequence[Bet]:
    """One for each arm of a classifier's test; without a label all have the same chance."""
    shapes = np.array([(arm.correct + _PRIOR, arm.wrong + _PRIOR) for arm in arms])
    angles, width = _angles(shapes)
    density = np.array([_density(right, wrong, angles) for right, wrong in shapes.tolist()])
    below = density.cumsum(axis=1) - density / 2.0
    steps = width * np.sin(2.0 * angles)
    low = np.sin(angles[0] - width / 2.0) ** 2
    best = low + ((1.0 - below.prod(axis=0)) * steps).sum()
    losses = best - shapes[:, 0] / shapes.sum(axis=1)
    return [
        Bet(_chance(at, density, below), max(0.0, float(loss))) for at, loss in enumerate(losses)
    ]


def _chance(at: int, density: Vector, below: Vector) -> float:
    """That all others are below this one; where two share a cell, half of it."""
    others = np.delete(below, at, axis=0).prod(axis=0)
    return float((density[at] * others).sum())


def _angles(shapes: Vector) -> tuple[Vector, float]:
    """The middles of cells in which all accuracies are, as angles, and how wide a cell is.

    An accuracy is the square of its angle's sine, which takes the poles away that the density of a
    small arm has at 0 and 1.
    """
    total = shapes.sum(axis=1)
    means = shapes[:, 0] / total
    reach = _WIDTH * np.sqrt(means * (1.0 - means) / (total + 1.0))
    ends = [max(0.0, (means - reach).min()), min(1.0, (means + reach).max())]
    low, high = np.arcsin(np.sqrt(ends))
    width = float(high - low) / _CELLS
    return low + width * (np.arange(_CELLS) + 0.5), width


def _density(right: float, wrong: float, angles: Vector) -> Vector:
    """Of the angle of a Beta distributed accuracy, in each cell; adds up to 1."""
    sine, cosine = np.log(np.sin(angles)), np.log(np.cos(angles))
    logs = (2.0 * right - 1.0) * sine + (2.0 * wrong - 1.0) * cosine
    density = np.exp(logs - logs.max())
    shares: Vector = density / density.sum()
    return shares
