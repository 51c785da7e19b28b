"""Whether a challenger does harm that needs no label to be seen: tested at every look.

Each guardrail is a bet against "the challenger is no worse", so that under it the chance that it is
ever crossed is at most its share of alpha (Ville 1939); all of them together err at most with
probability alpha (Bonferroni). Sources:

* Robbins, Ann. Math. Statist. 41 (1970): mixtures as bets.
* Howard, Ramdas, McAuliffe, Sekhon, Ann. Statist. 49 (2021), arXiv 1810.08240: sub-Bernoulli
  processes, of which one-sided mixtures are supermartingales under the whole one-sided hypothesis.
* Lindon, Malek, NeurIPS 2022, arXiv 2011.03567: counts of a randomised experiment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from math import log
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from inference.core.evidence import log_e_binomial
from inference.core.safeguards import OTHER, Safeguards

# The log odds ratios that the one-sided bet is spread over, and how: from 2 % more to 150 times as
# often, most on about three times. Fixed before any test begins. Of what was tried (Beta mixtures
# too) nothing saw a rise from 1, 5 or 10 % by three points notably earlier.
_LOG_ODDS: Final = np.geomspace(0.02, 5.0, 32)
_MASS: Final = _LOG_ODDS * np.exp(-_LOG_ODDS)
_LOG_MASS: Final = np.log(_MASS / _MASS.sum())
Numbers = npt.NDArray[np.float64]


class State(StrEnum):
    """What is known of a guardrail."""

    HOLDS = "holds"
    CROSSED = "crossed"
    NO_DATA = "no_data"


class Reading(NamedTuple):
    """A guardrail as it is now; crossed once `log_e` reaches `threshold`."""

    name: str
    state: State
    log_e: float
    threshold: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """One arm as guardrails see it: by units, for what one meets twice is no second piece of news.

    `failing` and `lagging` are those that ever had an error, or a slow prediction; `answers` count
    what each was answered when it came. `chance` is that of a unit that takes part to get the arm.
    """

    name: str
    chance: float
    units: int = 0
    failing: int = 0
    lagging: int = 0
    answers: Mapping[str, int] = field(default_factory=dict)


def log_e_harm(challenger: npt.ArrayLike, control: npt.ArrayLike, share: npt.ArrayLike) -> Numbers:
    """Log e-value against "an event falls on the challenger with probability `share` or less".

    With k1 events on the challenger and k2 on the control, and the odds ratios r > 1 mixed by
    weights w that add up to 1:

        log sum_r w_r r^k1 / (1 + share (r - 1))^(k1 + k2)

    Each term multiplies, for one more event, by r / (1 + share (r - 1)) if it falls on the
    challenger and by 1 / (1 + share (r - 1)) if it does not. Where it falls there with probability
    p, that is (1 + p (r - 1)) / (1 + share (r - 1)) on average, which is at most 1 for every p up
    to `share`: a supermartingale under all that harms nobody, and so is the mixture. It is the
    likelihood ratio of "r times the odds" to `share` itself.
    """
    k1, k2, p = (np.asarray(each, dtype=float)[..., None] for each in (challenger, control, share))
    terms = _LOG_MASS + k1 * _LOG_ODDS - (k1 + k2) * np.log1p(p * np.expm1(_LOG_ODDS))
    return np.asarray(np.logaddexp.reduce(terms, axis=-1))


def log_e_drift(challenger: Mapping[str, int], control: Mapping[str, int], share: float) -> float:
    """Log e-value against "whoever gives an answer, it is the challenger with probability `share`".

    If both arms answer alike, what a unit is answered says nothing about the arm that it has. Then
    the units of each answer fall on the arms by chance, apart from those of all others, and the
    product of one `log_e_binomial` for each answer is an e-value: a unit changes one factor.
    """
    names = challenger.keys() | control.keys()
    return sum(
        log_e_binomial(max(0, challenger.get(name, 0)), max(0, control.get(name, 0)), share)
        for name in names
    )


def readings(control: Guarded, challenger: Guarded, agreed: Safeguards) -> list[Reading]:
    """Of each guardrail that was declared, in their order."""
    names = agreed.names
    threshold = -log(agreed.alpha / max(1, len(names)))
    found = {
        "errors": lambda: _counted(control, challenger, "failing", agreed),
        "latency": lambda: _counted(control, challenger, "lagging", agreed),
        "answers": lambda: _answered(control, challenger),
    }
    return [_reading(name, threshold, *found[name]()) for name in names]


def crossed(found: Sequence[Reading]) -> Reading | None:
    """The first that was."""
    return next((reading for reading in found if reading.state is State.CROSSED), None)


def _reading(name: str, threshold: float, log_e: float | None, sentence: str) -> Reading:
    if log_e is None:
        return Reading(name, State.NO_DATA, 0.0, threshold, sentence)
    if log_e < threshold:
        return Reading(name, State.HOLDS, log_e, threshold, sentence)
    certain = f"{sentence} That is no chance, no matter how often anybody looked."
    return Reading(name, State.CROSSED, log_e, threshold, certain)


def _counted(
    control: Guarded, challenger: Guarded, kind: str, agreed: Safeguards
) -> tuple[float | None, str]:
    """A unit is dealt before it meets anything, so its first harm falls on an arm by the chances.

    Of arms that do alike harm, that is, whatever they have in common: harm that comes with the
    subject, that grows with how often it asks, or with the hour.
    """
    if not (control.units and challenger.units) or not 0.0 < challenger.chance < 1.0:
        return None, "Nothing can be said before both have made predictions."
    k1, k2 = getattr(challenger, kind), getattr(control, kind)
    limit = f"took more than {agreed.latency_ms or 0:g} ms for"
    did = {"failing": "failed for", "lagging": limit}[kind]
    return float(log_e_harm(max(0, k1), max(0, k2), challenger.chance)), (
        f"{challenger.name} {did} {_share(k1, challenger.units)} of its units, "
        f"{control.name} for {_share(k2, control.units)}."
    )


def _answered(control: Guarded, challenger: Guarded) -> tuple[float | None, str]:
    ours, theirs = sum(challenger.answers.values()), sum(control.answers.values())
    if not (ours and theirs) or not 0.0 < challenger.chance < 1.0:
        return None, "Nothing can be said before both have answered."
    log_e = log_e_drift(challenger.answers, control.answers, challenger.chance)
    name = max(
        sorted({*challenger.answers, *control.answers}),
        key=lambda one: abs(_of(challenger, one) / ours - _of(control, one) / theirs),
    )
    said = "something else" if name == OTHER else repr(name)
    return log_e, (
        f"{challenger.name} answers {said} to {_share(_of(challenger, name), ours)} of its units, "
        f"{control.name} to {_share(_of(control, name), theirs)}."
    )


def _of(arm: Guarded, answer: str) -> int:
    return arm.answers.get(answer, 0)


def _share(part: int, whole: int) -> str:
    return f"{100.0 * part / whole:.3g}%"
