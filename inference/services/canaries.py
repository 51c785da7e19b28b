"""The steps of a canary."""

from __future__ import annotations

from datetime import datetime

from inference.core import stewarding
from inference.core.errors import Raced
from inference.models import ABTest
from inference.readouts import Readout
from inference.services import announce, decisions, experiments
from inference.services.decisions import What


def stepped(seen: Readout, to: int, why: str, now: datetime) -> None:
    """More units take part from now on; the test is one that nobody else can change."""
    test, by = seen.test, decisions.WEIR
    change = f"{stewarding.STEPS[test.step]}% to {stewarding.STEPS[to]}% of all units"
    decisions.note(seen, by, What.STEPPED, f"{change}: {why}")
    before = ABTest.objects.filter(pk=test.pk, step=test.step, ended_at=None)
    if before.update(step=to, step_at=now) != 1:
        raise Raced(f"Test {test.pk} was changed meanwhile.")
    experiments.widened(test, stewarding.coverage(to), by)
    announce.experiment_changed(test.pk)
