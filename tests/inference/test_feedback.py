"""One label per prediction: repeated, corrected, taken back, before or after the test's end."""

from __future__ import annotations

import random
import threading
from functools import partial
from unittest import mock

import pytest
from django.db import connection

from inference.core.errors import Raced
from inference.core.experiment import Mode
from inference.core.tally import Tally
from inference.models import ABTest, Arm, ArmTally, MLRequest
from inference.services import experiments, feedback, predictions, recount, shadows
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once
from tests.seeds import seeds

pytestmark = pytest.mark.django_db


@pytest.fixture
def running() -> ABTest:
    return registered.started(registered.pair())


@pytest.fixture
def arm(running: ABTest) -> Arm:
    """With one prediction, 1, that said <=50K."""
    arm = running.arms.get(position=1)
    predictions.record([row(1, arm.algorithm, arm)], "a")
    return arm


def tally() -> Tally:
    (counted,) = ArmTally.objects.all().by_arm().values()
    return counted


def test_a_label_is_stored_and_counted(arm: Arm) -> None:
    said = feedback.record(1, "<=50K")

    assert said.feedback == "<=50K"
    assert MLRequest.objects.get(pk=1).feedback == "<=50K"
    assert tally() == Tally(exposures=1, subjects=1, labelled=1, correct=1)


def test_the_same_label_again_counts_once(arm: Arm) -> None:
    for _ in range(3):
        feedback.record(1, ">50K")

    assert tally() == Tally(exposures=1, subjects=1, labelled=1)


def test_a_corrected_label_takes_the_old_one_back(arm: Arm) -> None:
    feedback.record(1, ">50K")
    feedback.record(1, "<=50K")

    assert tally() == Tally(exposures=1, subjects=1, labelled=1, correct=1)


@pytest.mark.parametrize("nothing", ["", None])
def test_a_label_can_be_taken_back(arm: Arm, nothing: str | None) -> None:
    feedback.record(1, "<=50K")
    feedback.record(1, nothing)

    assert MLRequest.objects.get(pk=1).feedback == nothing
    assert tally() == Tally(exposures=1, subjects=1)


def test_a_label_after_the_test_ended_still_counts(arm: Arm, running: ABTest) -> None:
    summary = experiments.stop(running.pk, "tests").summary

    feedback.record(1, "<=50K")

    assert tally() == Tally(exposures=1, subjects=1, labelled=1, correct=1)
    assert ABTest.objects.get().summary == summary


def test_a_prediction_of_no_test_is_labelled_without_being_counted() -> None:
    predictions.record([row(1, registered.algorithm())], "a")

    feedback.record(1, "<=50K")

    assert MLRequest.objects.get().feedback == "<=50K"
    assert ArmTally.objects.count() == 0


def test_a_label_for_an_error_is_kept_and_not_counted(running: ABTest) -> None:
    arm = running.arms.get(position=1)
    failed = row(1, arm.algorithm, arm, response="error", error_code="model_error")
    predictions.record([failed], "a")

    feedback.record(1, "error")

    assert MLRequest.objects.get().feedback == "error"
    assert tally() == Tally(exposures=1, subjects=1, errors=1)


def test_a_number_is_measured_and_not_compared() -> None:
    test = registered.started(registered.pair("regression"))
    arm = test.arms.get(position=1)
    predictions.record([row(1, arm.algorithm, arm, response="150.5")], "a")

    feedback.record(1, "148.5")

    assert tally() == Tally(
        exposures=1, subjects=1, labelled=1, absolute_error=2.0, squared_error=4.0
    )


def test_there_is_nothing_to_say_about_a_prediction_that_never_was() -> None:
    with pytest.raises(MLRequest.DoesNotExist):
        feedback.record(1, "<=50K")


def test_whoever_loses_a_race_looks_again_and_corrects(arm: Arm) -> None:
    """Somebody labels the row between our look and our write."""
    replace = feedback._replace

    def overtaken(request: MLRequest, value: str | None) -> bool:
        with mock.patch.object(feedback, "_replace", replace):
            feedback.record(1, ">50K")
        return replace(request, value)

    with mock.patch.object(feedback, "_replace", side_effect=overtaken):
        feedback.record(1, "<=50K")

    assert MLRequest.objects.get().feedback == "<=50K"
    assert tally() == Tally(exposures=1, subjects=1, labelled=1, correct=1)


@pytest.mark.parametrize("other", ["A", "a ", "á"])
def test_a_label_that_almost_is_the_old_one_is_another(arm: Arm, other: str) -> None:
    """Some databases would say that it is the same, and the tally would take back what it lacks."""
    feedback.record(1, "a")
    stale = MLRequest.objects.select_related("arm").get()
    feedback.record(1, other)

    assert not feedback._replace(stale, ">50K")


def test_a_row_that_never_holds_still_is_given_up(arm: Arm) -> None:
    with (
        mock.patch.object(feedback, "_replace", return_value=False),
        pytest.raises(Raced, match="prediction 1 keeps changing"),
    ):
        feedback.record(1, "<=50K")


@pytest.mark.django_db(transaction=True)
def test_many_labels_at_once_leave_what_a_recount_finds() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.get(position=1)
    predictions.record([row(at, arm.algorithm, arm) for at in range(1, 11)], "a")

    def label(offset: int) -> None:
        for step in range(20):
            feedback.record((step + offset) % 10 + 1, ("<=50K", ">50K", "")[(step + offset) % 3])
        connection.close()

    threads = [threading.Thread(target=label, args=(at,)) for at in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    labels = list(MLRequest.objects.values_list("feedback", flat=True))
    labelled = sum(label != "" for label in labels)
    assert tally() == Tally(
        exposures=10, subjects=10, labelled=labelled, correct=labels.count("<=50K")
    )


# -- many at once ----------------------------------------------------------------------------------


def test_many_labels_at_once_count_as_one_by_one(running: ABTest, arm: Arm) -> None:
    predictions.record([row(at, arm.algorithm, arm) for at in range(2, 251)], "a")
    labels = {at: "<=50K" if at % 2 else ">50K" for at in range(1, 251)}

    assert set(feedback.record_many({**labels, 999: "x"})) == set(labels)
    assert tally() == Tally(exposures=250, subjects=250, labelled=250, correct=125)
    feedback.record_many(labels)
    feedback.record_many(dict.fromkeys(range(1, 101), ""))

    assert tally() == Tally(exposures=250, subjects=250, labelled=150, correct=75)
    assert [line.differences for line in recount.recount(running.pk)] == [{}, {}]


def test_of_a_subject_one_of_many_labels_counts(running: ABTest, arm: Arm) -> None:
    predictions.record([row(at, arm.algorithm, arm, subject="ada") for at in (2, 3, 4)], "a")
    feedback.record_many({2: "<=50K", 3: ">50K", 4: ">50K"})

    assert (tally().labelled, tally().correct) == (1, 1)
    assert [line.differences for line in recount.recount(running.pk)] == [{}, {}]


@pytest.mark.django_db(transaction=True)
def test_many_who_label_at_once_lose_nothing(running: ABTest, arm: Arm) -> None:
    rows = [row(at, arm.algorithm, arm, subject=f"s{at % 40}") for at in range(2, 201)]
    predictions.record(rows, "a")

    def label(first: int) -> None:
        for start in range(first, 200, 40):
            feedback.record_many(dict.fromkeys(range(start, start + 60), "<=50K"))

    assert at_once(*(partial(label, first) for first in (1, 11, 21))) == []
    assert tally().labelled == 41  # a subject's one, and the request without
    assert [line.differences for line in recount.recount(running.pk)] == [{}, {}]


@pytest.mark.parametrize("seed", seeds(4))
@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SHADOW])
def test_many_at_once_count_what_one_by_one_would(seed: int, mode: Mode) -> None:
    test = registered.started(registered.pair(), mode=mode)
    champion, other = test.arms.order_by("position")
    dice = random.Random(seed)
    for request_id in range(1, 121):
        subject = dice.choice(["", f"s{dice.randrange(20)}"])
        mine = champion if mode is Mode.SHADOW or not subject or int(subject[1:]) % 2 else other
        predictions.record([row(request_id, mine.algorithm, mine, subject=subject)], "a")
        if mode is Mode.SHADOW:
            shadows.record([row(request_id, other.algorithm, other, response=">50K")], "a")
    for _ in range(12):
        ids = dice.sample(range(1, 121), dice.randrange(1, 60))
        labels = {at: dice.choice(("<=50K", ">50K", "", None)) for at in ids}
        feedback.record_many(labels)

    assert [line.differences for line in recount.recount(test.pk)] == [{}, {}]
    assert MLRequest.objects.exclude(feedback="").exclude(feedback=None).count() > 40
