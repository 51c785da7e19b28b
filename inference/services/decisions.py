"""What was done to a test, by whom and why, and what was known then; it is never changed."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from inference import readouts
from inference.models import WHY_LENGTH, ABTest, Decision
from inference.readouts import Readout

WEIR: Final = "weir"  # who acts by what was agreed


class What(StrEnum):
    """The acts that are written down."""

    STARTED = "started"
    REWEIGHTED = "reweighted"
    WIDENED = "widened"
    STOPPED = "stopped"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled_back"
    STEPPED = "stepped"


def note(test: ABTest | Readout, by: str, what: What, why: str = "") -> Decision:
    """Write it down, in the transaction of the act and before it changes anything.

    Its evidence is the snapshot as it is then. Whoever has read the test already, and decided by
    that, hands over the readout: a label that was counted since is no part of the decision.
    """
    seen = test if isinstance(test, Readout) else readouts.readout(test.pk)
    return Decision.objects.create(
        abtest=seen.test,
        made_by=by,
        what=what.value,
        why=why[:WHY_LENGTH],
        evidence=seen.snapshot,
    )
