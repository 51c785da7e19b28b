"""Several processes, re-weights that each notices when it does, and subjects in flight."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from inference import running
from inference.core.routing import Arm, Experiment, Unit
from inference.models import ABTest, MLRequest
from inference.models import Arm as ArmRow
from inference.services import experiments, predictions, recount
from tests.inference import registered
from tests.inference.registered import row
from tests.seeds import seeds

pytestmark = pytest.mark.django_db

SUBJECTS = [f"s{n}" for n in range(60)]


@dataclass
class Process:
    """Routes by the snapshot that it took last; what it routed is written some time later."""

    experiment: Experiment
    in_flight: list[tuple[str, Arm]] = field(default_factory=list)

    def look(self) -> None:
        known = {self.experiment.id: self.experiment}
        (self.experiment,) = running.experiments(known).values()

    def ask(self, subject: str) -> None:
        arm = self.experiment.assign(Unit(subject))
        if arm is not None:
            self.in_flight.append((subject, arm))


@dataclass
class World:
    """One test, three processes, and a clock that is dice."""

    test: ABTest
    dice: random.Random
    processes: list[Process]
    ids: int = 0

    def play(self, turns: int) -> None:
        for turn in range(turns):
            process = self.dice.choice(self.processes)
            self.dice.choice((process.look, *[self.asked(process)] * 6, self.written(process)))()
            if turn % 40 == 39:
                experiments.reweight(self.test.pk, [self.dice.randint(1, 9), 10 + turn], "tests")
        for process in self.processes:
            self.write(process)

    def asked(self, process: Process) -> Callable[[], None]:
        return lambda: process.ask(self.dice.choice(SUBJECTS))

    def written(self, process: Process) -> Callable[[], None]:
        return lambda: self.write(process)

    def write(self, process: Process) -> None:
        rows = []
        for subject, arm in process.in_flight:
            self.ids += 1
            kept = ArmRow.objects.select_related("algorithm").get(pk=arm.id)
            rows.append(row(self.ids, kept.algorithm, kept, subject=subject))
        process.in_flight.clear()
        predictions.record(rows, "a")


def world(seed: int, coverage: float = 1.0) -> World:
    first, second = registered.pair()
    test = experiments.start("t", "tests", [(first, 1), (second, 1)], coverage=coverage)
    ABTest.objects.update(salt="salt")
    (found,) = running.experiments({}).values()
    return World(test, random.Random(seed), [Process(found) for _ in range(3)])


@pytest.mark.parametrize("seed", seeds(3))
@pytest.mark.parametrize("coverage", [1.0, 0.5])
def test_in_a_phase_a_subject_has_one_arm_whatever_process_it_comes_to(
    seed: int, coverage: float
) -> None:
    one = world(seed, coverage)

    one.play(400)

    arms: dict[tuple[int, str], set[int]] = defaultdict(set)
    for phase, subject, arm in MLRequest.objects.values_list("arm__phase", "subject", "arm"):
        arms[phase, subject].add(arm)
    assert {phase for phase, _ in arms} > {1, 2}
    assert {len(each) for each in arms.values()} == {1}
    assert [line.differences for line in recount.recount(one.test.pk)] == [{}] * 2 * 11


@pytest.mark.parametrize("seed", seeds(3))
def test_who_was_written_down_before_a_re_weight_keeps_the_arm_for_good(seed: int) -> None:
    one = world(seed)
    for process in one.processes:
        for subject in SUBJECTS[:20]:
            process.ask(subject)
        one.write(process)
    before = dict(MLRequest.objects.values_list("subject", "arm"))

    one.play(400)

    for subject, arm in MLRequest.objects.filter(subject__in=before).values_list("subject", "arm"):
        assert arm == before[subject]
