"""How far a running test has to go: the labels that are missing, and days until they are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from inference.core import planning
from inference.core.evidence import MIN_LABELLED
from inference.core.experiment import Arm, Mode, Terms
from inference.core.metrics import Measure, measured
from inference.core.planning import Aim
from inference.core.tally import Tally
from inference.core.verdict import Code

_DECIDED: Final = frozenset({Code.WINNER, Code.FUTILE})
_UNTRUSTED: Final = frozenset({Code.UNHEALTHY, Code.LABELS_UNEVEN})
_DIGITS: Final = 3  # it is a guess


@dataclass(frozen=True, slots=True)
class Outlook:
    """Of a test by its tallies; `maximum` is the number of labels at which it ends, if any.

    What is counted are labels of all arms together; in the shadow, where one label is one of each
    arm that has answered, the pairs of the challenger with the fewest.
    """

    arms: Sequence[Arm]
    terms: Terms
    maximum: int | None = None

    def left(self, code: Code) -> float | None:
        """How many are still missing, by the verdict of now; None where nothing can be said.

        Until the maximum where there is one. Else until the difference that would matter is seen if
        it is there, with the chance that a plan grants (`planning.Aim.power`), by the spread that
        the labels have shown; if no difference was named, until the horizon, behind which the
        sequence gains little. A bandit and a test that is not to be trusted have no such end.
        """
        if code in _DECIDED:
            return 0.0
        if code in _UNTRUSTED:
            return None
        if self.maximum is not None:
            return max(0.0, self.maximum - float(sum(arm.tally.labelled for arm in self.arms)))
        end = self._end() if self.terms.mode is not Mode.BANDIT else None
        return None if end is None else max(0.0, end - self.progress())

    def progress(self) -> float:
        """How many there are."""
        return progress([arm.tally.labelled for arm in self.arms], self.terms.mode)

    def _end(self) -> float | None:
        if self.terms.difference is None:
            return self.terms.horizon / self._aim(1.0, 1.0).share
        variance = self._variance()
        if variance is None:
            return None
        return planning.planned(self._aim(self.terms.difference, variance)).watched

    def _aim(self, difference: float, variance: float) -> Aim:
        shadow, terms = self.terms.mode is Mode.SHADOW, self.terms
        weights = tuple(arm.weight for arm in self.arms)
        if not shadow:
            return Aim(difference, variance, weights, terms.alpha, horizon=terms.horizon)
        # A mean of one kind of values: a quarter of the spread that two arms of the same size have.
        alpha = terms.alpha / (len(weights) - 1)
        return Aim(difference, variance / 4.0, (1, 1), alpha, horizon=terms.horizon)

    def _variance(self) -> float | None:
        """Of a score within its arm, or of a pair's gap; None before there are enough labels."""
        found = _of_gaps(self.arms) if self.terms.mode is Mode.SHADOW else self._within()
        return found if found is not None and found > 0.0 and isfinite(found) else None

    def _within(self) -> float | None:
        known = [arm.tally for arm in self.arms if arm.tally.labelled > 0]
        n = sum(tally.labelled for tally in known)
        if n < MIN_LABELLED:
            return None
        return sum(_squared(tally, self.terms.measure) for tally in known) / n


def progress(labelled: Sequence[int], mode: Mode) -> float:
    """How far a test is whose arms have so many labels each."""
    return float(min(labelled[1:]) if mode is Mode.SHADOW else sum(labelled))


def days(left: float | None, gained: float, in_days: float) -> float | None:
    """Until so many have come, where so many came in so many days; None if none did."""
    if left is None or left == 0.0:
        return left
    found = left * in_days / gained if gained > 0.0 and in_days > 0.0 else None
    return None if found is None else float(f"{found:.{_DIGITS}g}")


def _squared(tally: Tally, measure: Measure) -> float:
    """The sum of the squared distances from the mean."""
    total = measure.total(tally)
    return max(0.0, measure.squares(tally) - total * total / tally.labelled)


def _of_gaps(arms: Sequence[Arm]) -> float | None:
    tallies = [arm.tally for arm in arms[1:]]
    if min(tally.labelled for tally in tallies) < MIN_LABELLED:
        return None
    return max(
        measured(float(tally.labelled), tally.gap, tally.gap_squares).variance for tally in tallies
    )
