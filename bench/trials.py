"""Made-up tests with a known truth: scores of two models, label by label, for each kind of metric.

Nothing is computed here that the program computes: tallies are made of the scores, and its own
functions are asked at every look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Final

import numpy as np
import numpy.typing as npt

from inference.core import evidence, pairs
from inference.core.evidence import Evidence
from inference.core.experiment import Mode
from inference.core.metrics import Measure, Metric
from inference.core.tally import Tally

ALPHA: Final = 0.05
HORIZON: Final = 5000
LOOKS: Final = 200
PEEKED: Final = 1.959964  # where the classic test of 5 % says yes

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Draw = Callable[[np.random.Generator, int, float], tuple[Floats, Floats]]


@dataclass(frozen=True, slots=True)
class Setting:
    """What is compared, and how.

    `draw` gives the scores of control and challenger for so many inputs; its last argument is how
    much better the challenger is, in units of its own. `effect` is one worth finding.
    """

    name: str
    mode: Mode
    measure: Measure
    draw: Draw
    effect: float
    labels: int = 4000  # of both arms; in the shadow, inputs
    share: float = 0.5  # of the labels that go to the challenger


@dataclass(frozen=True, slots=True)
class Found:
    """Shares of the runs in which any look said yes, and the labels at which half of them had."""

    ever: float
    peeked: float
    median: float | None


def simulated(setting: Setting, effect: float, runs: int, seed: int = 1) -> Found:
    """Each run is a whole test, looked at `LOOKS` times."""
    dice = np.random.default_rng(seed)
    stops, peeked = [], 0
    for _ in range(runs):
        stop, seen = _run(setting, effect, dice)
        stops.append(stop)
        peeked += seen
    ever = sum(stop is not None for stop in stops) / runs
    median = sorted(setting.labels + 1 if stop is None else stop for stop in stops)[runs // 2]
    return Found(ever, peeked / runs, median if median <= setting.labels else None)


def _run(setting: Setting, effect: float, dice: np.random.Generator) -> tuple[int | None, bool]:
    stop, peeked = None, False
    for labels, control, challenger in _looks(setting, effect, dice):
        found = _evidence(setting, control, challenger)
        if found is None:
            continue
        peeked = peeked or _wald(setting, control, challenger)
        if found.conclusive and stop is None:
            stop = labels
        if stop is not None and peeked:
            break
    return stop, peeked


def _evidence(setting: Setting, control: Tally, challenger: Tally) -> Evidence | None:
    if setting.mode is Mode.SHADOW:
        return pairs.compare(challenger, setting.measure, ALPHA, HORIZON)
    return evidence.compare(control, challenger, setting.measure, ALPHA, HORIZON)


def _looks(
    setting: Setting, effect: float, dice: np.random.Generator
) -> Iterator[tuple[int, Tally, Tally]]:
    """The labels so far, and both tallies, at each look."""
    control, challenger = setting.draw(dice, setting.labels, effect)
    here = np.arange(1, LOOKS + 1) * setting.labels // LOOKS
    mine = theirs = np.ones(setting.labels, bool)
    if setting.mode is not Mode.SHADOW:
        theirs = dice.random(setting.labels) < setting.share
        mine = ~theirs
    ours, others = _sums(control, mine, here), _sums(challenger, theirs, here)
    gaps = _gaps(control, challenger, here) if setting.mode is Mode.SHADOW else repeat(Tally())
    for labels, (n, *a), (m, *b), gap in zip(here.tolist(), ours, others, gaps):  # noqa: B905  # one may never end
        yield labels, _tally(setting.measure, n, *a), _tally(setting.measure, m, *b) + gap


def _sums(scores: Floats, counted: npt.NDArray[np.bool_], here: Whole) -> list[list[float]]:
    """How many were counted until each look, their sum and that of their squares."""
    values = np.where(counted, scores, 0.0)
    columns = np.stack([counted.astype(float), values, values * values], axis=1)
    sums: list[list[float]] = columns.cumsum(axis=0)[here - 1].tolist()
    return sums


def _tally(measure: Measure, n: float, total: float, squares: float) -> Tally:
    if measure.metric is Metric.CORRECTNESS:
        return Tally(labelled=int(n), correct=round(total))
    if measure.metric is Metric.ABSOLUTE_ERROR:
        return Tally(labelled=int(n), absolute_error=-total, squared_error=squares)
    return Tally(labelled=int(n), total=total, squares=squares)


def _gaps(control: Floats, challenger: Floats, here: Whole) -> list[Tally]:
    gaps = challenger - control
    columns = np.stack([gaps > 0.0, gaps < 0.0, gaps, gaps * gaps], axis=1).astype(float)
    return [
        Tally(ahead=int(ahead), behind=int(behind), gap=gap, gap_squares=squares)
        for ahead, behind, gap, squares in columns.cumsum(axis=0)[here - 1].tolist()
    ]


def _wald(setting: Setting, control: Tally, challenger: Tally) -> bool:
    """Whether a test that may be looked at once says yes."""
    measure = setting.measure
    if setting.mode is Mode.SHADOW:
        n, mean = challenger.labelled, challenger.gap / challenger.labelled
        variance = (challenger.gap_squares / n - mean * mean) / n
    else:
        before, after = measure.moments(control, 0.0), measure.moments(challenger, 0.0)
        mean = after.mean - before.mean
        variance = before.variance / before.n + after.variance / after.n
    return bool(variance > 0.0 and abs(mean) / variance**0.5 >= PEEKED)
