"""Tests that end otherwise than by their rule: by hand, or because a guardrail was crossed."""

from __future__ import annotations

from typing import Final

from django.db import transaction

from inference import readouts
from inference.core import stewarding
from inference.core.errors import ExperimentInvalid, NotBlessed
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.models import ABTest
from inference.readouts import Readout
from inference.services import announce, decisions, experiments, promotions
from inference.services.decisions import What
from inference.services.experiments import BY_HAND, Stopped

ROLLED_BACK: Final = "rolled_back"


@transaction.atomic
def roll_back(abtest_id: int, by: str, why: str = BY_HAND) -> Stopped:
    """What was in production before is there again, and the others are rolled back.

    Once, however often it is asked. Raises ABTest.DoesNotExist.
    """
    announce.registry_changed()
    seen = readouts.readout(abtest_id)
    return experiments.already(seen.test) or rolled_back(seen, by, why)


@transaction.atomic
def promote(
    abtest_id: int,
    by: str,
    why: str = BY_HAND,
    *,
    position: int | None = None,
    guarded: bool = False,
) -> Stopped:
    """The challenger at this place (from 1) in production, whatever the rule would say; once.

    With `guarded` only one that the verdict names, or that an evaluation blesses. Raises
    ABTest.DoesNotExist, ExperimentInvalid (`field` is `arm`), also of an unhealthy test, or
    NotBlessed.
    """
    announce.registry_changed()
    seen = readouts.readout(abtest_id)
    if (ended := experiments.already(seen.test)) is not None:
        return ended
    chosen = _challenger(seen.test, position)
    _refuse(seen, chosen, guarded=guarded)
    decisions.note(seen, by, What.PROMOTED, why)
    return _promoted(seen, chosen, by, f"arm {chosen + 1} promoted by hand")


def rolled_back(seen: Readout, by: str, why: str) -> Stopped:
    """The same of a test that nobody else can change."""
    decisions.note(seen, by, What.ROLLED_BACK, why)
    return experiments.close(seen, _control(seen.test), by, ROLLED_BACK, Status.ROLLED_BACK)


def climbed(seen: Readout, by: str, why: str) -> Stopped:
    """A canary whose ramp is behind it: its challenger is in production."""
    decisions.note(seen, by, What.PROMOTED, why)
    return _promoted(seen, 1, by, "arm 2 promoted")


def _promoted(seen: Readout, chosen: int, by: str, outcome: str) -> Stopped:
    if seen.test.mode == Mode.CANARY:
        ABTest.objects.filter(pk=seen.test.pk).update(step=stewarding.LAST)
    return experiments.close(seen, chosen, by, outcome)


def _control(test: ABTest) -> int | None:
    """The arm that was in production; None if none was, and then everybody returns."""
    before = [arm.status_before for arm in test.current]
    return before.index(Status.PRODUCTION) if Status.PRODUCTION in before else None


def _challenger(test: ABTest, position: int | None) -> int:
    others = [at for at in range(len(test.current)) if at != _control(test)]
    if position is None and len(others) == 1:
        return others[0]
    if position is None:
        raise ExperimentInvalid("There are several; say which one by its place.", field="arm")
    if position - 1 not in others:
        places = ", ".join(str(at + 1) for at in others)
        raise ExperimentInvalid(f"The challengers have the places {places}.", field="arm")
    return position - 1


def _refuse(seen: Readout, chosen: int, *, guarded: bool) -> None:
    if not seen.verdict.health.fine:
        message = "An unhealthy test promotes nobody: its numbers do not mean what they say."
        raise ExperimentInvalid(message, field="arm")
    if not guarded or seen.spoken.winner == chosen:
        return
    algorithm = seen.test.current[chosen].algorithm
    latest = algorithm.evaluations.order_by("-id").first()
    if (refused := promotions.refusal(algorithm, latest)) is not None:
        raise NotBlessed(f"{algorithm.full_name} is not promoted. {refused}")
