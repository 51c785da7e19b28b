"""Whether a test may be believed at all: units dealt as was meant, labels that reach all arms.

Both are bets against "each falls on an arm by its chance" (a mixture over all other ways to fall,
Dirichlet-multinomial; Lindon, Malek, NeurIPS 2022, arXiv 2011.03567), so one may look after every
unit: under it, the chance that the p-value is ever below alpha is at most alpha (Ville 1939).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf, lgamma, log
from typing import Final, NamedTuple

from inference.core.evidence import p_value
from inference.core.experiment import Arm, Mode, chances

# Fixed before any test begins, as every prior here; a wrong split is nearly always a small one.
_CONCENTRATION: Final = 100.0
# One healthy test in a thousand is accused, whoever looks and how often: what is accused here is
# the machinery, and the remedy is to begin anew.
ALARM: Final = 0.001


class Health(NamedTuple):
    """P-values, at any look, of "the units were dealt by the chances" and "so were the labels"."""

    split: float = 1.0
    labels: float = 1.0

    @property
    def misdealt(self) -> bool:
        return self.split < ALARM

    @property
    def uneven(self) -> bool:
        return self.labels < ALARM

    @property
    def fine(self) -> bool:
        return not (self.misdealt or self.uneven)


NOTHING_SUSPECTED: Final = Health()


def health(arms: Sequence[Arm], mode: Mode = Mode.SPLIT) -> Health:
    """Of a test that runs, or of one that has ended. Without counted units nothing is suspected.

    Nor is it in the shadow, where nobody is dealt: all arms meet the same units.

    A unit is counted once, and has one label. Where labels come with a chance that has nothing to
    do with the arm, however late, they fall on the arms as the units did.
    """
    if mode is Mode.SHADOW or not any(arm.tally.subjects for arm in arms):
        return NOTHING_SUSPECTED
    return Health(split_p_value(arms), labels_p_value(arms))


def split_p_value(arms: Sequence[Arm]) -> float:
    """The p-value, at any look, of "each unit fell on an arm by its chance"."""
    return _p_value(arms, [arm.tally.subjects for arm in arms])


def labels_p_value(arms: Sequence[Arm]) -> float:
    """The p-value, at any look, of "each labelled unit fell on an arm by its chance"."""
    return _p_value(arms, [arm.tally.labelled for arm in arms])


def log_e_multinomial(
    counts: Sequence[int], shares: Sequence[float], concentration: float = _CONCENTRATION
) -> float:
    """Log e-value against "each event falls on side i with probability p_i", for `shares` p.

    Exact at any count; with a = c p and n the sum of the counts k:

        log G(c) - sum log G(a_i) + sum log G(a_i + k_i) - log G(c + n) - sum k_i log p_i

    A side without a share has no events; one there is proof.
    """
    if any(count and not share for count, share in zip(counts, shares, strict=True)):
        return inf
    total = lgamma(concentration) - lgamma(concentration + sum(counts))
    return total + sum(
        lgamma(concentration * share + count) - lgamma(concentration * share) - count * log(share)
        for count, share in zip(counts, shares, strict=True)
        if share
    )


def _p_value(arms: Sequence[Arm], counts: Sequence[int]) -> float:
    """A correction may take a label back from an arm that has none in this phase: that is none."""
    return p_value(log_e_multinomial([max(0, count) for count in counts], chances(arms)))
