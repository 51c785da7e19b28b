"""Labels by the value of a field: counted when they come, reversed when they are corrected."""

from __future__ import annotations

import json
import random
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inference import readouts
from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.segments import MOST
from inference.models import ABTest, ArmTally, SegmentTally
from inference.services import experiments, feedback, predictions, recount, segments, shadows
from tests.inference import registered
from tests.inference.registered import algorithm, row
from tests.inference.test_recount import said
from tests.inference.threads import at_once
from tests.seeds import seeds

pytestmark = pytest.mark.django_db

STATE = "state"


def schema() -> dict[str, Any]:
    whole = registered.schema()
    return whole | {"features": [*whole["features"], {"name": STATE, "kind": "number"}]}


def started(mode: Mode = Mode.SPLIT, **agreed: Any) -> ABTest:
    arms = [(algorithm(name, schema=schema()), 1) for name in ("forest", "trees")]
    return experiments.start("t", "tests", arms, mode=mode, segment=STATE, **agreed)


def predicted(test: ABTest, request_id: int, state: object, place: int = 0, **other: Any) -> None:
    arm = list(test.arms.select_related("algorithm"))[place]
    given = {"input_data": json.dumps({"age": 37, STATE: state}), **other}
    predictions.record([row(request_id, arm.algorithm, arm, **given)], "a")


def counts(test: ABTest) -> dict[tuple[str, int], tuple[int, int]]:
    rows = SegmentTally.objects.filter(arm__abtest=test)
    found = rows.values_list("segment", "arm__position", "labelled", "correct")
    return {(name, position): (labelled, right) for name, position, labelled, right in found}


def differing(test: ABTest) -> list[tuple[str, list[str]]]:
    lines = recount.recount(test.pk)
    return [(line.segment, list(line.differences)) for line in lines if line.differences]


def test_a_test_cannot_be_split_by_what_rows_do_not_have() -> None:
    first, second = registered.pair()

    with pytest.raises(ExperimentInvalid, match="no field 'state'") as refused:
        experiments.start("t", "tests", [(first, 1), (second, 1)], segment=STATE)

    assert refused.value.field == "segment"
    assert not ABTest.objects.exists()


def test_rest_takes_the_field_and_says_what_is_wrong_with_it() -> None:
    arms = [{"algorithm": algorithm(name, schema=schema()).pk} for name in ("forest", "trees")]
    given = {"title": "t", "created_by": "ann", "arms": arms}

    def post(field: str) -> Any:
        body = given | {"segment": field}
        return Client().post("/api/v1/abtests", body, content_type="application/json")

    refused, started = post("colour"), post(STATE)

    assert refused.status_code == 400
    assert refused.json()["segment"] == ["The rows have no field 'colour' to split the labels by."]
    assert (started.status_code, started.json()["segment"]) == (201, STATE)


def test_a_test_without_segments_counts_none() -> None:
    test = registered.started(registered.pair())
    predicted(test, 1, "Ohio")
    feedback.record(1, "<=50K")

    assert counts(test) == {}
    assert readouts.experiment_snapshot(test.pk)["segments"] is None


def test_a_label_counts_in_its_segment_and_nothing_is_counted_before_it_comes() -> None:
    test = started()
    predicted(test, 1, "Ohio")
    predicted(test, 2, None, place=1)
    predicted(test, 3, 7, place=1, input_data="[37, 7.0]")
    assert counts(test) == {}

    for at, label in ((1, "<=50K"), (2, ">50K"), (3, "<=50K")):
        feedback.record(at, label)

    assert counts(test) == {("Ohio", 1): (1, 1), ("missing", 2): (1, 0), ("7", 2): (1, 1)}


def test_a_corrected_label_reverses_its_old_count_and_one_taken_back_too() -> None:
    test = started()
    predicted(test, 1, "Ohio")

    for label, expected in (("<=50K", (1, 1)), (">50K", (1, 0)), (">50K", (1, 0)), ("", (0, 0))):
        feedback.record(1, label)
        assert counts(test) == {("Ohio", 1): expected}


def test_a_second_label_of_a_subject_counts_nowhere() -> None:
    test = started()
    predicted(test, 1, "Ohio", subject="ann")
    predicted(test, 2, "Utah", subject="ann")

    feedback.record(1, "<=50K")
    feedback.record(2, "<=50K")

    assert counts(test) == {("Ohio", 1): (1, 1)}


def test_what_comes_after_the_most_that_there_may_be_is_other_for_good() -> None:
    test = started()
    for at in range(MOST + 3):
        predicted(test, at + 1, f"state {at}", place=at % 2)
        feedback.record(at + 1, "<=50K")
    predicted(test, 1000, "state 0", place=1)
    predicted(test, 1001, "state 51")
    predicted(test, 1002, None)
    for at in (1000, 1001, 1002):
        feedback.record(at, "<=50K")
    feedback.record(51, "")

    names = {name for name, _ in counts(test)}
    assert len(names) == MOST + 2
    assert (counts(test)["other", 1], counts(test)["other", 2]) == ((2, 2), (1, 1))
    assert (counts(test)["state 0", 1], counts(test)["state 0", 2]) == ((1, 1), (1, 1))
    assert differing(test) == []


@pytest.mark.parametrize("seed", seeds(3))
def test_a_recount_finds_the_same_whatever_was_labelled_and_corrected(seed: int) -> None:
    test = started()
    dice = random.Random(seed)
    for turn in range(3):
        for at in range(turn * 100 + 1, turn * 100 + 60):
            state = dice.choice(["Ohio", "Utah", 3, None, dice.randrange(200)])
            subject = dice.choice(["", f"s{dice.randrange(6)}"])
            arms = ABTest.objects.get(pk=test.pk).current
            where = (turn * 2) + (int(subject[1:]) if subject else at) % len(arms)
            failed = {"response": "error", "error_code": "model_error"} if at % 9 == 0 else {}
            predicted(test, at, state, place=where, subject=subject, **failed)
            for _ in range(2):
                feedback.record(
                    turn * 100 + dice.randint(1, at - turn * 100), dice.choice(["<=50K", "x", ""])
                )
        experiments.reweight(test.pk, [turn + 2, 1], "tests")

    assert differing(test) == []
    assert sum(labelled for labelled, _ in counts(test).values()) > 15


@pytest.mark.parametrize("name", ["labelled", "correct"])
def test_one_unit_too_many_in_a_segment_is_found_and_repaired(name: str) -> None:
    test = started()
    predicted(test, 1, "Ohio")
    feedback.record(1, "<=50K")
    SegmentTally.objects.update(**{name: F(name) + 1})
    SegmentTally.objects.create(arm=test.arms.get(position=2), segment="Utah", labelled=5)

    assert differing(test) == [("Ohio", [name]), ("Utah", ["labelled"])]
    with pytest.raises(SystemExit):
        said(test)
    words = said(test, "--repair")

    assert f"phase 1, arm 1, segment Ohio, {name}: counted 2, the log says 1" in words
    assert counts(test) == {("Ohio", 1): (1, 1), ("Utah", 2): (0, 0)}
    assert said(test).endswith("agree.\n")


def test_a_segment_that_was_lost_comes_back() -> None:
    test = started()
    predicted(test, 1, "Ohio")
    feedback.record(1, "<=50K")
    SegmentTally.objects.all().delete()

    assert differing(test) == [("Ohio", ["labelled", "correct"])]
    said(test, "--repair")

    assert counts(test) == {("Ohio", 1): (1, 1)}


@pytest.mark.parametrize("label_first", [True, False])
def test_pairs_of_a_shadow_test_count_in_the_segment_of_the_input(label_first: bool) -> None:
    test = started(Mode.SHADOW)
    challenger = test.arms.select_related("algorithm").get(position=2)
    shadow = row(1, challenger.algorithm, challenger, response=">50K")
    predicted(test, 1, "Ohio")
    if label_first:
        feedback.record(1, "<=50K")
        shadows.record([shadow], "a")
    else:
        shadows.record([shadow], "a")
        feedback.record(1, "<=50K")

    assert counts(test) == {("Ohio", 1): (1, 1), ("Ohio", 2): (1, 0)}
    assert SegmentTally.objects.get(arm=challenger).behind == 1
    assert differing(test) == []

    feedback.record(1, ">50K")
    assert counts(test) == {("Ohio", 1): (1, 0), ("Ohio", 2): (1, 1)}
    assert differing(test) == []


def test_the_snapshot_shows_each_segment_with_its_arms_and_what_follows() -> None:
    test = started()
    one, two = test.current
    parts = [("Utah", two, 300, 250), ("Ohio", one, 50, 20), ("Utah", one, 300, 100)]
    for name, arm, labelled, correct in parts:
        SegmentTally.objects.create(arm=arm, segment=name, labelled=labelled, correct=correct)

    utah, ohio = readouts.experiment_snapshot(test.pk)["segments"]

    assert (utah["segment"], utah["verdict"]) == ("Utah", "trees 0.0.1 is better.")
    assert utah["arms"] == [
        {"arm": one.pk, "labelled": 300, "score": pytest.approx(1 / 3)},
        {"arm": two.pk, "labelled": 300, "score": pytest.approx(5 / 6)},
    ]
    assert utah["evidence"]["difference"] == pytest.approx(0.5)
    assert (ohio["segment"], ohio["evidence"], ohio["verdict"]) == (
        "Ohio",
        None,
        "Collecting labels.",
    )
    assert ohio["arms"][1] == {"arm": two.pk, "labelled": 0, "score": None}
    shown = Client().get(f"/api/v1/abtests/{test.pk}/live").json()
    assert shown["segments"] == json.loads(json.dumps([utah, ohio]))


def test_a_new_phase_begins_without_segments_and_with_all_of_alpha() -> None:
    test = started()
    predicted(test, 1, "Ohio")
    feedback.record(1, "<=50K")
    experiments.reweight(test.pk, [1, 2], "tests")

    assert readouts.experiment_snapshot(test.pk)["segments"] == []

    predicted(test, 2, "Utah", place=2)
    feedback.record(2, "<=50K")
    (found,) = readouts.experiment_snapshot(test.pk)["segments"]
    assert found["segment"] == "Utah"


def test_any_number_of_segments_takes_one_query_more() -> None:
    test = started()

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            readouts.experiment_snapshot(test.pk)
        return len(captured)

    before = queries()
    for at in range(20):
        for arm in test.current:
            SegmentTally.objects.create(arm=arm, segment=str(at), labelled=200, correct=100 + at)

    assert (before, queries()) == (7, 7)


@pytest.mark.django_db(transaction=True)
def test_many_who_bring_new_values_at_once_bring_no_more_than_there_may_be() -> None:
    """Nor does one of them wait for another who waits for him."""
    test = started()
    writers, each = 4, 20
    for at in range(writers * each):
        predicted(test, at + 1, f"state {at}", place=at % 2)

    def label(writer: int) -> None:
        for at in range(writer * each, (writer + 1) * each):
            feedback.record(at + 1, "<=50K")

    assert at_once(*(partial(label, writer) for writer in range(writers))) == []

    assert len(segments.values(test)) == MOST
    assert sum(labelled for labelled, _ in counts(test).values()) == writers * each
    assert sum(ArmTally.objects.values_list("labelled", flat=True)) == writers * each
    assert differing(test) == []
