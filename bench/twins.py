"""Two models whose truth is known, and the tests that are simulated between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from bench.trials import Draw, Floats, Setting
from inference.core.experiment import Mode
from inference.core.metrics import LEAST_PROBABILITY, Measure, Metric


def classes(right: float, discordant: float) -> Draw:
    """Right so often, and on such a share of the inputs only one of both is."""

    def draw(dice: np.random.Generator, n: int, effect: float) -> tuple[Floats, Floats]:
        ahead, behind = (discordant + effect) / 2.0, (discordant - effect) / 2.0
        at = dice.random(n)
        challenger = (at < ahead) | (at >= ahead + behind)
        control = at >= ahead
        wrong = (at >= discordant) & (dice.random(n) > (right - behind) / (1.0 - discordant))
        return (control & ~wrong).astype(float), (challenger & ~wrong).astype(float)

    return draw


def probabilities(loss: Callable[[Floats, Floats], Floats]) -> Draw:
    """Two calibrated models' scores of the same inputs; one sees so much more, in log odds."""

    def draw(dice: np.random.Generator, n: int, effect: float) -> tuple[Floats, Floats]:
        known = dice.normal(0.0, 1.5, n)
        truth = dice.random(n) < _logistic(known)
        said = [known + dice.normal(0.0, 0.4, n), known + dice.normal(0.0, 0.4, n) / (1 + effect)]
        ours, theirs = (-loss(_logistic(each), truth.astype(float)) for each in said)
        return ours, theirs

    return draw


def _logistic(x: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-x))


def brier(p: Floats, truth: Floats) -> Floats:
    return np.square(p - truth)


def log_loss(p: Floats, truth: Floats) -> Floats:
    right = np.where(truth > 0.5, p, 1.0 - p)
    return -np.log(np.maximum(LEAST_PROBABILITY, right))


def rewards(rate: float) -> Draw:
    """Hardly ever one, and then 1."""

    def draw(dice: np.random.Generator, n: int, effect: float) -> tuple[Floats, Floats]:
        ours, theirs = dice.random(n) < rate, dice.random(n) < rate + effect
        return ours.astype(float), theirs.astype(float)

    return draw


def errors(power: int, most: float) -> Draw:
    """Of a regression, as skewed as exponential errors are; the target has noise of its own."""

    def draw(dice: np.random.Generator, n: int, effect: float) -> tuple[Floats, Floats]:
        noise = dice.exponential(1.0, n)
        mine, other = (noise * dice.uniform(0.5, 1.5, n) for _ in range(2))
        ours, theirs = np.minimum(mine, most), np.minimum(other * (1.0 - effect), most)
        return -(ours**power), -(theirs**power)

    return draw


_REWARD: Final = Measure(Metric.REWARD, 0.0, 1.0)
_LOG_LOSS: Final = Measure(Metric.LOG_LOSS)
_KINDS: Final = (
    ("right 80 %, 83 %", Measure(), classes(0.8, 0.11), 0.03),
    ("right 99 %, 99.5 %", Measure(), classes(0.99, 0.012), 0.005),
    ("Brier score", Measure(Metric.BRIER), probabilities(brier), 0.6),
    ("log loss", _LOG_LOSS, probabilities(log_loss), 0.6),
    ("reward of 1, in 2 %, 4 %", _REWARD, rewards(0.02), 0.02),
    ("absolute error", Measure(Metric.ABSOLUTE_ERROR), errors(1, np.inf), 0.08),
    ("squared error", Measure(Metric.SQUARED_ERROR, high=10.0), errors(2, 10.0), 0.08),
)


def settings() -> Iterator[Setting]:
    """Every metric split and in the shadow, and some of them with a tenth for the challenger."""
    for mode in (Mode.SPLIT, Mode.SHADOW):
        for name, measure, draw, effect in _KINDS:
            yield Setting(f"{mode}: {name}", mode, measure, draw, effect)
    for at in (0, 3, 4):
        name, measure, draw, effect = _KINDS[at]
        yield Setting(f"split 9 to 1: {name}", Mode.SPLIT, measure, draw, effect, share=0.1)
