"""What is to be done with a test now, by what was agreed before it started: a value, and no deed.

Whoever acts on it asks once more when nobody else can change the test; so several may ask at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from inference.core import bandit, sentences
from inference.core.agreement import FUTILITY, MAXIMUM, WINNER
from inference.core.experiment import Arm, Mode, Terms, chances
from inference.core.guardrails import Reading, crossed
from inference.core.safeguards import Safeguards
from inference.core.tally import Tally
from inference.core.verdict import Code, Verdict

# The challenger's share of all units in percent. The last is its promotion.
STEPS: Final = (1, 5, 10, 25, 50, 100)
LAST: Final = len(STEPS) - 1


def coverage(step: int) -> float:
    """So much of the traffic takes part, in halves, that the challenger gets its share of all."""
    return min(1.0, 2.0 * STEPS[step] / 100.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A running test as it is counted now.

    `since` are the seconds since a canary got to its step, or a bandit to its weights. `pooled` are
    the tallies of a bandit's arms over all its phases.
    """

    terms: Terms
    arms: Sequence[Arm]
    verdict: Verdict
    agreed: Safeguards
    readings: Sequence[Reading] = ()
    stops_on: Sequence[str] = ()
    maximum: int | None = None
    step: int = 0
    since: float = 0.0
    pooled: Sequence[Tally] = field(default=())

    @property
    def labelled(self) -> int:
        """Labels of all arms, in all phases that count."""
        tallies = self.pooled or [arm.tally for arm in self.arms]
        return sum(tally.labelled for tally in tallies)


@dataclass(frozen=True, slots=True)
class RollBack:
    """The control answers all again, the challenger nobody."""

    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """A canary takes in more units."""

    to: int
    why: str


@dataclass(frozen=True, slots=True)
class Promote:
    """The challenger of a canary has come to the end of its ramp."""

    why: str


@dataclass(frozen=True, slots=True)
class Stop:
    """A rule that was agreed ends the test; what is promoted, its own rule says."""

    why: str


@dataclass(frozen=True, slots=True)
class Reweight:
    """A bandit deals differently from now on."""

    weights: tuple[int, ...]
    why: str


Act = RollBack | Step | Promote | Stop | Reweight


def attended(mode: Mode, stops_on: Sequence[str]) -> bool:
    """Whether such a test is ever to be acted upon."""
    return mode in (Mode.CANARY, Mode.BANDIT) or bool(stops_on)


def spoken(verdict: Verdict, readings: Sequence[Reading], arms: Sequence[Arm]) -> Verdict:
    """What people are told of a canary: if it does harm, to take it back, whatever its score."""
    if (why := _proven_harm(verdict, readings, arms)) is None:
        return verdict
    said, winner = sentences.rolling_back(why), 0 if verdict.winner == 0 else None
    return replace(verdict, code=Code.ROLL_BACK, sentence=said, winner=winner)


def decided(test: Standing) -> Act | None:
    """The next thing to do; None: nothing, for now."""
    if test.terms.mode is Mode.CANARY:
        return _harm(test) or _stopped(test) or _ramp(test)
    if test.terms.mode is Mode.BANDIT:
        return _stopped(test) or _dealt_anew(test)
    return _stopped(test)


def _harm(test: Standing) -> RollBack | None:
    why = _proven_harm(test.verdict, test.readings, test.arms)
    return None if why is None else RollBack(why)


def _proven_harm(verdict: Verdict, readings: Sequence[Reading], arms: Sequence[Arm]) -> str | None:
    """By a guardrail, or by the metric itself, or because units of the challenger are missing.

    A model that is not there at all answers nothing that could be logged as its failure.
    """
    if (reading := crossed(readings)) is not None:
        return reading.sentence
    if verdict.code is Code.WINNER and verdict.winner == 0:
        return verdict.sentence
    return verdict.sentence if verdict.health.misdealt and _missed(arms) else None


def _missed(arms: Sequence[Arm]) -> bool:
    """Whether the challenger has fewer units than its chance would have it."""
    units = [arm.tally.subjects for arm in arms]
    return units[1] < chances(arms)[1] * sum(units)


def _stopped(test: Standing) -> Stop | None:
    if WINNER in test.stops_on and test.verdict.code is Code.WINNER:
        return Stop(test.verdict.sentence)
    if FUTILITY in test.stops_on and test.verdict.code is Code.FUTILE:
        return Stop(test.verdict.sentence)
    if MAXIMUM in test.stops_on and test.maximum is not None and test.labelled >= test.maximum:
        return Stop(f"The test has its {test.maximum:,} labels. {test.verdict.sentence}")
    return None


def _ramp(test: Standing) -> Step | Promote | None:
    """A step has lasted, was seen by enough, and nothing is amiss."""
    fewest = min(arm.tally.subjects for arm in test.arms)
    if test.since < test.agreed.step_seconds or fewest < test.agreed.step_units:
        return None
    if not test.verdict.health.fine or test.step >= LAST:
        return None
    why = f"After {fewest:,} units of each arm and more, no guardrail is crossed."
    if test.step + 1 < LAST:
        return Step(test.step + 1, why)
    if min(arm.tally.labelled for arm in test.arms) < test.terms.minimum:
        return None  # that it is no worse cannot be concluded yet
    return Promote(why)


def _dealt_anew(test: Standing) -> Reweight | None:
    """The units of a phase that is not dealt as was meant teach nothing that could be trusted."""
    labels = sum(arm.tally.labelled for arm in test.arms)
    agreed = test.agreed
    every, apart = agreed.update_labels, agreed.update_seconds
    if not bandit.due(labels, test.labelled - labels, test.since, every, apart):
        return None
    weights = bandit.weights(test.pooled or [arm.tally for arm in test.arms], test.terms.measure)
    if not test.verdict.health.fine or not bandit.moved(chances(test.arms), weights):
        return None
    shares = ", ".join(
        f"{arm.name} {100.0 * weight / bandit.TOTAL:.3g}%"
        for arm, weight in zip(test.arms, weights, strict=True)
    )
    return Reweight(weights, f"By the chance that each is the best: {shares}.")
