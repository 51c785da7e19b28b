"""What is known of a test: its verdict, its numbers and how they came about, for whoever asks."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Final, NamedTuple

from inference import models, progress
from inference.core import (
    bayes,
    experiment,
    guardrails,
    sketch,
    stewarding,
    verdict,
)
from inference.core.evidence import alone
from inference.core.experiment import Mode
from inference.core.guardrails import Guarded, Reading
from inference.core.metrics import CORRECTNESS, OF_CLASSES, OF_NUMBERS, Measure, Metric
from inference.core.tally import NOTHING, Tally
from inference.core.verdict import Verdict
from inference.models import (
    ABTest,
    Arm,
    ArmTally,
)
from inference.selectors import abtests

Json = dict[str, Any]

_RANKS: Final = ("p50", "p95", "p99")


@dataclass(frozen=True)
class Readout:
    """A test with what had been counted for its arms when it was read, and what that shows."""

    test: ABTest
    measured: Sequence[experiment.Arm]
    verdict: Verdict
    readings: Sequence[Reading] = ()

    @property
    def spoken(self) -> Verdict:
        """The verdict as people are told it, with what guardrails say."""
        if self.test.mode != Mode.CANARY:
            return self.verdict
        return stewarding.spoken(self.verdict, self.readings, self.measured)

    @cached_property
    def snapshot(self) -> Json:
        """All that the page of the test shows but what has been before."""
        test, found = self.test, self.spoken
        left = progress.days_left(test, self.measured, self.verdict.code)
        latencies, bets = _latencies(test), _bets(test, self.measured)
        return {
            "type": "snapshot",
            "topic": f"experiment:{test.pk}",
            "experiment": _experiment(test) | {"days_left": left},
            "arms": [
                _arm(test, arm, counted.tally, latencies.get(arm.pk)) | bet
                for arm, counted, bet in zip(test.current, self.measured, bets, strict=True)
            ],
            "evidence": asdict(found.evidence) if found.evidence else None,
            "verdict": _verdict(found),
            "health": {**found.health._asdict(), "fine": found.health.fine},
            "segments": progress.parts(test, self.measured, self.verdict.code),
            "guardrails": [_guardrail(test, reading) for reading in self.readings],
        }


def readout(abtest_id: int) -> Readout:
    """Raises ABTest.DoesNotExist."""
    return _readout(abtests().get(pk=abtest_id))


def _readout(test: ABTest) -> Readout:
    counted = models.measured(test)
    found = verdict.judge(counted, test.terms)
    return Readout(test, counted, found, _readings(test, counted))


def _readings(test: ABTest, measured: Sequence[experiment.Arm]) -> Sequence[Reading]:
    """Of the guardrails of a canary."""
    if (agreed := test.safeguards) is None:
        return ()
    answers: Mapping[int, Mapping[str, int]] = {}
    if agreed.answers:
        answers = ArmTally.objects.filter(arm__abtest=test).answers()
    arms = zip(test.current, measured, experiment.chances(measured), strict=True)
    control, challenger = (
        Guarded(
            counted.name,
            chance,
            counted.tally.subjects,
            counted.tally.failing,
            counted.tally.lagging,
            answers.get(arm.pk, {}),
        )
        for arm, counted, chance in itertools.islice(arms, 2)
    )
    return guardrails.readings(control, challenger, agreed)


def _guardrail(test: ABTest, reading: Reading) -> Json:
    """The arm is the one that it is about."""
    return {**reading._asdict(), "arm": test.current[1].pk}


def experiment_snapshot(abtest_id: int, with_history: bool = False) -> Json:
    """All that the page of a test shows, as of now; raises ABTest.DoesNotExist."""
    seen = readout(abtest_id)
    body = seen.snapshot | {"events": progress.events(seen.test)}
    return body | {"history": progress.history(body)} if with_history else body


def history(abtest_id: int, phase: int | None = None) -> Json:
    """The path of a phase, of the present one up to now, in columns; raises ABTest.DoesNotExist."""
    test = abtests().get(pk=abtest_id)
    if phase in (None, test.phase):
        return progress.history(_readout(test).snapshot)
    return progress.earlier(test, phase)


def phases(abtest_id: int) -> list[Json]:
    """All phases of a test, the present one last; raises ABTest.DoesNotExist."""
    test = abtests().get(pk=abtest_id)
    begun = {1: (test.created_at, test.created_by)}
    begun |= {each.phase: (each.made_at, each.made_by) for each in test.reweights.all()}
    counted, latencies = ArmTally.objects.filter(arm__abtest=test).by_arm(), _latencies(test)
    shown: dict[int, list[Json]] = defaultdict(list)
    for arm in test.arms.all():
        tally = counted.get(arm.pk, NOTHING)
        shown[arm.phase].append(_arm(test, arm, tally, latencies.get(arm.pk)))
    return [
        {"phase": phase, "started_at": _moment(at), "started_by": by, "arms": shown[phase]}
        for phase, (at, by) in sorted(begun.items())
    ]


def pooled(test: ABTest) -> list[Tally]:
    """Of each arm in all phases together, by its place: what a bandit goes by."""
    counted = ArmTally.objects.filter(arm__abtest=test).by_arm()
    sums = [NOTHING] * len(test.current)
    for arm in test.arms.all():
        sums[arm.position - 1] += counted.get(arm.pk, NOTHING)
    return sums


class Measured(NamedTuple):
    """A running test as it is counted now: each arm with its row, and what the arms show."""

    id: int
    arms: Sequence[tuple[Arm, experiment.Arm]]
    verdict: Verdict
    measure: Measure = CORRECTNESS
    readings: Sequence[Reading] = ()


def measured() -> list[Measured]:
    """All tests that run."""
    return [_measured(_readout(test)) for test in abtests().filter(ended_at=None)]


def _measured(seen: Readout) -> Measured:
    arms = list(zip(seen.test.current, seen.measured, strict=True))
    return Measured(seen.test.pk, arms, seen.verdict, seen.test.measure, seen.readings)


def _experiment(test: ABTest) -> Json:
    return {
        "id": test.pk,
        "title": test.title,
        "endpoint": test.endpoint.name,
        "task": test.task,
        "mode": test.mode,
        "metric": test.metric,
        "figure": test.measure.name,
        "low": test.low,
        "high": test.high,
        "minimum": test.minimum,
        "maximum": test.maximum,
        "stops_on": test.stops_on,
        "segment": test.segment,
        "started_at": _moment(test.created_at),
        "ended_at": _moment(test.ended_at),
        "summary": test.summary,
        "rule": test.rule,
        "alpha": test.alpha,
        "horizon": test.horizon,
        "coverage": test.coverage,
        "difference": test.difference,
        "phase": test.phase,
        "running": test.ended_at is None,
        "outcome": test.outcome,
        "canary": _canary(test),
    }


def _canary(test: ABTest) -> Json | None:
    """Where it stands on its ramp, which is in percent of all units."""
    if test.mode != Mode.CANARY:
        return None
    return {"step": test.step, "steps": list(stewarding.STEPS), "step_at": _moment(test.step_at)}


def _arm(test: ABTest, arm: Arm, tally: Tally, latency: Mapping[str, float] | None) -> Json:
    terms, metric = test.terms, test.measure.metric
    low, high = alone(tally, terms.measure, terms.alpha, terms.horizon) or (None, None)
    return {
        "arm": arm.pk,
        "position": arm.position,
        "algorithm": arm.algorithm_id,
        "name": arm.algorithm.name,
        "version": arm.algorithm.version,
        "weight": arm.weight,
        "propensity": arm.propensity,
        "before": arm.status_before,
        "exposures": tally.exposures,
        "subjects": tally.subjects,
        "errors": tally.errors,
        "slow": tally.slow,
        "labelled": tally.labelled,
        "correct": tally.correct,
        "accuracy": tally.accuracy if metric in OF_CLASSES else None,
        "mean_absolute_error": tally.mean_absolute_error if metric in OF_NUMBERS else None,
        "score": terms.measure.score(tally),
        "low_score": low,
        "high_score": high,
        "figure": terms.measure.figure(tally),
        "pairs": _pairs(test, arm, tally),
        "latency_ms": latency,
    }


def _pairs(test: ABTest, arm: Arm, tally: Tally) -> Json | None:
    """Who was right where both were asked; of scores, who was better."""
    if test.mode != Mode.SHADOW or arm.position == 1:
        return None
    alike = tally.labelled - tally.ahead - tally.behind
    both = tally.correct - tally.ahead if test.metric == Metric.CORRECTNESS else None
    return {
        "both": both,
        "only_control": tally.behind,
        "only_this": tally.ahead,
        "neither": None if both is None else alike - both,
        "alike": alike,
    }


def _bets(test: ABTest, measured: Sequence[experiment.Arm]) -> Sequence[Json]:
    """For reading alone; nothing is decided by them."""
    tallies = [arm.tally for arm in measured]
    if test.mode == Mode.BANDIT:
        tallies = pooled(test)
    counts = test.metric == Metric.CORRECTNESS and test.mode != Mode.SHADOW
    if not counts or not any(tally.labelled for tally in tallies):
        return [{"chance_to_win": None, "expected_loss": None}] * len(tallies)
    return [{"chance_to_win": won, "expected_loss": lost} for won, lost in bayes.bets(tallies)]


def _latencies(test: ABTest) -> dict[int, dict[str, float]]:
    """In milliseconds, by arm; none for an arm that has not predicted anything yet."""
    blobs: dict[int, list[bytes]] = defaultdict(list)
    kept = ArmTally.objects.filter(arm__abtest=test).values_list("arm_id", "latency")
    for arm_id, blob in kept:
        blobs[arm_id].append(bytes(blob))
    found = {arm_id: sketch.quantiles(sketch.merge(its)) for arm_id, its in blobs.items()}
    return {
        arm_id: {name: value / 1000 for name, value in zip(_RANKS, values, strict=True)}
        for arm_id, values in found.items()
        if values is not None
    }


def _verdict(found: Verdict) -> Json:
    return {"code": found.code.value, "sentence": found.sentence, "winner": found.winner}


def _moment(value: datetime | None) -> str | None:
    return None if value is None else progress.moment(value)
