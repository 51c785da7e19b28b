"""Log and tallies agree to the last unit, whatever happened; and where they do not, it is said."""

from __future__ import annotations

import io
import json
import random
import threading
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models import F

from inference.core.errors import ExperimentInvalid
from inference.core.tally import Tally
from inference.models import ABTest, Arm, ArmTally, Exposure, MLRequest
from inference.services import experiments, feedback, predictions, recount, retention
from inference.services.retention import Terms
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once
from tests.seeds import seeds

pytestmark = pytest.mark.django_db

LABELS = ("<=50K", ">50K", "", None, " ", "<=50K ")
NUMBERS = ("1.5", "-2", "", "none", "1e200", "0.1", "150")


def said(test: ABTest, *words: str) -> str:
    out = io.StringIO()
    call_command("recount", str(test.pk), *words, stdout=out)
    return out.getvalue()


def played(test: ABTest, seed: int, labels: tuple[str | None, ...], turns: int = 60) -> None:
    """Predictions of some subjects and of nobody, errors, labels, corrections and re-weights."""
    dice = random.Random(seed)
    last = 0
    for turn in range(turns):
        test.refresh_from_db()
        arms = list(test.arms.select_related("algorithm"))
        batch = []
        for _ in range(dice.randrange(1, 6)):
            last += 1
            subject = dice.choice(["", f"s{dice.randrange(12)}"])
            # Whoever is somebody has one arm, as the router sees to.
            arm = arms[int(subject[1:]) % len(arms)] if subject else dice.choice(arms)
            batch.append(row(last, arm.algorithm, arm, subject=subject, **_answer(dice, labels)))
        predictions.record(batch, f"shard {dice.randrange(3)}")
        for _ in range(dice.randrange(6)):
            feedback.record(dice.randint(1, last), dice.choice(labels))
        if turn % 20 == 19:
            experiments.reweight(test.pk, [dice.randint(2, 9), dice.randint(10, 19)], by="tests")


def _answer(dice: random.Random, labels: tuple[str | None, ...]) -> dict[str, Any]:
    if dice.random() < 0.1:
        return {"response": "error", "error_code": "model_error"}
    return {"response": dice.choice(("1", "2.25")) if labels is NUMBERS else "<=50K"}


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize(("task", "labels"), [("binary", LABELS), ("regression", NUMBERS)])
def test_whatever_was_predicted_labelled_and_corrected_is_counted_as_a_recount_finds_it(
    seed: int, task: str, labels: tuple[str | None, ...]
) -> None:
    test = registered.started(registered.pair(task))
    played(test, seed, labels)

    lines = recount.recount(test.pk)

    assert [(line.arm.phase, line.arm.position) for line in lines] == [
        (phase, position) for phase in (1, 2, 3, 4) for position in (1, 2)
    ]
    assert [line.differences for line in lines] == [{}] * 8
    assert sum(line.counted.labelled for line in lines) > 10
    assert said(test).endswith("log and tallies agree.\n")


def test_a_test_without_predictions_agrees() -> None:
    test = registered.started(registered.pair())

    assert said(test) == f"Test {test.pk}: 0 predictions; log and tallies agree.\n"


@pytest.mark.parametrize("name", ["exposures", "errors", "subjects", "labelled", "correct"])
def test_one_unit_too_many_is_found_and_repaired(name: str) -> None:
    test = registered.started(registered.pair())
    played(test, 1, LABELS, turns=10)
    before = ArmTally.objects.all().by_arm()
    one = ArmTally.objects.order_by("pk")[0]
    ArmTally.objects.filter(pk=one.pk).update(**{name: F(name) + 1})

    with pytest.raises(SystemExit) as ended:
        said(test)
    assert ended.value.code == 1
    (differing,) = [line for line in recount.recount(test.pk) if line.differences]
    assert (differing.arm, list(differing.differences)) == (one.arm, [name])

    assert said(test, "--repair").endswith("log and tallies differ; repaired.\n")
    assert ArmTally.objects.all().by_arm() == before
    assert said(test).endswith("agree.\n")


def test_what_differs_is_named_in_words_and_as_json() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)
    predictions.record([row(1, arm.algorithm, arm), row(2, arm.algorithm, arm)], "a")
    ArmTally.objects.update(exposures=1500)

    words, body = io.StringIO(), io.StringIO()
    with pytest.raises(SystemExit):
        call_command("recount", str(test.pk), stdout=words)
    with pytest.raises(SystemExit):
        call_command("recount", str(test.pk), "--json", stdout=body)

    assert words.getvalue().splitlines() == [
        "phase 1, arm 1, exposures: counted 1,500, the log says 2",
        f"Test {test.pk}: log and tallies differ.",
    ]
    found = json.loads(body.getvalue())
    assert (found["experiment"], found["agrees"], found["repaired"]) == (test.pk, False, False)
    first = found["arms"][0]
    assert (first["phase"], first["position"], first["arm"]) == (1, 1, arm.pk)
    assert (first["counted"]["exposures"], first["log"]["exposures"]) == (1500, 2)
    assert first["differences"] == ["exposures"]


def test_a_lost_row_is_missed_in_every_count() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)
    predictions.record([row(1, arm.algorithm, arm, subject="ann")], "a")
    feedback.record(1, "<=50K")
    MLRequest.objects.all().delete()

    line = recount.recount(test.pk)[0]

    assert (line.found, line.counted) == (
        Tally(),
        Tally(exposures=1, subjects=1, labelled=1, correct=1),
    )


def test_predictions_from_before_exposures_were_kept_count_for_themselves() -> None:
    test = registered.started(registered.pair())
    played(test, 2, LABELS, turns=15)
    Exposure.objects.all().delete()
    ids = MLRequest.objects.filter(feedback__gt="").values_list("pk", flat=True)
    for pk in ids:
        feedback.record(pk, "")
    ArmTally.objects.filter(shard="labels").delete()
    for pk in MLRequest.objects.values_list("pk", flat=True):
        feedback.record(pk, "<=50K")

    assert all(line.differences == {} for line in recount.recount(test.pk))


@pytest.mark.parametrize("experiment", ["99", "-1"])
def test_a_test_that_is_not_there_is_one_sentence(experiment: str) -> None:
    with pytest.raises(CommandError, match="There is no test") as refused:
        call_command("recount", "--", experiment)

    assert refused.value.returncode == 2


def test_a_test_that_lost_rows_is_not_recounted() -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    test = registered.started(registered.pair())
    other = registered.started(registered.pair(endpoint="digits"))
    arm = test.arms.select_related("algorithm").get(position=1)
    predictions.record([row(1, arm.algorithm, arm, created_at=old)], "a")
    for each in (test, other):
        experiments.stop(each.pk, "tests")
    ABTest.objects.update(ended_at=old)
    terms = Terms(old + timedelta(days=1))

    list(retention.prune(terms, 100, dry_run=True))
    assert all(line.differences == {} for line in recount.recount(test.pk))
    list(retention.prune(terms, 100))

    with pytest.raises(ExperimentInvalid, match="rows were pruned"):
        recount.recount(test.pk)
    with pytest.raises(CommandError, match="rows were pruned") as refused:
        said(test, "--repair")
    assert refused.value.returncode == 2
    assert said(other).endswith("agree.\n")


@pytest.mark.django_db(transaction=True)
def test_it_agrees_at_any_moment_while_predictions_and_labels_are_written() -> None:
    """And a repair, which finds nothing to do, leaves nothing behind."""
    test = registered.started(registered.pair())
    arms = list(test.arms.select_related("algorithm"))
    over = threading.Event()

    def write(writer: int) -> None:
        dice = random.Random(writer)
        start = 1 + writer * 1_000_000
        while not over.is_set():
            arm: Arm = arms[dice.randrange(2)]
            names = [f"{arm.position} {writer} {dice.randrange(50)}" for _ in range(20)]
            rows = [
                row(at, arm.algorithm, arm, subject=name) for at, name in enumerate(names, start)
            ]
            predictions.record(rows, f"worker {writer}")
            feedback.record(start + dice.randrange(20), dice.choice(("<=50K", ">50K", "")))
            start += 20

    def look() -> None:
        try:
            for _ in range(15):
                lines = recount.recount(test.pk)
                assert [line.differences for line in lines] == [{}, {}]
                recount.repair(lines)
        finally:
            over.set()

    assert at_once(look, partial(write, 0), partial(write, 1)) == []
    assert not ArmTally.objects.filter(shard=recount.SHARD).exists()
