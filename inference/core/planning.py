"""How many labels a test needs, and how long it will take, before it begins.

Two answers side by side. `fixed`: looked at once, at the end, as textbooks have it (the normal
approximation with pooled variance under "no difference"; Fleiss, Levin, Paik, Statistical Methods
for Rates and Proportions, 2003, ch. 4). `watched`: looked at all the time, with the confidence
sequence that this program decides by: as many labels as it takes until the half width, and the
chance that the estimate falls short by that much, fit into the difference that is looked for.
Watching costs labels in the worst case, and saves them where the difference is larger than that.
`paired`: watched as well, in the shadow, where only inputs count that the models score differently.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, sqrt
from statistics import NormalDist
from typing import Final

from inference.core.errors import ExperimentInvalid
from inference.core.evidence import half_width

MOST_LABELS: Final = 1e12  # whoever needs more will not see the day
_NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Aim:
    """What a test shall be able to see.

    `difference` in units of the score, `variance` of one label's score (p (1 - p) for an accuracy
    of p), `weights` with the control's first. `alpha` for all comparisons together, two-sided.
    `discordant` is the mean of the squared gap between two models' scores of one input: of
    classifiers, the share of inputs that only one of both gets right; None if it is not known.
    """

    difference: float
    variance: float
    weights: tuple[int, ...] = (1, 1)
    alpha: float = 0.05
    power: float = 0.8
    horizon: int = 5000
    discordant: float | None = None

    def __post_init__(self) -> None:
        """Raises ExperimentInvalid naming the field."""
        _insist("difference", 0.0 < self.difference < inf, "a number above 0")
        _insist("variance", 0.0 < self.variance < inf, "a number above 0")
        least = self.difference**2  # else the mean gap could not be as large
        fine = self.discordant is None or least < self.discordant < inf
        _insist("discordant", fine, "above the square of the difference")
        _insist("power", 0.5 <= self.power < 1.0, "from 0.5 to less than 1")
        _insist("alpha", 0.0 < self.alpha < 1.0, "between 0 and 1")
        _insist("weights", len(self.weights) > 1 and min(self.weights) > 0, "two or more, above 0")

    @property
    def share(self) -> float:
        """Of the labels, what goes to control and the smallest challenger together."""
        return (self.weights[0] + min(self.weights[1:])) / sum(self.weights)

    @property
    def alpha_each(self) -> float:
        """Of each comparison with the control (Bonferroni)."""
        return self.alpha / (len(self.weights) - 1)

    @property
    def spread(self) -> float:
        """Variance of the estimated difference, times the labels of both arms."""
        control, challenger = self.weights[0], min(self.weights[1:])
        return self.variance * (control + challenger) * (1 / control + 1 / challenger)


@dataclass(frozen=True, slots=True)
class Plan:
    """Labels of all arms together, `paired` inputs; None where nobody has as many, or can say."""

    fixed: int | None
    watched: int | None
    paired: int | None = None


def planned(aim: Aim) -> Plan:
    """How many labels it takes to see the difference with the power that is wanted."""
    fixed, watched = (_fewest(aim, partial(shown, aim)) for shown in (_fixed, _watched))
    return Plan(_of_all(aim, fixed), _of_all(aim, watched), _inputs(aim))


def _inputs(aim: Aim) -> int | None:
    if aim.discordant is None:
        return None
    fewest = _fewest(aim, partial(_paired, aim, aim.discordant))
    return None if fewest is None else ceil(fewest)


def detectable(aim: Aim, labels: float) -> float | None:
    """The smallest difference that a watched test sees with so many labels; None for none."""
    both = labels * aim.share
    return _watched(aim, both) if both >= 1.0 else None


def days(labels: int | None, a_day: float) -> float | None:
    """How long so many labels take to come; None if they never do."""
    return labels / a_day if labels is not None and a_day > 0.0 else None


def _fixed(aim: Aim, n: float) -> float:
    """The difference that n labels of both arms show."""
    quantiles = _NORMAL.inv_cdf(1.0 - aim.alpha_each / 2.0) + _NORMAL.inv_cdf(aim.power)
    return quantiles * sqrt(aim.spread / n)


def _watched(aim: Aim, n: float) -> float:
    return _shown(aim, aim.spread / n, n)


def _paired(aim: Aim, discordant: float, n: float) -> float:
    """The difference that n inputs show which all arms were given."""
    return _shown(aim, (discordant - aim.difference**2) / n, n)


def _shown(aim: Aim, variance: float, n: float) -> float:
    radius = half_width(variance, n, aim.alpha_each, aim.horizon)
    return radius + _NORMAL.inv_cdf(aim.power) * sqrt(variance)


def _fewest(aim: Aim, shown: Callable[[float], float]) -> float | None:
    """The fewest with which no more than the difference is shown."""
    low, high = 1.0, MOST_LABELS
    if shown(high) > aim.difference:
        return None
    while high / low > 1.0 + 1e-9:
        middle = sqrt(low * high)
        low, high = (middle, high) if shown(middle) > aim.difference else (low, middle)
    return high


def _of_all(aim: Aim, both: float | None) -> int | None:
    """Of all arms together, where control and challenger need so many."""
    return None if both is None else ceil(both / aim.share)


def _insist(field: str, holds: bool, what: str) -> None:
    if not holds:
        raise ExperimentInvalid(f"{field} must be {what}.", field=field)


def number(name: str, said: Mapping[str, str], usual: float | None = None) -> float:
    """Of that name, or what is usual; raises ExperimentInvalid where it is none, or is missing."""
    if name not in said and usual is not None:
        return usual
    try:
        found = float(said[name])
    except (KeyError, ValueError):
        found = inf
    _insist(name, 0.0 <= found < inf, "a number")
    return found


def weights_of(text: str) -> tuple[int, ...]:
    """`1,1,2`; raises ExperimentInvalid."""
    parts: Sequence[str] = [part.strip() for part in text.split(",")]
    _insist("weights", all(p.isascii() and p.isdigit() and len(p) < 8 for p in parts), "numbers")
    return tuple(map(int, parts))
