"""The steps of a canary and its two ends, by hand or because a rule says so."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from django.db import transaction

from inference import selectors
from inference.core import stewarding
from inference.core.errors import ExperimentInvalid, Raced
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.models import ABTest
from inference.selectors import Readout
from inference.services import announce, decisions, experiments
from inference.services.decisions import What
from inference.services.experiments import BY_HAND, Stopped

ROLLED_BACK: Final = "rolled_back"


@transaction.atomic
def roll_back(abtest_id: int, by: str, why: str = BY_HAND) -> Stopped:
    """The control alone in production, the challenger rolled back; once, however often it is asked.

    Raises ABTest.DoesNotExist, or ExperimentInvalid for a test that is no canary.
    """
    announce.registry_changed()
    seen = _canary(abtest_id)
    return experiments.already(seen.test) or rolled_back(seen, by, why)


@transaction.atomic
def promote(abtest_id: int, by: str, why: str = BY_HAND) -> Stopped:
    """The challenger in production, whatever step it is at; raises as `roll_back` does."""
    announce.registry_changed()
    seen = _canary(abtest_id)
    return experiments.already(seen.test) or promoted(seen, by, why)


def rolled_back(seen: Readout, by: str, why: str) -> Stopped:
    """The same of a test that nobody else can change."""
    decisions.note(seen, by, What.ROLLED_BACK, why)
    return experiments.close(seen, 0, by, ROLLED_BACK, Status.ROLLED_BACK)


def promoted(seen: Readout, by: str, why: str) -> Stopped:
    """The same of a test that nobody else can change."""
    decisions.note(seen, by, What.PROMOTED, why)
    ABTest.objects.filter(pk=seen.test.pk).update(step=stewarding.LAST)
    return experiments.close(seen, 1, by, "arm 2 promoted")


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


def _canary(abtest_id: int) -> Readout:
    seen = selectors.readout(abtest_id)
    if seen.test.mode != Mode.CANARY:
        raise ExperimentInvalid(f"Test {abtest_id} is no canary.", field="mode")
    return seen
