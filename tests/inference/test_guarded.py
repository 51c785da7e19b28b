"""What guardrails look at is counted with the batch, once, and a recount finds the same."""

from __future__ import annotations

import io
import random
from functools import partial
from typing import Any

import pytest
from django.core.management import call_command

from inference.core.experiment import Mode
from inference.models import ABTest, Arm, ArmTally
from inference.services import predictions, recount
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once
from tests.seeds import seeds

pytestmark = pytest.mark.django_db

GUARDRAILS = {"latency_ms": 10, "answers": ["<=50K", ">50K"]}


def canary(mode: Mode = Mode.CANARY, guardrails: dict[str, Any] | None = None) -> list[Arm]:
    test = registered.started(registered.pair())
    given = GUARDRAILS if guardrails is None else guardrails
    ABTest.objects.filter(pk=test.pk).update(mode=mode.value, guardrails=given)
    return list(Arm.objects.select_related("algorithm", "abtest").order_by("position"))


def counted(arm: Arm) -> tuple[int, dict[str, int]]:
    tallies = ArmTally.objects.filter(arm=arm)
    return tallies.by_arm()[arm.pk].slow, dict(tallies.answers()[arm.pk])


def written(arm: Arm, *rows: dict[str, Any], shard: str = "a", start: int = 1) -> None:
    batch = [row(start + at, arm.algorithm, arm, **each) for at, each in enumerate(rows)]
    predictions.record(batch, shard)


def test_slow_predictions_and_the_answers_of_units_are_counted(path: str) -> None:
    arm, _ = canary()

    written(
        arm,
        {"latency_us": 10_000},
        {"latency_us": 10_001, "response": ">50K"},
        {"latency_us": 99_000, "response": "error", "error_code": "model_error"},
        {"response": "no such class"},
    )
    written(arm, {"latency_us": 20_000}, start=10)
    written(arm, {"response": ">50K"}, shard="b", start=20)

    assert counted(arm) == (2, {"<=50K": 2, ">50K": 2, "other": 1})
    tally = ArmTally.objects.filter(arm=arm).by_arm()[arm.pk]
    assert (tally.errors, tally.failing, tally.lagging) == (1, 1, 2)


def test_of_a_subject_one_answer_counts_the_one_it_came_with(path: str) -> None:
    arm, _ = canary()
    ann = {"subject": "ann"}

    written(arm, {**ann, "response": ">50K"}, ann, {"subject": "bob"})
    written(arm, ann, ann, {"subject": "cid"}, {}, start=10)

    assert counted(arm) == (0, {">50K": 1, "<=50K": 3})
    assert recount.recount(arm.abtest_id)[0].differences == {}


def test_a_unit_is_harmed_once_however_often_it_asks(path: str) -> None:
    arm, _ = canary()
    failed = {"error_code": "model_error", "response": "error"}
    ann, bob = {"subject": "ann"}, {"subject": "bob"}

    written(arm, {**ann, **failed}, {**ann, **failed}, {**bob, "latency_us": 20_000}, {**failed})
    written(arm, {**ann, **failed}, {**bob, **failed}, {**bob, "latency_us": 20_000}, start=10)
    written(arm, {**ann, "latency_us": 20_000}, {"subject": "cid"}, shard="b", start=20)

    tally = ArmTally.objects.filter(arm=arm).by_arm()[arm.pk]
    assert (tally.errors, tally.failing) == (5, 3)
    assert (tally.slow, tally.lagging) == (3, 2)
    assert recount.recount(arm.abtest_id)[0].differences == {}


def test_a_batch_that_comes_twice_counts_once(path: str) -> None:
    arm, _ = canary()

    for _ in range(2):
        written(arm, {"latency_us": 11_000}, {"subject": "ann", "latency_us": 12_000})

    assert counted(arm) == (2, {"<=50K": 2})


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.BANDIT])
def test_other_tests_count_nothing_of_it(path: str, mode: Mode) -> None:
    arm, _ = canary(mode)

    written(arm, {"latency_us": 99_000})

    assert counted(arm) == (0, {})
    assert recount.recount(arm.abtest_id)[0].differences == {}


def test_what_was_not_declared_is_not_counted(path: str) -> None:
    arm, _ = canary(guardrails={})

    written(arm, {"latency_us": 99_000})

    assert counted(arm) == (0, {})


@pytest.mark.parametrize("seed", seeds(4))
def test_a_recount_finds_the_same_to_the_unit(seed: int, path: str) -> None:
    dice, arms = random.Random(seed), canary()
    for start in range(1, 400, 10):
        batch = []
        for at in range(start, start + dice.randint(1, 10)):
            subject = dice.choice(["", f"s{dice.randrange(30)}"])
            arm = arms[int(subject[1:]) % 2] if subject else dice.choice(arms)
            failed = dice.random() < 0.1
            said = {
                "subject": subject,
                "response": "error" if failed else dice.choice(["<=50K", ">50K", "new", "2"]),
                "error_code": "model_error" if failed else "",
                "latency_us": dice.choice([5_000, 10_000, 10_001, 50_000]),
            }
            batch.append(row(at, arm.algorithm, arm, **said))
        predictions.record(batch, f"shard {dice.randrange(3)}")
        predictions.record(batch[:2], "another")

    lines = recount.recount(arms[0].abtest_id)

    assert [line.differences for line in lines] == [{}, {}]
    assert all(line.counted.slow > 20 and sum(line.answers[0].values()) > 20 for line in lines)


def test_answers_and_slow_ones_too_many_are_found_and_repaired() -> None:
    arm, _ = canary()
    written(arm, {}, {"response": ">50K", "latency_us": 20_000})
    before = counted(arm)
    ArmTally.objects.filter(arm=arm).update(answers={"<=50K": 3}, slow=4, failing=2)

    line = recount.recount(arm.abtest_id)[0]
    assert line.differences == {
        "slow": (4, 1),
        "failing": (2, 0),
        "answer <=50K": (3, 1),
        "answer >50K": (0, 1),
    }

    out = io.StringIO()
    call_command("recount", str(arm.abtest_id), "--repair", stdout=out)
    assert "answer >50K: counted 0, the log says 1" in out.getvalue()
    assert counted(arm) == before
    assert [line.differences for line in recount.recount(arm.abtest_id)] == [{}, {}]


@pytest.mark.django_db(transaction=True)
def test_several_writers_harm_a_unit_once() -> None:
    """Each marks the same subjects, in any order; nobody waits in a circle."""
    arm, _ = canary()

    def write(writer: int) -> None:
        dice = random.Random(writer)
        for turn in range(20):
            batch = [
                row(
                    10_000 * writer + 100 * turn + at,
                    arm.algorithm,
                    arm,
                    subject=dice.choice(["", *(f"s{n}" for n in range(25))]),
                    error_code=dice.choice(["", "model_error"]),
                    latency_us=dice.choice([5_000, 50_000]),
                )
                for at in range(1, 9)
            ]
            predictions.record(batch, f"worker {writer}")

    assert at_once(*(partial(write, writer) for writer in range(1, 5))) == []

    assert [line.differences for line in recount.recount(arm.abtest_id)] == [{}, {}]
    assert ArmTally.objects.filter(arm=arm).by_arm()[arm.pk].failing >= 25
