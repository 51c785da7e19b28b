"""A subject counts once in a phase, and one of its labels, whatever comes or is corrected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from inference.core.assignment import bucket, subject_hash
from inference.core.tally import Tally
from inference.models import ABTest, Arm, ArmTally, Exposure
from inference.services import dialects, exposures, feedback, predictions
from inference.services.dialects import portable
from inference.services.dialects.base import First, New
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db

RIGHT, WRONG = "<=50K", ">50K"


@pytest.fixture
def running() -> ABTest:
    return registered.started(registered.pair(), weights=[3, 1])


@pytest.fixture
def arm(running: ABTest) -> Arm:
    return running.arms.select_related("algorithm", "abtest").get(position=1)


def predicted(arm: Arm, *subjects: str, start: int = 1, shard: str = "a") -> None:
    rows = [row(at, arm.algorithm, arm, subject=each) for at, each in enumerate(subjects, start)]
    predictions.record(rows, shard)


def tally() -> Tally:
    return sum(ArmTally.objects.all().by_arm().values(), Tally())


# -- who was seen ----------------------------------------------------------------------------------


def test_a_subject_is_written_once_and_counted_once(path: str, arm: Arm) -> None:
    predicted(arm, "ann", "ann", "bob")
    predicted(arm, "ann", "eve", start=10)

    assert tally() == Tally(exposures=5, subjects=3)
    assert {each.subject for each in Exposure.objects.all()} == {
        subject_hash(arm.abtest.salt, name) for name in ("ann", "bob", "eve")
    }


def test_an_exposure_says_the_arm_the_bucket_and_the_propensity(path: str, arm: Arm) -> None:
    predicted(arm, "ann")

    seen = Exposure.objects.get()
    assert (seen.abtest_id, seen.phase, seen.arm_id) == (arm.abtest_id, 1, arm.pk)
    assert seen.bucket == bucket(arm.abtest.salt, "ann")
    assert (seen.propensity, seen.labelled) == (0.75, None)


def test_a_request_without_a_subject_is_a_unit_of_its_own(path: str, arm: Arm) -> None:
    predicted(arm, "", "", "ann")

    assert tally() == Tally(exposures=3, subjects=3)
    assert Exposure.objects.count() == 1


@pytest.mark.parametrize("subject", ["a", "A", "a ", "á", "张伟", "👩‍🔬"])
def test_names_that_almost_are_the_same_are_others(path: str, arm: Arm, subject: str) -> None:
    predicted(arm, subject, "another")

    assert Exposure.objects.count() == 2


def test_a_large_batch_of_subjects_is_written_whole(path: str, arm: Arm) -> None:
    predicted(arm, *(f"s{n}" for n in range(600)))
    predicted(arm, *(f"s{n}" for n in range(300, 900)), start=1000)

    assert tally() == Tally(exposures=1200, subjects=900)
    assert Exposure.objects.count() == 900


def test_the_same_name_in_another_test_is_somebody_else(path: str, arm: Arm) -> None:
    other = registered.started(registered.pair(endpoint="digits")).arms.get(position=1)
    rows = [
        row(1, arm.algorithm, arm, subject="ann"),
        row(2, other.algorithm, other, subject="ann"),
    ]

    predictions.record(rows, "a")

    assert ArmTally.objects.all().by_arm() == {
        arm.pk: Tally(exposures=1, subjects=1),
        other.pk: Tally(exposures=1, subjects=1),
    }


def test_rows_that_are_there_expose_nobody(path: str, arm: Arm) -> None:
    predicted(arm, "ann")
    predicted(arm, "bob")  # under the same id

    assert tally() == Tally(exposures=1, subjects=1)
    assert Exposure.objects.count() == 1


def test_who_is_written_down_by_another_between_look_and_write_counts_once(
    arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    predicted(arm, "ann")
    monkeypatch.setattr(dialects, "current", lambda: portable)
    look, looks = portable._unseen, iter([False])
    # As if it had been looked before the other one committed.
    monkeypatch.setattr(
        portable, "_unseen", lambda those: look(those) if next(looks, True) else those
    )

    predicted(arm, "ann", "bob", start=10)

    assert tally() == Tally(exposures=3, subjects=2)


def test_what_cannot_be_written_for_another_reason_is_said(
    arm: Arm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "current", lambda: portable)
    bad = First(arm.abtest_id, 1, 5, arm.pk, None, 0.5, 1)  # type: ignore[arg-type]  # on purpose

    with pytest.raises(IntegrityError), transaction.atomic():
        portable.expose([bad])


@pytest.mark.django_db(transaction=True)
def test_whom_this_process_wrote_down_is_not_brought_again(monkeypatch: pytest.MonkeyPatch) -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)
    brought: list[int] = []
    expose = dialects.current().expose

    def heard(firsts: Sequence[First]) -> Sequence[New]:
        brought.append(len(firsts))
        return expose(firsts)

    monkeypatch.setattr(dialects.current(), "expose", heard)
    monkeypatch.setattr(exposures, "_REMEMBERED", 4)
    exposures._written.clear()
    predicted(arm, "ann", "bob")
    predicted(arm, "ann", "bob", start=10)
    predicted(arm, "ann", "eve", start=20)
    predicted(arm, "a", "b", "c", start=30)  # more than can be remembered
    predicted(arm, "ann", "c", start=40)

    assert brought == [2, 1, 3, 1]
    assert tally() == Tally(exposures=11, subjects=6)


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_brought_again() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)
    with transaction.atomic():
        predicted(arm, "ann")
        transaction.set_rollback(True)

    predicted(arm, "ann")

    assert tally() == Tally(exposures=1, subjects=1)
    assert Exposure.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_writers_that_meet_count_each_subject_once() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)

    def write(writer: int) -> None:
        for turn in range(10):
            names = [f"s{n}" for n in range(turn * 10, turn * 10 + 40)]
            names = names[writer:] + names[:writer]
            start = 1 + writer * 10_000 + turn * 100
            predicted(arm, *names, start=start, shard=f"shard {writer}")

    assert at_once(*(partial(write, at) for at in range(4))) == []

    assert Exposure.objects.count() == 130
    assert tally() == Tally(exposures=1600, subjects=130)


# -- whose label counts ----------------------------------------------------------------------------


@pytest.fixture
def three(arm: Arm) -> Arm:
    """Predictions 1, 2 and 3 of one subject, that all said <=50K."""
    predicted(arm, "ann", "ann", "ann")
    return arm


def labelled() -> tuple[int, int]:
    counted = tally()
    return counted.labelled, counted.correct


def holder() -> int | None:
    return Exposure.objects.values_list("labelled", flat=True).get()


@pytest.mark.usefixtures("three")
def test_only_the_first_label_of_a_subject_counts() -> None:
    feedback.record(2, WRONG)
    feedback.record(1, RIGHT)
    feedback.record(3, RIGHT)

    assert (labelled(), holder()) == ((1, 0), 2)


@pytest.mark.usefixtures("three")
def test_the_label_that_counts_can_be_corrected_and_the_others_change_nothing() -> None:
    feedback.record(2, WRONG)
    feedback.record(1, WRONG)
    feedback.record(1, RIGHT)
    assert labelled() == (1, 0)

    feedback.record(2, RIGHT)
    feedback.record(2, RIGHT)

    assert (labelled(), holder()) == ((1, 1), 2)


@pytest.mark.usefixtures("three")
@pytest.mark.parametrize("nothing", ["", None])
def test_a_label_that_is_taken_back_frees_the_place_for_the_next_to_arrive(
    nothing: str | None,
) -> None:
    feedback.record(1, RIGHT)
    feedback.record(2, RIGHT)
    feedback.record(1, nothing)
    assert (labelled(), holder()) == ((0, 0), None)

    feedback.record(3, WRONG)
    feedback.record(2, WRONG)

    assert (labelled(), holder()) == ((1, 0), 3)


@pytest.mark.usefixtures("three")
def test_a_label_that_was_passed_over_takes_the_free_place_when_it_is_corrected() -> None:
    feedback.record(1, RIGHT)
    feedback.record(2, WRONG)
    feedback.record(1, "")

    feedback.record(2, RIGHT)

    assert (labelled(), holder()) == ((1, 1), 2)


def test_a_label_that_says_nothing_takes_no_place(arm: Arm) -> None:
    failed = row(1, arm.algorithm, arm, subject="ann", response="error", error_code="model_error")
    predictions.record([failed, row(2, arm.algorithm, arm, subject="ann")], "a")

    feedback.record(1, RIGHT)
    assert (labelled(), holder()) == ((0, 0), None)
    feedback.record(2, RIGHT)

    assert (labelled(), holder()) == ((1, 1), 2)


def test_labels_of_requests_without_a_subject_all_count(arm: Arm) -> None:
    predicted(arm, "", "", "ann")
    for at in (1, 2, 3):
        feedback.record(at, RIGHT)

    assert labelled() == (3, 3)


@pytest.mark.usefixtures("three")
def test_a_prediction_from_before_exposures_were_kept_counts_for_itself() -> None:
    Exposure.objects.all().delete()

    feedback.record(1, RIGHT)
    feedback.record(2, WRONG)
    feedback.record(2, "")

    assert labelled() == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_of_many_labels_of_a_subject_at_once_one_counts() -> None:
    test = registered.started(registered.pair())
    arm = test.arms.select_related("algorithm").get(position=1)
    predicted(arm, *["ann"] * 12)

    def label(offset: int) -> None:
        for step in range(12):
            at = (step * 5 + offset) % 12 + 1
            feedback.record(at, (RIGHT, WRONG, "")[(step + offset) % 3])
        feedback.record(offset + 1, RIGHT)

    assert at_once(*(partial(label, at) for at in range(3))) == []

    counts = tally()
    kept = holder()
    if kept is None:
        assert (counts.labelled, counts.correct) == (0, 0)
    else:
        said = arm.requests.get(pk=kept).feedback
        assert (counts.labelled, counts.correct) == (1, int(said == RIGHT))
