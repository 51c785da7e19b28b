"""Each act on a test is written down once, with what was known when it was decided."""

from __future__ import annotations

from typing import Any
from unittest import mock

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from inference import progress, readouts
from inference.core.errors import ExperimentInvalid, Raced
from inference.core.lifecycle import Rule
from inference.models import ABTest, ArmTally, Decision
from inference.services import decisions, experiments, feedback, predictions
from inference.services.decisions import What
from tests.inference import registered
from tests.inference.registered import row

pytestmark = pytest.mark.django_db


def said(test: ABTest) -> list[tuple[str, str, str]]:
    return list(test.decisions.values_list("what", "made_by", "why"))


def labelled(test: ABTest, each: int, right: int, first: int = 1) -> None:
    """The first arm is always wrong; the second is right so many times."""
    for arm in test.current:
        ids = range(first + (arm.position - 1) * each, first + arm.position * each)
        predictions.record([row(at, arm.algorithm, arm) for at in ids], "a")
        for place, at in enumerate(ids):
            hit = arm.position == 2 and place < right
            feedback.record(at, "<=50K" if hit else ">50K")


def test_a_start_is_written_down_under_its_owner_with_its_terms() -> None:
    first, second = registered.pair()
    test = experiments.start("t", "ann", [(first, 3), (second, 1)], Rule.EVIDENCE, coverage=0.5)

    assert said(test) == [("started", "ann", "weights 3:1, coverage 0.5, rule evidence")]
    evidence = test.decisions.get().evidence
    assert evidence["verdict"]["code"] == "no_data"
    assert [arm["weight"] for arm in evidence["arms"]] == [3, 1]


def test_a_start_that_fails_leaves_nothing() -> None:
    first, _ = registered.pair()

    with pytest.raises(ExperimentInvalid):
        experiments.start("t", "ann", [(first, 1)])

    assert not Decision.objects.exists()


def test_other_weights_rest_on_the_phase_that_they_end() -> None:
    test = registered.started(registered.pair())
    labelled(test, each=3, right=2)

    experiments.reweight(test.pk, [1, 4], "bob", "more for the new one")

    assert said(test)[1:] == [("reweighted", "bob", "weights 1:1 to 1:4: more for the new one")]
    evidence = test.decisions.get(what="reweighted").evidence
    assert evidence["experiment"]["phase"] == 1
    assert [arm["labelled"] for arm in evidence["arms"]] == [3, 3]


def test_a_wider_coverage_leaves_a_trace_whether_it_begins_a_phase_or_not() -> None:
    first, second = registered.pair()
    test = experiments.start("t", "me", [(first, 1), (second, 1)], coverage=0.1)

    experiments.widen(test.pk, 0.3, "bob")
    experiments.widen(test.pk, 1.0, "ann", "it went well")
    experiments.widen(test.pk, 1.0, "ann")

    assert said(test)[1:] == [
        ("widened", "bob", "coverage 0.1 to 0.3"),
        ("widened", "ann", "coverage 0.3 to 1: it went well"),
    ]
    shown = [each.evidence["experiment"]["coverage"] for each in test.decisions.all()]
    assert shown == [0.1, 0.1, 0.3]


def test_what_is_refused_leaves_no_trace() -> None:
    test = registered.started(registered.pair())

    with pytest.raises(ExperimentInvalid):
        experiments.reweight(test.pk, [1, 1], "me")
    for coverage in (0.5, 2.0):
        with pytest.raises(ExperimentInvalid):
            experiments.widen(test.pk, coverage, "me")

    assert len(said(test)) == 1


def test_a_stop_says_that_it_ended_and_who_was_promoted() -> None:
    test = registered.started(registered.pair())
    labelled(test, each=2, right=2)

    experiments.stop(test.pk, "ann")
    experiments.stop(test.pk, "bob")

    assert said(test)[1:] == [
        ("stopped", "ann", "by hand"),
        ("promoted", "ann", "arm 2, trees 0.0.1, by the rule accuracy"),
    ]
    ended, promoted = test.decisions.all()[1:]
    assert ended.evidence == promoted.evidence
    assert ended.evidence["experiment"]["running"] is True
    assert [arm["correct"] for arm in ended.evidence["arms"]] == [0, 2]


def test_a_stop_without_a_winner_promotes_nobody() -> None:
    test = registered.started(registered.pair(), Rule.NONE)

    experiments.stop(test.pk, "a rule", "no difference larger than 1 percentage point")

    assert said(test)[1:] == [("stopped", "a rule", "no difference larger than 1 percentage point")]


def test_a_stop_that_loses_leaves_no_trace() -> None:
    test = registered.started(registered.pair())
    running = ABTest.objects.get(pk=test.pk)
    experiments.stop(test.pk, "me")

    with mock.patch.object(ABTest.objects, "get", return_value=running), pytest.raises(Raced):
        experiments.stop(test.pk, "you")

    assert "you" not in {by for _, by, _ in said(test)}


def test_a_label_that_comes_while_it_is_decided_is_no_part_of_the_decision() -> None:
    """As on a database that lets a statement see what was committed since the one before it."""
    test = registered.started(registered.pair())
    labelled(test, each=2, right=1)
    note = decisions.note

    def later(*given: Any) -> Decision:
        ArmTally.objects.filter(arm__position=1).update(labelled=1000, correct=1000)
        return note(*given)

    with mock.patch.object(decisions, "note", side_effect=later):
        stopped = experiments.stop(test.pk, "me")

    assert stopped.summary == "Algorithm #1 accuracy: 0.0, Algorithm #2 accuracy: 0.5"
    for each in test.decisions.exclude(what="started"):
        assert [arm["accuracy"] for arm in each.evidence["arms"]] == [0.0, 0.5]


def test_the_evidence_is_the_snapshot_of_that_moment() -> None:
    test = registered.started(registered.pair())
    labelled(test, each=2, right=1)
    known = readouts.experiment_snapshot(test.pk)

    found = decisions.note(test, "steward", What.STEPPED, "10 %")

    found.refresh_from_db()
    for body in (found.evidence, known):
        body["experiment"].pop("days_left")  # a moment later it is less
    assert found.evidence == {name: known[name] for name in known if name != "events"}


def test_the_newest_fifty_are_in_the_snapshot_without_their_evidence() -> None:
    test = registered.started(registered.pair())
    for at in range(60):
        decisions.note(test, "me", What.STEPPED, str(at))

    events = readouts.experiment_snapshot(test.pk)["events"]

    assert [each["why"] for each in events] == [str(at) for at in range(59, 9, -1)]
    assert set(events[0]) == {"at", "by", "what", "why", "code"}
    assert (events[0]["by"], events[0]["what"], events[0]["code"]) == ("me", "stepped", "no_data")
    assert events[0]["at"].endswith("Z")


def test_events_take_one_query_however_many_there_are() -> None:
    test = registered.started(registered.pair())
    for _ in range(10):
        decisions.note(test, "me", What.STEPPED)

    with CaptureQueriesContext(connection) as queries:
        progress.events(test)

    assert len(queries) == 1


def test_rest_lists_all_in_order_with_their_evidence_and_says_where_it_goes_on() -> None:
    test = registered.started(registered.pair())
    for at in range(104):
        decisions.note(test, "me", What.STEPPED, str(at))
    other = registered.started(registered.pair(endpoint="other"))

    first = Client().get(f"/api/v1/abtests/{test.pk}/decisions")
    rest = Client().get(first.headers["Link"].partition("<")[2].partition(">")[0])

    found = [*first.json(), *rest.json()]
    assert [len(first.json()), len(rest.json())] == [100, 5]
    assert [each["why"] for each in found[1:]] == [str(at) for at in range(104)]
    assert found[0]["evidence"] == test.decisions.all()[0].evidence
    assert "Link" not in rest.headers
    (alone,) = Client().get(f"/api/v1/abtests/{other.pk}/decisions").json()
    assert alone["what"] == "started"


def test_rest_refuses_a_page_that_is_none() -> None:
    test = registered.started(registered.pair())

    assert Client().get(f"/api/v1/abtests/{test.pk}/decisions?limit=0").status_code == 400
    assert Client().get("/api/v1/abtests/999999999/decisions").status_code == 404
