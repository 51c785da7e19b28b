"""Acts on a test as was agreed before it started: rolls back, steps, stops, deals anew.

Any number of processes may attend the same test at the same moment. Each asks first what is to be
done, and if there is something, asks again once it holds what every change of a test has to hold
(see `announce`): so one of them does it, and it is decided by what is true then.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from inference import readouts
from inference.core import stewarding
from inference.core.experiment import Mode
from inference.core.safeguards import parsed
from inference.core.stewarding import (
    Act,
    Promote,
    Reweight,
    RollBack,
    Standing,
    Step,
    Stop,
)
from inference.models import ABTest
from inference.readouts import Readout
from inference.services import announce, canaries, endings, experiments
from inference.services.decisions import WEIR


def attend(abtest_id: int, now: datetime) -> bool:
    """Do what is to be done; whether it has to be attended again, which stays False once it is."""
    running = ABTest.objects.filter(pk=abtest_id, ended_at=None)
    terms = running.values_list("mode", "stops_on").first()
    if terms is None or not stewarding.attended(Mode(terms[0]), terms[1]):
        return False
    if decided(readouts.readout(abtest_id), now) is not None:
        _act(abtest_id, now)
    return True


@transaction.atomic
def _act(abtest_id: int, now: datetime) -> None:
    announce.registry_changed()
    seen = readouts.readout(abtest_id)
    if seen.test.ended_at is None and (act := decided(seen, now)) is not None:
        _do(seen, act, now)


def _do(seen: Readout, act: Act, now: datetime) -> None:
    match act:
        case RollBack(why):
            endings.rolled_back(seen, WEIR, why)
        case Promote(why):
            endings.climbed(seen, WEIR, why)
        case Step(to, why):
            canaries.stepped(seen, to, why, now)
        case Stop(why):
            experiments.stopped(seen, WEIR, why)
        case Reweight(weights, why):
            experiments.reweight(seen.test.pk, weights, WEIR, why)


def decided(seen: Readout, now: datetime) -> Act | None:
    """What is to be done with a running test now."""
    test = seen.test
    return stewarding.decided(
        Standing(
            terms=test.terms,
            arms=seen.measured,
            verdict=seen.verdict,
            agreed=parsed(test.guardrails),
            readings=seen.readings,
            stops_on=test.stops_on,
            maximum=test.maximum,
            step=test.step,
            since=(now - _since(test)).total_seconds(),
            pooled=readouts.pooled(test) if test.mode == Mode.BANDIT else (),
        )
    )


def _since(test: ABTest) -> datetime:
    """When it got its step, or its weights."""
    if test.mode == Mode.CANARY:
        return test.step_at or test.created_at
    last = test.reweights.order_by("-phase").values_list("made_at", flat=True).first()
    return last or test.created_at
