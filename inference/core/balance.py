"""Whether traffic is split as it was meant to be, judged at every look."""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log
from typing import Final

from inference.core.evidence import log_e_binomial, p_value
from inference.core.experiment import Arm

# Fixed before any test begins, as every prior here; a wrong split is nearly always a small one.
_CONCENTRATION: Final = 100.0


def split_p_value(arms: Sequence[Arm]) -> float:
    """The p-value, at any look, of "each exposure fell on an arm by the weights".

    Each challenger bets against the control; the mean of their bets is a bet itself. An exposure is
    a prediction: a subject who sends many makes a right split look wrong.
    """
    control, *challengers = arms
    bets = [_bet(control, each) for each in challengers]
    most = max(bets)
    return p_value(most + log(sum(exp(bet - most) for bet in bets) / len(bets)))


def _bet(control: Arm, challenger: Arm) -> float:
    share = challenger.weight / (control.weight + challenger.weight)
    exposed = challenger.tally.exposures, control.tally.exposures
    return log_e_binomial(*exposed, share, _CONCENTRATION)
