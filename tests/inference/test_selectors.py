"""What is read, and that it takes the same few queries however much there is."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inference import readouts, selectors
from inference.core.lifecycle import Status
from inference.models import ABTest
from inference.services import experiments, feedback, models, predictions
from tests.inference import registered
from tests.inference.registered import algorithm, row

pytestmark = pytest.mark.django_db


def test_a_snapshot_shows_the_test_its_arms_and_what_follows() -> None:
    first, second = registered.pair()
    test = registered.started([first, second], weights=[3, 1])
    one, _ = test.arms.order_by("position")
    predictions.record([row(1, first, one), row(2, first, one, latency_us=2500)], "a")
    feedback.record(1, "<=50K")

    snapshot = readouts.experiment_snapshot(test.pk)

    shown = snapshot["experiment"]
    assert (shown["id"], shown["title"], shown["endpoint"]) == (test.pk, "a test", "income")
    assert (shown["rule"], shown["alpha"], shown["horizon"]) == ("accuracy", 0.05, 5000)
    assert (shown["running"], shown["ended_at"], shown["summary"]) == (True, None, None)
    assert shown["started_at"].endswith("Z")
    bets = [snapshot["arms"][0].pop(name) for name in ("chance_to_win", "expected_loss")]
    assert bets == pytest.approx([0.70264, 0.07764], abs=1e-4)
    assert snapshot["arms"][0] == {
        "arm": one.pk,
        "position": 1,
        "algorithm": first.pk,
        "name": "forest",
        "version": "0.0.1",
        "weight": 3,
        "propensity": 0.75,
        "before": "production",
        "exposures": 2,
        "subjects": 2,
        "errors": 0,
        "slow": 0,
        "labelled": 1,
        "correct": 1,
        "accuracy": 1.0,
        "score": 1.0,
        "low_score": None,
        "high_score": None,
        "figure": 1.0,
        "pairs": None,
        "mean_absolute_error": None,
        "latency_ms": {"p50": 2.5, "p95": 2.5, "p99": 2.5},
    }
    assert snapshot["arms"][1]["accuracy"] is None
    assert snapshot["arms"][1]["latency_ms"] is None
    assert snapshot["evidence"] is None
    assert snapshot["verdict"]["code"] == "collecting"


def test_a_snapshot_says_what_the_evidence_is_once_there_is_enough() -> None:
    test = registered.started(registered.pair())
    for place, arm in enumerate(test.arms.order_by("position")):
        ids = range(1 + place * 1000, 121 + place * 1000)
        predictions.record([row(at, arm.algorithm, arm) for at in ids], "a")
        for at in ids:
            feedback.record(at, "<=50K" if at % (3 - place) else ">50K")

    evidence = readouts.experiment_snapshot(test.pk)["evidence"]

    assert set(evidence) == {"difference", "interval", "log_e", "threshold", "p_value"}
    assert evidence["difference"] == pytest.approx(-1 / 6)


def test_a_regression_has_an_error_instead_of_an_accuracy() -> None:
    test = registered.started(registered.pair("regression"))
    arm = test.arms.get(position=1)
    predictions.record([row(1, arm.algorithm, arm, response="10")], "a")
    feedback.record(1, "12")

    shown = readouts.experiment_snapshot(test.pk)["arms"][0]

    assert (shown["accuracy"], shown["mean_absolute_error"]) == (None, 2.0)


def test_an_ended_test_has_a_snapshot_too() -> None:
    test = registered.started(registered.pair())
    experiments.stop(test.pk, "me")

    shown = readouts.experiment_snapshot(test.pk)["experiment"]

    assert shown["running"] is False
    assert shown["ended_at"] is not None
    assert shown["summary"].startswith("Algorithm #1")


def test_there_is_no_snapshot_of_no_test() -> None:
    with pytest.raises(ABTest.DoesNotExist):
        readouts.experiment_snapshot(99)


def test_a_snapshot_takes_few_queries_for_any_number_of_arms() -> None:
    test = registered.started([algorithm(f"model {at}") for at in range(8)])

    with CaptureQueriesContext(connection) as queries:
        readouts.experiment_snapshot(test.pk)

    assert len(queries) <= 6


def test_tests_are_listed_with_their_arms_in_two_queries() -> None:
    for name in ("a", "b", "c"):
        registered.started(registered.pair(endpoint=name))

    with CaptureQueriesContext(connection) as queries:
        arms = [[arm.algorithm.name for arm in test.arms.all()] for test in selectors.abtests()]

    assert arms == [["forest", "trees"]] * 3
    assert len(queries) == 2


def test_the_schema_of_an_endpoint_is_that_of_what_answers_by_default() -> None:
    first, second = registered.pair()
    endpoint = first.parent_endpoint_id

    assert selectors.endpoint_schema(endpoint) == {
        "algorithm": first.pk,
        "version": "0.0.1",
        **registered.schema(),
    }

    models.algorithm_set_status(second.pk, Status.PRODUCTION, by="me")
    found = selectors.endpoint_schema(endpoint)
    assert found is not None
    assert found["algorithm"] == second.pk


def test_while_a_test_runs_an_arm_stands_in_and_without_either_there_is_none() -> None:
    first = algorithm("a")
    endpoint = first.parent_endpoint_id
    assert selectors.endpoint_schema(endpoint) is None

    registered.started([first, algorithm("b")])

    found = selectors.endpoint_schema(endpoint)
    assert found is not None
    assert found["algorithm"] == first.pk
