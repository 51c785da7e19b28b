"""How far rows and answers have moved from those a model was made with, and whether that is chance.

Two distances between shares e (expected) and a (actual) of the same bins:

* Population stability index, PSI = sum (a - e) ln(a / e): Siddiqi, Credit Risk Scorecards (2006).
  It is the divergence J(a, e) of Jeffreys (1946), and symmetric. Below 0.1 is commonly read as "no
  change", above 0.2 (elsewhere 0.25) as "look into it": a convention, no fact.
* Jensen-Shannon distance, the root of (KL(a || m) + KL(e || m)) / 2 with m = (a + e) / 2 and
  logarithms to base 2: 0 for the same, 1 for nothing in common. Lin, IEEE Trans. Inf. Theory 37
  (1991); Endres, Schindelin, IEEE Trans. Inf. Theory 49 (2003), who show that the root is a metric.

A bin that nobody fell into would make the index infinite. So the actual counts are mixed with as
many rows of the expected shares as half the bins are: a small window is taken for what was expected
as far as it does not say otherwise.

Few rows spread by chance. If nothing has moved, PSI of n rows against m over B bins behaves like
(1 / n + 1 / m) times a chi-square of B - 1 degrees: Yurdakul, Naranjo, J. Risk Model Validation 14
(2020). A column counts as drifting only where it is beyond both the convention and what that
leaves to a chance of 1 in 1,000 for all columns together (Bonferroni). That chance is of one look,
and of rows that came independently; rows that come in bursts spread further.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from inference.core.bins import Binning, Cells
from inference.core.reference import Reference

MOVING: Final = 0.1
DRIFTING: Final = 0.2
LEAST_ROWS: Final = 100  # of a window, below which nothing is said
CHANCE: Final = 0.001  # of calling any column of a window drifting of which none is
Shares = npt.NDArray[np.float64]


class State(StrEnum):
    """What is known of a column."""

    TOO_FEW = "too few rows"
    STEADY = "steady"
    MOVING = "moving"
    DRIFTING = "drifting"


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in one window, by one process or by many: `cells` as in the reference.

    `confidence` is the sum over the rows of the largest probability.
    """

    rows: int
    cells: Cells
    confidence: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        """Raises ValueError if they are of different references."""
        cells = self.cells + other.cells
        return Counts(self.rows + other.rows, cells, self.confidence + other.confidence)

    @classmethod
    def nothing(cls, reference: Reference) -> Self:
        return cls(0, np.zeros(sum(each.cells for each in reference.binnings), np.int64))


@dataclass(frozen=True, slots=True)
class Reading:
    """One column in one window. Shares are of the rows; `strange` are unseen or out of range.

    `noise` is what PSI may reach by chance. The two distances are None below LEAST_ROWS.
    """

    name: str
    kind: str
    state: State
    psi: float | None
    distance: float | None
    noise: float | None
    missing: float
    missing_before: float
    strange: float
    strange_before: float


@dataclass(frozen=True, slots=True)
class Report:
    """All columns in one window, features and answers apart.

    `confidence` is the mean largest probability, `confidence_before` that of the reference.
    """

    rows: int
    features: tuple[Reading, ...]
    answers: tuple[Reading, ...]
    confidence: float | None
    confidence_before: float | None

    @property
    def drifting(self) -> tuple[str, ...]:
        """The features that are."""
        return tuple(each.name for each in self.features if each.state is State.DRIFTING)

    @property
    def answers_drift(self) -> bool:
        return any(each.state is State.DRIFTING for each in self.answers)

    @property
    def state(self) -> State:
        """Of the worst column, answers among them."""
        states = {each.state for each in (*self.features, *self.answers)}
        return next((each for each in reversed(State) if each in states), State.TOO_FEW)


def psi(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """The population stability index of shares, each above zero."""
    e, a = np.asarray(expected, float), np.asarray(actual, float)
    return float(((a - e) * np.log(a / e)).sum())


def jensen_shannon(expected: npt.ArrayLike, actual: npt.ArrayLike) -> float:
    """The distance of shares, 0 to 1; shares may be zero."""
    e, a = np.asarray(expected, float), np.asarray(actual, float)
    middle = (e + a) / 2
    return float(np.sqrt(max(0.0, (_bits(e, middle) + _bits(a, middle)) / 2)))


def smoothed(expected: npt.ArrayLike, actual: npt.ArrayLike) -> tuple[Shares, Shares]:
    """Counts as shares above zero; see above. Bins that nobody ever fell into are left out."""
    m, n = np.asarray(expected, float), np.asarray(actual, float)
    used = (m + n) > 0
    m, n = m[used], n[used]
    weight = len(m) / 2
    e = (m + 0.5) / (m.sum() + weight)
    return e, (n + weight * e) / (n.sum() + weight)


def noise(bins: int, rows: float, rows_before: float, chance: float) -> float:
    """What PSI exceeds with this chance though nothing has moved."""
    if bins < 2 or not (rows and rows_before):
        return 0.0
    from scipy.special import chdtri  # here: commands that watch nothing start without it

    return float(chdtri(bins - 1, chance)) * (1 / rows + 1 / rows_before)


def report(reference: Reference, counts: Counts, least: int = LEAST_ROWS) -> Report:
    """What these counts say; raises ValueError if they are not of this reference."""
    if len(counts.cells) != sum(each.cells for each in reference.binnings):
        raise ValueError("The counts are those of another reference.")
    readings = [reading(reference, counts, at, least) for at in range(len(reference.binnings))]
    split = len(reference.features)
    known = counts.rows and reference.confidence is not None
    return Report(
        rows=counts.rows,
        features=tuple(readings[:split]),
        answers=tuple(readings[split:]),
        confidence=counts.confidence / counts.rows if known else None,
        confidence_before=reference.confidence,
    )


def reading(reference: Reference, counts: Counts, place: int, least: int = LEAST_ROWS) -> Reading:
    """Of one column, by its place among all binnings."""
    binning = reference.binnings[place]
    start = sum(each.cells for each in reference.binnings[:place])
    now = _Column(binning, counts.cells[start : start + binning.cells])
    then = _Column(binning, np.array(reference.counts[place], np.int64))
    chance = CHANCE / len(reference.binnings)
    known = now.rows >= least
    index, distance, by_chance = _distances(now, then, chance) if known else (None, None, None)
    return Reading(
        name=binning.name,
        kind=binning.kind,
        state=_state(index, by_chance),
        psi=index,
        distance=distance,
        noise=by_chance,
        missing=now.missing,
        missing_before=then.missing,
        strange=now.strange,
        strange_before=then.strange,
    )


class _Column:
    """The cells of one column, by what they mean."""

    def __init__(self, binning: Binning, cells: Cells) -> None:
        missing, strange = int(cells[-2]), int(cells[-1])
        # A number out of range is in its bin already, a category never seen is in none.
        self.compared = cells if binning.kind == "category" else cells[:-1]
        self.rows = int(self.compared.sum())
        self.missing = missing / self.rows if self.rows else 0.0
        self.strange = strange / self.rows if self.rows else 0.0


def _distances(now: _Column, then: _Column, chance: float) -> tuple[float, float, float]:
    e, a = smoothed(then.compared, now.compared)
    return psi(e, a), jensen_shannon(e, a), noise(len(e), now.rows, then.rows, chance)


def _state(index: float | None, by_chance: float | None) -> State:
    if index is None or by_chance is None:
        return State.TOO_FEW
    if index < MOVING or index <= by_chance:
        return State.STEADY
    return State.DRIFTING if index >= DRIFTING else State.MOVING


def _bits(shares: Shares, middle: Shares) -> float:
    used = shares > 0
    return float((shares[used] * np.log2(shares[used] / middle[used])).sum())
