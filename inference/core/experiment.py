"""What a test is to the statistics: its arms and the terms agreed before it began."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from inference.core.metrics import CORRECTNESS, Measure
from inference.core.tally import Tally


class Mode(StrEnum):
    """How the arms of a test meet the traffic."""

    SPLIT = "split"  # each unit is answered by one arm
    SHADOW = "shadow"  # the control answers; the challengers score the same inputs, unseen
    CANARY = "canary"  # a split that takes in more and more units while guardrails hold
    BANDIT = "bandit"  # weights follow what is known; it claims no significance


@dataclass(frozen=True, slots=True)
class Arm:
    """One algorithm under the name people know it by; the first arm of a test is the control.

    `chance` is that of a unit that takes part to get it, as it is dealt, which is only about by the
    weights: units are dealt in whole buckets. None: exactly by the weights.
    """

    name: str
    weight: int
    tally: Tally
    chance: float | None = None


def chances(arms: Sequence[Arm]) -> list[float]:
    """Each arm's, adding up to 1; by the weights if nobody can get any of them."""
    said = [arm.weight if arm.chance is None else arm.chance for arm in arms]
    if not any(said):
        said = [arm.weight for arm in arms]
    return [each / sum(said) for each in said]


@dataclass(frozen=True, slots=True)
class Terms:
    """Agreed before the test begins; changing them later voids the evidence.

    `alpha` bounds the chance of ever naming a wrong winner. `horizon` is the number of labels, of
    control and challenger together, at which the confidence sequence is narrowest. `difference` is
    the smallest that would matter, in units of the score; None: any would. Before each arm has
    `minimum` labels nothing is concluded.
    """

    measure: Measure = CORRECTNESS
    alpha: float = 0.05
    horizon: int = 5000
    difference: float | None = None
    mode: Mode = Mode.SPLIT
    minimum: int = 0
