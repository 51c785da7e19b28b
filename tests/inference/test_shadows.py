"""Pairs of a champion's answer and a challenger's: counted once, whichever half comes first."""

from __future__ import annotations

import random
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from inference.core.errors import ExperimentInvalid, TransitionRefused
from inference.core.experiment import Mode
from inference.core.metrics import Metric
from inference.core.tally import NOTHING, Tally
from inference.core.types import LogMode
from inference.models import ABTest, Arm, ArmTally, Endpoint, ShadowPrediction
from inference.readouts import experiment_snapshot
from inference.services import (
    experiments,
    feedback,
    models,
    predictions,
    recount,
    retention,
    shadows,
)
from inference.services.retention import Terms
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once
from tests.seeds import seeds

pytestmark = pytest.mark.django_db

LABELS = ("<=50K", ">50K", "", None, "<=50K ")
NUMBERS = ("1.5", "-2", "", "none", "0.1", "150")


@pytest.fixture
def test() -> ABTest:
    return registered.started(registered.pair(), mode=Mode.SHADOW)


def arms_of(test: ABTest) -> tuple[Arm, ...]:
    return tuple(test.arms.select_related("algorithm").order_by("position"))


def asked(test: ABTest, request_id: int, **said: Any) -> None:
    """The champion answers <=50K."""
    champion, *_ = arms_of(test)
    predictions.record([row(request_id, champion.algorithm, champion, **said)], "a")


def mirrored(test: ABTest, request_id: int, response: str = ">50K", **said: Any) -> int:
    _, challenger, *_ = arms_of(test)
    said = {"full_response": f'{{"label":"{response}"}}', "response": response, **said}
    return shadows.record([row(request_id, challenger.algorithm, challenger, **said)], "a")


def counted(test: ABTest) -> list[Tally]:
    found = ArmTally.objects.all().by_arm()
    return [found.get(arm.pk, NOTHING) for arm in arms_of(test)]


def agrees(test: ABTest) -> bool:
    return [line.differences for line in recount.recount(test.pk)] == [{}] * test.arms.count()


def test_all_units_go_to_the_champion_and_to_its_challengers(test: ABTest) -> None:
    assert [arm.propensity for arm in arms_of(test)] == [1.0, 1.0]


def test_a_label_that_comes_last_counts_the_pair(test: ABTest) -> None:
    asked(test, 1)
    assert mirrored(test, 1) == 1
    feedback.record(1, ">50K")

    assert counted(test) == [
        Tally(exposures=1, subjects=1, labelled=1),
        Tally(exposures=1, labelled=1, correct=1, ahead=1, gap=1.0, gap_squares=1.0),
    ]
    assert agrees(test)


def test_a_label_that_comes_first_counts_it_as_well(test: ABTest) -> None:
    asked(test, 1)
    feedback.record(1, "<=50K")
    assert mirrored(test, 1) == 1

    assert counted(test)[1] == Tally(exposures=1, labelled=1, behind=1, gap=-1.0, gap_squares=1.0)
    assert agrees(test)


def test_a_corrected_label_turns_the_pair_round_and_one_taken_back_leaves_none(
    test: ABTest,
) -> None:
    asked(test, 1)
    mirrored(test, 1)
    feedback.record(1, ">50K")
    feedback.record(1, "<=50K")
    assert (counted(test)[1].ahead, counted(test)[1].behind) == (0, 1)
    assert agrees(test)

    feedback.record(1, "")
    assert counted(test)[1] == Tally(exposures=1)
    assert agrees(test)


def test_what_a_challenger_says_twice_counts_once(test: ABTest) -> None:
    asked(test, 1)
    feedback.record(1, ">50K")

    assert [mirrored(test, 1), mirrored(test, 1)] == [1, 0]
    assert counted(test)[1].labelled == 1
    assert ShadowPrediction.objects.count() == 1


def test_without_the_champions_row_there_is_nothing_to_compare_with(test: ABTest) -> None:
    assert mirrored(test, 99) == 0
    assert not ShadowPrediction.objects.exists()


def test_a_challengers_failure_is_counted_and_makes_no_pair(test: ABTest) -> None:
    asked(test, 1)
    mirrored(test, 1, "error", error_code="model_error")
    feedback.record(1, ">50K")

    assert counted(test)[1] == Tally(exposures=1, errors=1)
    assert agrees(test)


def test_a_champions_failure_makes_none_either(test: ABTest) -> None:
    asked(test, 1, response="error", error_code="model_error")
    mirrored(test, 1)
    feedback.record(1, ">50K")

    assert counted(test) == [Tally(exposures=1, errors=1, subjects=1), Tally(exposures=1)]
    assert agrees(test)


def test_of_a_subject_one_pair_counts(test: ABTest) -> None:
    for request_id in (1, 2):
        asked(test, request_id, subject="ada")
        mirrored(test, request_id)
    feedback.record(2, ">50K")
    feedback.record(1, ">50K")
    mirrored(test, 1)

    assert [tally.labelled for tally in counted(test)] == [1, 1]
    assert agrees(test)


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize(
    ("task", "labels", "metric", "high"),
    [
        ("binary", LABELS, Metric.CORRECTNESS, None),
        ("binary", LABELS, Metric.LOG_LOSS, None),
        ("regression", NUMBERS, Metric.SQUARED_ERROR, 100.0),
    ],
)
def test_in_whatever_order_they_come_a_recount_finds_the_same(
    seed: int, task: str, labels: tuple[str | None, ...], metric: Metric, high: float | None
) -> None:
    algorithms = [
        *registered.pair(task),
        registered.algorithm("third", schema=registered.schema(task)),
    ]
    test = registered.started(algorithms, mode=Mode.SHADOW, metric=metric, high=high)
    champion, *challengers = arms_of(test)
    dice = random.Random(seed)
    waiting: list[tuple[Arm, int, dict[str, Any]]] = []
    for request_id in range(1, 120):
        subject = dice.choice(["", f"s{dice.randrange(15)}"])
        mine = said(dice, task) | {"subject": subject}
        predictions.record([row(request_id, champion.algorithm, champion, **mine)], "a")
        waiting += [
            (arm, request_id, said(dice, task) | {"subject": subject})
            for arm in challengers
            if dice.random() < 0.9
        ]
        dice.shuffle(waiting)
        taken = dice.randrange(4)
        rows = [row(at, arm.algorithm, arm, **theirs) for arm, at, theirs in waiting[:taken]]
        waiting = waiting[dice.randrange(taken + 1) :]  # some of them will come again
        shadows.record(rows, "b")
        for _ in range(dice.randrange(3)):
            feedback.record(dice.randint(1, request_id), dice.choice(labels))

    assert agrees(test)
    assert all(tally.labelled > 5 for tally in counted(test))


def said(dice: random.Random, task: str) -> dict[str, Any]:
    if dice.random() < 0.1:
        return {"response": "error", "error_code": "model_error", "full_response": "{}"}
    if task == "regression":
        return {"response": dice.choice(("1", "2.25")), "full_response": "{}"}
    p = dice.random()
    label = registered.CLASSES[p > 0.5]
    return {"response": label, "full_response": f'{{"probability":{p!r},"label":"{label}"}}'}


@pytest.mark.django_db(transaction=True)
def test_two_halves_that_come_at_once_make_one_pair(test: ABTest) -> None:
    for request_id in range(1, 41):
        asked(test, request_id)

    def label(first: int) -> None:
        for request_id in range(first, 41, 2):
            feedback.record(request_id, ">50K")

    def mirror() -> None:
        for request_id in range(1, 41):
            mirrored(test, request_id)

    assert at_once(partial(label, 1), partial(label, 2), mirror) == []
    assert [tally.labelled for tally in counted(test)] == [40, 40]
    assert counted(test)[1].ahead == 40
    assert agrees(test)


def test_the_page_shows_the_four_cells(test: ABTest) -> None:
    for request_id, (label, challenger) in enumerate(
        [("<=50K", "<=50K"), ("<=50K", ">50K"), (">50K", ">50K"), (">50K", ">50K"), ("x", "y")], 1
    ):
        asked(test, request_id)
        mirrored(test, request_id, challenger)
        feedback.record(request_id, label)

    champion, challenger_shown = experiment_snapshot(test.pk)["arms"]
    assert champion["pairs"] is None
    assert challenger_shown["pairs"] == {
        "both": 1,
        "only_control": 1,
        "only_this": 2,
        "neither": 1,
        "alike": 2,
    }


def test_what_was_said_to_a_pruned_prediction_goes_with_it(test: ABTest) -> None:
    asked(test, 1)
    mirrored(test, 1)
    experiments.stop(test.pk, by="tests")
    ABTest.objects.update(ended_at=registered.AT)
    list(retention.prune(Terms(before=registered.AT + timedelta(days=1)), batch=10, dry_run=False))

    assert not ShadowPrediction.objects.exists()


def test_pairs_need_a_strict_log(test: ABTest) -> None:
    endpoint = test.endpoint_id
    with pytest.raises(TransitionRefused):
        models.endpoint_set_log_mode(endpoint, LogMode.FAST, by="me")
    arms = [arm.algorithm for arm in arms_of(test)]
    experiments.stop(test.pk, by="tests")
    assert models.endpoint_set_log_mode(endpoint, LogMode.FAST, by="me")

    with pytest.raises(ExperimentInvalid) as refused:
        registered.started(arms, mode=Mode.SHADOW)
    assert refused.value.field == "mode"
    assert Endpoint.objects.get().log_mode == "fast"


def test_there_are_no_weights_to_change(test: ABTest) -> None:
    with pytest.raises(ExperimentInvalid, match="no weights"):
        experiments.reweight(test.pk, [1, 2], by="tests")


def test_more_units_may_take_part(test: ABTest) -> None:
    ABTest.objects.update(coverage=0.1)
    experiments.widen(test.pk, 0.5, by="tests")

    test.refresh_from_db()
    assert (test.coverage, test.phase) == (0.5, 1)


@pytest.mark.parametrize(("rights", "promoted"), [(30, "forest"), (10, "trees")])
def test_a_stop_promotes_whoever_was_better_on_the_same_inputs(rights: int, promoted: str) -> None:
    """Of the challenger no unit is counted, which is no sign of a wrong split."""
    test = registered.started(registered.pair(), mode=Mode.SHADOW)
    for request_id in range(1, 41):
        asked(test, request_id)
        mirrored(test, request_id)
        feedback.record(request_id, "<=50K" if request_id <= rights else ">50K")
    experiments.stop(test.pk, by="tests")

    status = {arm.algorithm.name: registered.status_of(arm.algorithm) for arm in arms_of(test)}
    assert status == {"forest": "testing", "trees": "testing", promoted: "production"}
