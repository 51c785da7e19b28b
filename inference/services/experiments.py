"""What may be done with A/B tests: start one, change its traffic, stop one."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Unpack

from django.db import transaction
from django.utils import timezone

from inference import readouts
from inference.core import agreement, assignment, graphs, lifecycle, segments, verdict
from inference.core.agreement import MOST_ARMS, Agreed
from inference.core.errors import ExperimentInvalid, Raced
from inference.core.experiment import Mode
from inference.core.graphs import GRAPH
from inference.core.lifecycle import Rule, Status
from inference.core.metrics import Measure
from inference.core.tally import Tally
from inference.core.types import LogMode
from inference.models import ABTest, Arm, MLAlgorithm
from inference.readouts import Readout
from inference.services import announce, decisions, modes, rosters, statuses
from inference.services.audit import Grounds
from inference.services.decisions import What

MOST_WEIGHT: Final = 1_000_000
FINISHED: Final = "AB Test finished."
ALREADY: Final = "AB Test already finished."
BY_HAND: Final = "by hand"

Split = Sequence[tuple[MLAlgorithm, int]]


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop says; asked again, the same summary with another message."""

    message: str
    summary: str


@transaction.atomic
def start(
    title: str,
    created_by: str,
    arms: Split,
    rule: Rule = Rule.ACCURACY,
    **agreed: Unpack[Agreed],
) -> ABTest:
    """The running test; its arms meet the endpoint's traffic, as its mode says, from now on.

    Raises ExperimentInvalid (`field`, or `row`, the arm from 0), TransitionRefused, or Raced.
    """
    announce.registry_changed()
    arms = [(_fresh(algorithm, row), weight) for row, (algorithm, weight) in enumerate(arms)]
    _refuse(arms)
    segments.refuse(agreed.get("segment", ""), [algorithm.schema for algorithm, _ in arms])
    first = arms[0][0]
    terms = agreement.complete(agreed, first.task, graph=GRAPH in first.schema)
    given = modes.complete(terms, arms)
    if terms.get("mode") == Mode.SHADOW and first.parent_endpoint.log_mode != LogMode.STRICT:
        message = "The log of this endpoint is not strict, and pairs are made from the log."
        raise ExperimentInvalid(message, field="mode")
    test = ABTest.objects.create(
        title=title,
        created_by=created_by,
        endpoint=first.parent_endpoint,
        salt=secrets.token_hex(16),
        rule=rule.value,
        **given,
    )
    chances = _chances(test, [weight for _, weight in arms])
    for position, ((algorithm, weight), chance) in enumerate(zip(arms, chances, strict=True), 1):
        _take(algorithm, test, Arm(position=position, weight=weight, propensity=chance))
    decisions.note(test, created_by, What.STARTED, _terms(test, [weight for _, weight in arms]))
    return test


def _terms(test: ABTest, weights: Sequence[int]) -> str:
    return f"weights {_said(weights)}, coverage {test.coverage:g}, rule {test.rule}"


def _chances(test: ABTest, weights: Sequence[int]) -> Sequence[float]:
    """Of a unit that takes part to get each arm; in the shadow all of them meet all units."""
    if test.mode == Mode.SHADOW:
        return [1.0] * len(weights)
    return assignment.propensities(tuple(weights), test.coverage)


def _fresh(algorithm: MLAlgorithm, row: int) -> MLAlgorithm:
    """As it is now that nobody else can change it."""
    found = MLAlgorithm.objects.select_related("parent_endpoint").filter(pk=algorithm.pk).first()
    if found is None:
        raise ExperimentInvalid(f"There is no algorithm {algorithm.pk} any more.", row=row)
    return found


def _refuse(arms: Split) -> None:
    """Raise ExperimentInvalid at the first arm that does not go with those before it."""
    if not 2 <= len(arms) <= MOST_ARMS:
        raise ExperimentInvalid(f"A test has 2 to {MOST_ARMS} arms.")
    first = arms[0][0]
    seen: set[int] = set()
    for row, (algorithm, weight) in enumerate(arms):
        _refuse_arm(algorithm, weight, row)
        if algorithm.pk in seen:
            raise ExperimentInvalid("The same algorithm cannot be two arms.", row=row)
        _refuse_other(algorithm, first, row)
        seen.add(algorithm.pk)


def _refuse_other(algorithm: MLAlgorithm, first: MLAlgorithm, row: int) -> None:
    """The same request has to go to either, and the same label has to be true of both."""
    if algorithm.parent_endpoint_id != first.parent_endpoint_id:
        raise ExperimentInvalid("All arms must belong to the same endpoint.", row=row)
    if algorithm.task != first.task:
        raise ExperimentInvalid("All arms must predict the same kind of target.", row=row)
    if not graphs.alike(algorithm.schema, first.schema):
        raise ExperimentInvalid("All arms must take and give the same tensors.", row=row)


def _refuse_weight(weight: int, row: int) -> None:
    if not 1 <= weight <= MOST_WEIGHT:
        raise ExperimentInvalid(f"A weight is a whole number from 1 to {MOST_WEIGHT}.", row=row)


def _refuse_arm(algorithm: MLAlgorithm, weight: int, row: int) -> None:
    _refuse_weight(weight, row)
    if algorithm.parent_endpoint.log_mode == LogMode.OFF.value:
        message = "The log of this endpoint is off, and a test is counted from the log."
        raise ExperimentInvalid(message, row=row)
    running = ABTest.objects.filter(endpoint=algorithm.parent_endpoint_id, ended_at=None).first()
    if running is not None:
        message = f"Test {running.pk} is already running on this endpoint; stop it first."
        raise ExperimentInvalid(message, row=row)


def _take(algorithm: MLAlgorithm, test: ABTest, arm: Arm) -> None:
    before = Status(algorithm.current_status)
    arm.abtest, arm.algorithm, arm.status_before = test, algorithm, before.value
    arm.save()
    during = lifecycle.taken(Mode(test.mode), arm.position - 1, before)
    _move(algorithm, during, test.created_by, Grounds(f"test {test.pk} started", test.pk))


def _move(algorithm: MLAlgorithm, after: Status, by: str, grounds: Grounds) -> None:
    """Nothing for an arm that stays where it is."""
    now = Status(algorithm.current_status)
    if now is not after:
        lifecycle.check(now, after, by_test=True)
        statuses.move(algorithm, after, by=by, grounds=grounds)


@transaction.atomic
def reweight(abtest_id: int, weights: Sequence[int], by: str, why: str = "") -> ABTest:
    """A new phase of the test with these weights, one for each arm in order.

    Subjects that were seen before keep their arm and go on being counted in the phase that dealt
    it to them; the new weights deal the units that come from now on, which the new phase counts.

    Who was seen before is decided here, once: whoever is written down when this transaction reads
    the exposures is on the list that it leaves, which never changes. A process takes the list and
    the weights in one step, as its next snapshot. So in one phase a subject has one arm, in
    whatever process it arrives, for that follows from list, salt and weights alone. Subjects whose
    first request is in flight at this moment, or reaches another process before that one has
    noticed (within a second), are dealt and counted in the old phase; when they come back, they
    are dealt anew by the new weights, everywhere alike. The salt being the same, most of them get
    the arm that they had.

    Raises ABTest.DoesNotExist, ExperimentInvalid (`row` is the arm, from 0), or Raced.
    """
    announce.registry_changed()
    test = _running(abtest_id)
    arms = test.current
    _refuse_weights(test, arms, weights)
    change = f"weights {_said([arm.weight for arm in arms])} to {_said(weights)}"
    decisions.note(test, by, What.REWEIGHTED, _because(change, why))
    _deal_anew(test, weights, _chances(test, weights), by)
    return test


def _said(weights: Sequence[int]) -> str:
    return ":".join(map(str, weights))


def _because(change: str, why: str) -> str:
    return f"{change}: {why}" if why else change


def _running(abtest_id: int) -> ABTest:
    """As it is now that nobody else can change it."""
    test = ABTest.objects.prefetch_related("arms__algorithm").get(pk=abtest_id)
    if test.ended_at is not None:
        raise ExperimentInvalid(f"Test {test.pk} has ended.")
    return test


def _refuse_weights(test: ABTest, arms: Sequence[Arm], weights: Sequence[int]) -> None:
    if test.mode in (Mode.SHADOW, Mode.CANARY):
        raise ExperimentInvalid(f"A test in mode {test.mode} has no weights to change.")
    if len(weights) != len(arms):
        raise ExperimentInvalid(f"The test has {len(arms)} arms; each has one weight.")
    for row, weight in enumerate(weights):
        _refuse_weight(weight, row)
    if list(weights) == [arm.weight for arm in arms]:
        raise ExperimentInvalid("The arms have these weights already.")


def _deal_anew(test: ABTest, weights: Sequence[int], chances: Sequence[float], by: str) -> None:
    arms = test.current
    rosters.keep(test)
    _next_phase(test, by)
    for arm, weight, chance in zip(arms, weights, chances, strict=True):
        arm.pk, arm.phase, arm.weight, arm.propensity = None, test.phase, weight, chance
        arm.save(force_insert=True)
    announce.experiment_changed(test.pk)


def _next_phase(test: ABTest, by: str) -> None:
    test.phase += 1
    before = ABTest.objects.filter(pk=test.pk, phase=test.phase - 1, ended_at=None)
    if before.update(phase=test.phase) != 1:
        raise Raced(f"Test {test.pk} was changed meanwhile.")
    test.reweights.create(phase=test.phase, made_by=by)


@transaction.atomic
def widen(abtest_id: int, coverage: float, by: str, why: str = "") -> ABTest:
    """Let a larger share of the units take part; it moves nobody who does.

    It ends no phase as long as each arm's chance stays what it was, for all that millions of units
    could tell. Units are dealt in whole buckets, so of a small coverage the chances are only about
    by the weights: where a larger one brings them nearer, it is a re-weight, for units of other
    chances are no part of one comparison.
    Raises ABTest.DoesNotExist, ExperimentInvalid, or Raced.
    """
    announce.registry_changed()
    test = _running(abtest_id)
    if not test.coverage <= coverage <= 1.0:
        message = f"The coverage is {test.coverage:g} and is only raised: nobody is put out."
        raise ExperimentInvalid(message, field="coverage")
    if test.mode == Mode.CANARY:
        raise ExperimentInvalid("The coverage of a canary follows from its step.", field="coverage")
    if coverage == test.coverage:
        return test
    change = f"coverage {test.coverage:g} to {coverage:g}"
    decisions.note(test, by, What.WIDENED, _because(change, why))
    return widened(test, coverage, by)


def widened(test: ABTest, coverage: float, by: str) -> ABTest:
    """The same of a test that nobody else can change, once it is written down."""
    ABTest.objects.filter(pk=test.pk).update(coverage=coverage)
    test.coverage = coverage
    arms = test.current
    weights = tuple(arm.weight for arm in arms)
    chances = _chances(test, weights)
    if not assignment.alike([arm.propensity for arm in arms], chances):
        _deal_anew(test, weights, chances, by)
        return test
    for arm, chance in zip(arms, chances, strict=True):
        Arm.objects.filter(pk=arm.pk).update(propensity=chance)
    return test


def rename(abtest_id: int, *, title: str, created_by: str) -> None:
    """What people call the test; nothing that it measures."""
    ABTest.objects.filter(pk=abtest_id).update(title=title, created_by=created_by)


def stop(abtest_id: int, by: str, why: str = BY_HAND) -> Stopped:
    """End the test and do with its arms what its rule says; once, however often it is asked.

    Raises ABTest.DoesNotExist.
    """
    return already(ABTest.objects.get(pk=abtest_id)) or _stop(abtest_id, by, why)


def already(test: ABTest) -> Stopped | None:
    """What is answered if it has ended; None if it has not."""
    return None if test.ended_at is None else Stopped(ALREADY, test.summary or "")


@transaction.atomic
def _stop(abtest_id: int, by: str, why: str) -> Stopped:
    announce.registry_changed()
    if (found := already(ABTest.objects.get(pk=abtest_id))) is not None:
        return found  # while this one waited for its turn
    return stopped(readouts.readout(abtest_id), by, why)


def stopped(seen: Readout, by: str, why: str) -> Stopped:
    """The end of a test that nobody else can change any more; one that does harm wins nothing."""
    winner = lifecycle.decide(Rule(seen.test.rule), seen.measured, seen.test.terms)
    if seen.spoken.code is verdict.Code.ROLL_BACK and winner != 0:
        winner = None
    _write_down(seen, winner, by, why)
    outcome = "nobody promoted" if winner is None else f"arm {winner + 1} promoted"
    return close(seen, winner, by, outcome)


def close(
    seen: Readout, winner: int | None, by: str, outcome: str, loser: Status | None = None
) -> Stopped:
    """The same, whatever was decided about its arms, once that is written down.

    Whoever is not promoted becomes `loser`, or else what the test's rule says.
    """
    said = summary(seen.test.measure, [arm.tally for arm in seen.measured])
    _end(seen, by, said, outcome)
    _release(seen, winner, by, loser)
    announce.experiment_changed(seen.test.pk)
    return Stopped(FINISHED, said)


def _write_down(seen: Readout, winner: int | None, by: str, why: str) -> None:
    """The end, and then what came of it: two decisions by the same evidence."""
    decisions.note(seen, by, What.STOPPED, why)
    if winner is not None:
        named = f"arm {winner + 1}, {seen.measured[winner].name}, by the rule {seen.test.rule}"
        decisions.note(seen, by, What.PROMOTED, named)


def summary(measure: Measure, tallies: Sequence[Tally]) -> str:
    """One clause per arm, in the tutorial's words."""
    return ", ".join(
        f"Algorithm #{position} {_scored(measure, tally)}"
        for position, tally in enumerate(tallies, 1)
    )


def _scored(measure: Measure, tally: Tally) -> str:
    value = measure.figure(tally)
    return f"{measure.name}: {'no data' if value is None else value}"


def _end(seen: Readout, by: str, said: str, outcome: str) -> None:
    running = ABTest.objects.filter(pk=seen.test.pk, ended_at=None)
    ended = running.update(
        ended_at=timezone.now(),
        ended_by=by,
        summary=said,
        evidence=_as_json(seen.spoken),
        outcome=outcome,
    )
    if ended != 1:
        raise Raced(f"Test {seen.test.pk} was stopped meanwhile.")


def _as_json(found: verdict.Verdict) -> dict[str, Any]:
    """What was known when it was decided; labels that come later do not change it."""
    numbers = asdict(found.evidence) if found.evidence else {}
    return {"code": found.code.value, "sentence": found.sentence, **numbers}


def _release(seen: Readout, winner: int | None, by: str, loser: Status | None) -> None:
    """The winner to production and the others out of the way; without one, everybody back."""
    test = seen.test
    grounds = Grounds(f"test {test.pk} stopped", test.pk, seen.snapshot)
    for index, arm in enumerate(test.current):
        after = before = Status(arm.status_before)
        if winner is not None:
            beaten = loser or lifecycle.lost(Rule(test.rule), index, before)
            after = Status.PRODUCTION if index == winner else beaten
        _move(arm.algorithm, after, by, grounds)
