"""A test starts whole or not at all, and a stop does what its rule said, once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from unittest import mock

import pytest
from django.db import connection

from inference import readouts
from inference.core.errors import ExperimentInvalid, Raced, TransitionRefused
from inference.core.graphs import Graph
from inference.core.lifecycle import Rule, Status
from inference.core.signature import Spec
from inference.core.types import LogMode
from inference.models import (
    ABTest,
    Arm,
    ArmTally,
    Exposure,
    MLAlgorithm,
    MLRequest,
    RegistryState,
    measured,
)
from inference.services import experiments, feedback, models, predictions
from inference.services.experiments import Stopped
from tests.inference import registered
from tests.inference.registered import algorithm, row, status_of
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db


def labelled(arm: Arm, correct: int, wrong: int, start: int = 1) -> None:
    """Predictions of this arm with their labels."""
    ids = range(start, start + correct + wrong)
    predictions.record([row(at, arm.algorithm, arm) for at in ids], "a")
    for place, at in enumerate(ids):
        feedback.record(at, "<=50K" if place < correct else ">50K")


def arms_of(test: ABTest) -> list[Arm]:
    return list(test.arms.order_by("position"))


# -- start -----------------------------------------------------------------------------------------


def test_a_started_test_holds_its_arms_and_how_they_stood() -> None:
    first, second = registered.pair()

    test = experiments.start("t", "me", [(first, 3), (second, 1)], Rule.EVIDENCE)

    assert (test.title, test.created_by, test.endpoint.name, test.rule) == (
        "t",
        "me",
        "income",
        "evidence",
    )
    assert (test.ended_at, test.summary, len(test.salt)) == (None, None, 32)
    assert [(a.position, a.algorithm, a.weight, a.status_before) for a in arms_of(test)] == [
        (1, first, 3, "production"),
        (2, second, 1, "testing"),
    ]
    assert (status_of(first), status_of(second)) == ("ab_testing", "ab_testing")


def test_every_test_has_a_salt_of_its_own() -> None:
    one = registered.started(registered.pair(endpoint="income"))
    other = registered.started(registered.pair(endpoint="digits"))

    assert one.salt != other.salt


Arms = Callable[[], Sequence[tuple[MLAlgorithm, int]]]


def same_twice() -> Sequence[tuple[MLAlgorithm, int]]:
    first, _ = registered.pair()
    return [(first, 1), (first, 1)]


def of_two_endpoints() -> Sequence[tuple[MLAlgorithm, int]]:
    return [(algorithm(endpoint="income"), 1), (algorithm(endpoint="digits"), 1)]


def of_two_kinds() -> Sequence[tuple[MLAlgorithm, int]]:
    return [
        (algorithm("classifier"), 1),
        (algorithm("regressor", schema=registered.schema("regression")), 1),
    ]


def without_weight() -> Sequence[tuple[MLAlgorithm, int]]:
    first, second = registered.pair()
    return [(first, 1), (second, 0)]


def overweight() -> Sequence[tuple[MLAlgorithm, int]]:
    first, second = registered.pair()
    return [(first, 1), (second, 1_000_001)]


def gone() -> Sequence[tuple[MLAlgorithm, int]]:
    first, second = registered.pair()
    MLAlgorithm.objects.filter(pk=second.pk).delete()
    return [(first, 1), (second, 1)]


def of_other_tensors() -> list[tuple[MLAlgorithm, int]]:
    """A graph against a table of the same task, which take nothing in common."""
    graph = Graph((Spec("x", "FP32", (-1, 2)),), (Spec("p", "FP32", (-1, 3)),))
    table = algorithm(schema=registered.schema("multiclass"))
    return [(table, 1), (algorithm("graph", schema=graph.to_json()), 1)]


def of_other_shapes() -> list[tuple[MLAlgorithm, int]]:
    scores = (Spec("p", "FP32", (-1, 3)),)
    wide, narrow = (Graph((Spec("x", "FP32", (-1, n)),), scores) for n in (3, 2))
    rows = [algorithm(f"graph {n}", schema=g.to_json()) for n, g in enumerate((wide, narrow))]
    return [(row, 1) for row in rows]


@pytest.mark.parametrize(
    ("arms", "sentence"),
    [
        (of_other_tensors, "the same tensors"),
        (of_other_shapes, "the same tensors"),
        (same_twice, "same algorithm cannot be two arms"),
        (of_two_endpoints, "same endpoint"),
        (of_two_kinds, "same kind of target"),
        (without_weight, "whole number from 1"),
        (overweight, "whole number from 1 to 1000000"),
        (gone, "no algorithm"),
    ],
)
def test_arms_that_do_not_go_together_are_refused_by_their_place(arms: Arms, sentence: str) -> None:
    with pytest.raises(ExperimentInvalid, match=sentence) as refused:
        experiments.start("t", "me", arms())

    assert refused.value.row == 1
    assert ABTest.objects.count() == 0
    assert not MLAlgorithm.objects.filter(current_status="ab_testing").exists()


@pytest.mark.parametrize("count", [0, 1, 17])
def test_a_test_has_two_arms_or_more_but_not_any_number(count: int) -> None:
    rows = [(algorithm(f"model {at}"), 1) for at in range(count)]

    with pytest.raises(ExperimentInvalid, match="2 to 16 arms"):
        experiments.start("t", "me", rows)


def test_an_endpoint_runs_one_test_at_a_time() -> None:
    first, second = registered.pair()
    running = registered.started([first, second])
    others = [(algorithm("a"), 1), (algorithm("b"), 1)]

    with pytest.raises(ExperimentInvalid, match=f"Test {running.pk} is already running"):
        experiments.start("t", "me", others)


def test_a_retired_algorithm_is_no_arm() -> None:
    first, second = registered.pair()
    models.algorithm_set_status(second.pk, Status.RETIRED, by="me")

    with pytest.raises(TransitionRefused):
        experiments.start("t", "me", [(first, 1), (second, 1)])

    assert status_of(first) == "production"


def test_nothing_would_be_counted_where_nothing_is_logged() -> None:
    first, second = registered.pair()
    models.endpoint_set_log_mode(first.parent_endpoint_id, LogMode.OFF, by="me")

    with pytest.raises(ExperimentInvalid, match="log of this endpoint is off"):
        experiments.start("t", "me", [(first, 1), (second, 1)])

    assert status_of(first) == "production"


def test_a_log_is_not_switched_off_under_a_running_test() -> None:
    test = registered.started(registered.pair())

    with pytest.raises(TransitionRefused, match=f"test {test.pk} runs"):
        models.endpoint_set_log_mode(test.endpoint_id, LogMode.OFF, by="me")

    assert models.endpoint_set_log_mode(test.endpoint_id, LogMode.FAST, by="me")
    experiments.stop(test.pk, by="me")
    assert models.endpoint_set_log_mode(test.endpoint_id, LogMode.OFF, by="me")


@pytest.mark.django_db(transaction=True)
def test_of_two_tests_that_start_at_once_one_runs() -> None:
    rows = [algorithm(f"model {at}") for at in range(4)]
    refused: list[Exception] = []

    def start(arms: Sequence[MLAlgorithm]) -> None:
        try:
            registered.started(arms)
        except ExperimentInvalid as error:
            refused.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=start, args=(arms,)) for arms in (rows[:2], rows[2:])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(refused) == 1
    assert ABTest.objects.filter(ended_at=None).count() == 1
    assert MLAlgorithm.objects.filter(current_status="ab_testing").count() == 2


# -- stop ------------------------------------------------------------------------------------------


def test_the_higher_accuracy_goes_to_production_and_the_summary_says_both() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])
    one, other = arms_of(test)
    labelled(one, 7, 2)
    labelled(other, 4, 1, start=100)

    stopped = experiments.stop(test.pk, "me")

    assert stopped == Stopped(
        "AB Test finished.",
        "Algorithm #1 accuracy: 0.7777777777777778, Algorithm #2 accuracy: 0.8",
    )
    assert (status_of(first), status_of(second)) == ("testing", "production")
    test.refresh_from_db()
    assert (test.summary, test.ended_by, test.outcome) == (stopped.summary, "me", "arm 2 promoted")
    assert test.ended_at is not None


def test_a_tie_keeps_the_first() -> None:
    first, second = registered.pair()
    test = registered.started([second, first])
    one, other = arms_of(test)
    labelled(one, 1, 1)
    labelled(other, 2, 2, start=100)

    experiments.stop(test.pk, "me")

    assert (status_of(second), status_of(first)) == ("production", "testing")


def test_what_failed_or_has_no_label_does_not_count_as_wrong() -> None:
    test = registered.started(registered.pair())
    one, other = arms_of(test)
    labelled(one, 1, 0)
    labelled(other, 1, 1, start=100)
    failed = {"response": "error", "error_code": "row_invalid"}
    predictions.record([row(50, one.algorithm, one), row(51, one.algorithm, one, **failed)], "a")

    assert experiments.stop(test.pk, "me").summary == (
        "Algorithm #1 accuracy: 1.0, Algorithm #2 accuracy: 0.5"
    )


def test_a_test_without_data_can_be_stopped_and_puts_everything_back() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])

    stopped = experiments.stop(test.pk, "me")

    assert stopped.summary == "Algorithm #1 accuracy: no data, Algorithm #2 accuracy: no data"
    assert (status_of(first), status_of(second)) == ("production", "testing")
    assert ABTest.objects.get().outcome == "nobody promoted"


def test_an_arm_without_labels_keeps_anybody_from_being_promoted() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])
    labelled(arms_of(test)[1], 3, 0)

    stopped = experiments.stop(test.pk, "me")

    assert stopped.summary == "Algorithm #1 accuracy: no data, Algorithm #2 accuracy: 1.0"
    assert (status_of(first), status_of(second)) == ("production", "testing")


def test_stopping_again_says_the_summary_again_and_moves_nothing() -> None:
    test = registered.started(registered.pair())
    summary = experiments.stop(test.pk, "me").summary
    ended = ABTest.objects.get().ended_at
    version = RegistryState.objects.get().version

    assert experiments.stop(test.pk, "you") == Stopped("AB Test already finished.", summary)
    assert ABTest.objects.get().ended_at == ended
    assert RegistryState.objects.get().version == version


@pytest.mark.parametrize("rule", [Rule.EVIDENCE, Rule.NONE])
def test_other_rules_promote_nobody_on_a_handful_of_labels(rule: Rule) -> None:
    first, second = registered.pair()
    test = registered.started([first, second], rule)
    one, other = arms_of(test)
    labelled(one, 1, 4)
    labelled(other, 5, 0, start=100)

    experiments.stop(test.pk, "me")

    assert (status_of(first), status_of(second)) == ("production", "testing")


def test_more_than_two_arms_and_what_a_winner_displaces() -> None:
    """The algorithm in production was no arm; the winner takes its place all the same."""
    incumbent, first = registered.pair()
    second, third = algorithm("a"), algorithm("b")
    test = registered.started([first, second, third])
    for place, arm in enumerate(arms_of(test)):
        labelled(arm, place, 2 - place, start=place * 100 + 1)

    stopped = experiments.stop(test.pk, "me")

    assert stopped.summary == (
        "Algorithm #1 accuracy: 0.0, Algorithm #2 accuracy: 0.5, Algorithm #3 accuracy: 1.0"
    )
    assert status_of(third) == "production"
    assert [status_of(each) for each in (incumbent, first, second)] == ["testing"] * 3


def test_a_regression_is_summed_up_by_its_error() -> None:
    test = registered.started(registered.pair("regression"))
    one, other = arms_of(test)
    predictions.record([row(1, one.algorithm, one, response="10")], "a")
    predictions.record([row(2, other.algorithm, other, response="10")], "a")
    feedback.record(1, "12.5")
    feedback.record(2, "11")

    assert experiments.stop(test.pk, "me").summary == (
        "Algorithm #1 mean absolute error: 2.5, Algorithm #2 mean absolute error: 1.0"
    )
    assert ABTest.objects.get().outcome == "arm 2 promoted"


def test_what_was_known_at_the_stop_is_kept() -> None:
    test = registered.started(registered.pair())

    experiments.stop(test.pk, "me")

    evidence = ABTest.objects.get().evidence
    assert evidence is not None
    assert evidence["code"] == "no_data"
    assert evidence["sentence"].startswith("No predictions yet.")


def test_a_test_that_is_not_there_cannot_be_stopped() -> None:
    with pytest.raises(ABTest.DoesNotExist):
        experiments.stop(99, "me")


def test_a_stop_that_comes_second_finds_it_done() -> None:
    """Somebody stops the test after we looked and before our transaction."""
    test = registered.started(registered.pair())
    stop = experiments._stop

    def overtaken(abtest_id: int, by: str, why: str) -> Stopped:
        stop(abtest_id, "somebody else", why)
        return stop(abtest_id, by, why)

    with mock.patch.object(experiments, "_stop", side_effect=overtaken):
        assert experiments.stop(test.pk, "me").message == "AB Test already finished."

    assert ABTest.objects.get().ended_by == "somebody else"


def test_an_end_is_written_once() -> None:
    """The last line of defence, should a database not make the two wait for each other."""
    test = registered.started(registered.pair())
    running = ABTest.objects.get(pk=test.pk)
    experiments.stop(test.pk, "me")

    with (
        mock.patch.object(ABTest.objects, "get", return_value=running),
        pytest.raises(Raced, match="stopped meanwhile"),
    ):
        experiments.stop(test.pk, "you")


def test_a_test_can_be_called_something_else() -> None:
    test = registered.started(registered.pair())

    experiments.rename(test.pk, title="better", created_by="you")

    assert ABTest.objects.values_list("title", "created_by").get() == ("better", "you")


# -- another weight --------------------------------------------------------------------------------


def test_a_re_weight_begins_a_phase_with_arms_of_its_own() -> None:
    first, second = registered.pair()
    test = registered.started([first, second], weights=[3, 1])

    again = experiments.reweight(test.pk, [1, 4], by="me")

    assert again.phase == 2
    assert [
        (a.phase, a.position, a.algorithm, a.weight, a.propensity) for a in test.arms.all()
    ] == [
        (1, 1, first, 3, 0.75),
        (1, 2, second, 1, 0.25),
        (2, 1, first, 1, 0.2),
        (2, 2, second, 4, 0.8),
    ]
    assert [a.status_before for a in again.current] == ["production", "testing"]
    assert test.reweights.values_list("phase", "made_by").get() == (2, "me")
    assert ABTest.objects.get(pk=test.pk).salt == test.salt


def test_verdict_and_stop_are_about_the_present_phase_and_the_old_one_stays_readable() -> None:
    first, second = registered.pair()
    test = registered.started([first, second])
    one, other = arms_of(test)
    labelled(one, 3, 0)
    labelled(other, 0, 3, start=100)
    test = experiments.reweight(test.pk, [1, 3], by="me")
    new_one, new_other = test.current
    labelled(new_one, 1, 1, start=200)
    labelled(new_other, 2, 0, start=300)
    labelled(one, 1, 0, start=400)  # of a subject that has its arm from the first phase

    assert [arm.tally.labelled for arm in measured(test)] == [2, 2]
    said = [
        [(a["weight"], a["exposures"], a["labelled"], a["correct"]) for a in phase["arms"]]
        for phase in readouts.phases(test.pk)
    ]
    assert said == [[(1, 4, 4, 4), (1, 3, 3, 0)], [(1, 2, 2, 1), (3, 2, 2, 2)]]

    assert experiments.stop(test.pk, "me").summary == (
        "Algorithm #1 accuracy: 0.5, Algorithm #2 accuracy: 1.0"
    )
    assert status_of(second) == "production"


def test_each_phase_says_when_it_began_and_by_whom() -> None:
    test = registered.started(registered.pair())
    experiments.reweight(test.pk, [1, 2], by="me")
    experiments.reweight(test.pk, [1, 3], by="you")

    phases = readouts.phases(test.pk)

    assert [(each["phase"], each["started_by"]) for each in phases] == [
        (1, "tests"),
        (2, "me"),
        (3, "you"),
    ]
    assert phases[0]["started_at"] < phases[1]["started_at"] < phases[2]["started_at"]


@pytest.mark.parametrize(
    ("weights", "sentence"),
    [
        ([1], "The test has 2 arms; each has one weight"),
        ([1, 1, 1], "The test has 2 arms; each has one weight"),
        ([1, 1], "have these weights already"),
        ([2, 0], "whole number from 1"),
        ([1_000_001, 1], "whole number from 1"),
    ],
)
def test_weights_that_do_not_go_are_refused_and_the_phase_goes_on(
    weights: list[int], sentence: str
) -> None:
    test = registered.started(registered.pair())
    version = RegistryState.objects.get().version

    with pytest.raises(ExperimentInvalid, match=sentence):
        experiments.reweight(test.pk, weights, by="me")

    assert ABTest.objects.get(pk=test.pk).phase == 1
    assert Arm.objects.count() == 2
    assert RegistryState.objects.get().version == version


def test_a_test_that_has_ended_has_no_further_phase_and_no_further_units() -> None:
    test = registered.started(registered.pair())
    experiments.stop(test.pk, "me")

    with pytest.raises(ExperimentInvalid, match="has ended"):
        experiments.reweight(test.pk, [1, 2], by="me")
    with pytest.raises(ExperimentInvalid, match="has ended"):
        experiments.widen(test.pk, 1.0, "me")


def test_the_list_that_a_phase_leaves_names_those_whom_it_saw_and_no_others() -> None:
    test = registered.started(registered.pair())
    one, other = arms_of(test)
    predictions.record([row(1, one.algorithm, one, subject="ann")], "a")
    predictions.record([row(2, other.algorithm, other, subject="eve")], "a")
    predictions.record([row(3, other.algorithm, other)], "a")
    test = experiments.reweight(test.pk, [1, 2], by="me")
    new = test.current[0]
    predictions.record([row(4, new.algorithm, new, subject="joe")], "a")
    predictions.record([row(5, one.algorithm, one, subject="ann")], "a")
    experiments.reweight(test.pk, [1, 3], by="me")

    assert [(each.phase, each.piece, len(bytes(each.data))) for each in test.rosters.all()] == [
        (1, 0, 2 * 9),
        (2, 0, 9),
    ]


@pytest.mark.django_db(transaction=True)
def test_re_weights_while_the_log_is_written_lose_nobody_and_count_nobody_twice() -> None:
    test = registered.started(registered.pair())
    over = threading.Event()

    def reweight() -> None:
        try:
            for turn in range(10):
                experiments.reweight(test.pk, [1, 2 + turn], by="me")
        finally:
            over.set()

    def write(writer: int) -> None:
        start = 1 + writer * 1_000_000
        while not over.is_set():
            arm = Arm.objects.select_related("algorithm").filter(position=1).latest("phase")
            rows = [row(i, arm.algorithm, arm, subject=f"s{i}") for i in range(start, start + 20)]
            predictions.record(rows, f"worker {writer}")
            start += 20

    assert at_once(reweight, partial(write, 0), partial(write, 1)) == []

    rows = MLRequest.objects.count()
    assert Exposure.objects.count() == rows
    assert sum(tally.subjects for tally in ArmTally.objects.all().by_arm().values()) == rows


# -- coverage --------------------------------------------------------------------------------------


def test_coverage_is_everybody_unless_said_otherwise_and_is_raised_only() -> None:
    first, second = registered.pair()
    assert registered.started([first, second]).coverage == 1.0
    experiments.stop(ABTest.objects.get().pk, "me")
    test = experiments.start("t", "me", [(first, 3), (second, 1)], coverage=0.1)

    assert experiments.widen(test.pk, 0.5, "me").coverage == 0.5

    with pytest.raises(ExperimentInvalid, match=r"The coverage is 0\.5 and is only raised"):
        experiments.widen(test.pk, 0.4, "me")
    assert ABTest.objects.get(pk=test.pk).coverage == 0.5
    assert [arm.propensity for arm in arms_of(test)] == [0.75, 0.25]


@pytest.mark.parametrize("coverage", [0.0, -0.1, 1.01, float("nan")])
def test_a_coverage_that_is_no_share_is_refused(coverage: float) -> None:
    first, second = registered.pair()

    with pytest.raises(ExperimentInvalid, match="share above 0") as refused:
        experiments.start("t", "me", [(first, 1), (second, 1)], coverage=coverage)

    assert refused.value.field == "coverage"
    assert status_of(first) == "production"


def test_propensities_are_what_the_buckets_say() -> None:
    first, second = registered.pair()
    test = experiments.start("t", "me", [(first, 2), (second, 1)], coverage=0.001)

    assert [arm.propensity for arm in arms_of(test)] == [0.7, 0.3]  # of 10 buckets


def test_a_larger_coverage_ends_a_phase_only_where_it_changes_the_chances() -> None:
    first, second = registered.pair()
    test = experiments.start("t", "me", [(first, 2), (second, 1)], coverage=0.001)

    assert experiments.widen(test.pk, 0.3, "ann").phase == 2
    assert experiments.widen(test.pk, 0.6, "ann").phase == 2

    assert [arm.propensity for arm in arms_of(test) if arm.phase == 1] == [0.7, 0.3]
    now = [arm.propensity for arm in arms_of(test) if arm.phase == 2]
    assert now == pytest.approx([2 / 3, 1 / 3], abs=1e-9)
    assert [each.made_by for each in test.reweights.all()] == ["ann"]


def test_units_that_were_dealt_in_a_few_buckets_are_no_wrong_split() -> None:
    """Three even arms at a coverage of 0.001 are dealt as 4, 3 and 3 buckets."""
    arms = [*registered.pair(), registered.algorithm(name="third", status=Status.TESTING)]
    test = experiments.start("t", "me", [(each, 1) for each in arms], coverage=0.001)
    for arm, units in zip(arms_of(test), (40_000, 30_000, 30_000), strict=True):
        ArmTally.objects.create(arm=arm, shard="a", exposures=units, subjects=units)

    snapshot = readouts.experiment_snapshot(test.pk)

    assert [arm["propensity"] for arm in snapshot["arms"]] == [0.4, 0.3, 0.3]
    assert snapshot["health"]["fine"]
