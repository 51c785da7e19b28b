"""A plan goes by the endpoint's own traffic, and by what is said where there is none."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inference import planner
from inference.core.errors import ExperimentInvalid
from inference.core.experiment import Mode
from inference.core.lifecycle import Status
from inference.core.planning import Aim, planned
from inference.models import MLAlgorithm
from inference.services import feedback, models, predictions, shadows
from tests.inference import registered
from tests.inference.registered import row

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 3, tzinfo=UTC)
EARLIER = NOW - timedelta(days=2)


@pytest.fixture
def forest() -> MLAlgorithm:
    """In production."""
    found = registered.algorithm()
    models.algorithm_set_status(found.pk, Status.PRODUCTION, by="tests")
    return found


def log(algorithm: MLAlgorithm, *ids: int, right: int = 0, wrong: int = 0, **other: Any) -> None:
    rows = [row(at, algorithm, created_at=EARLIER, **other) for at in ids]
    predictions.record(rows, "a")
    for at, label in zip(ids, ["<=50K"] * right + [">50K"] * wrong, strict=False):
        feedback.record(at, label)


def plan(algorithm: MLAlgorithm, **wishes: str) -> dict[str, Any]:
    return planner.plan(algorithm.parent_endpoint, {"difference": "0.05", **wishes}, NOW)


def test_traffic_labels_and_accuracy_are_the_endpoint_s_own(forest: MLAlgorithm) -> None:
    log(forest, *range(1, 101), right=40, wrong=10)

    found = plan(forest)

    assert found["known"] == {
        "task": "binary",
        "units": 100,
        "seconds": 172_800.0,
        "labelled": 50,
        "accuracy": 0.8,
        "mean_absolute_error": None,
    }
    assert found["labels_a_day"] == 25.0
    wanted = planned(Aim(0.05, 0.16))
    expected = {"fixed": wanted.fixed, "watched": wanted.watched, "paired": None}
    assert found["labels"] == expected
    assert found["days"]["watched"] == pytest.approx((wanted.watched or 0) / 25)
    assert list(found["detectable"]) == ["1", "7", "14", "30"]


def test_a_subject_is_one_unit_with_one_label_as_in_a_test(forest: MLAlgorithm) -> None:
    log(forest, *range(1, 41), right=20, subject="ann")
    log(forest, *range(41, 51), right=1)

    known = planner.past(forest.parent_endpoint_id, NOW)

    assert known is not None
    assert (known.units, known.tally.labelled) == (11, 2)


def test_what_is_said_goes_before_what_is_known(forest: MLAlgorithm) -> None:
    log(forest, *range(1, 101), right=40, wrong=10)

    found = plan(forest, base="0.5", labels_a_day="1000", coverage="0.5", weights="1,1,2")

    assert (found["aim"]["variance"], found["labels_a_day"]) == (0.25, 500.0)
    assert found["aim"]["weights"] == (1, 1, 2)


@pytest.mark.parametrize(
    ("wishes", "field"),
    [
        ({}, "base"),  # nobody has labelled anything
        ({"base": "1"}, "variance"),  # nothing could get better
        ({"base": "0.9", "difference": "0"}, "difference"),
        ({"base": "0.9", "weights": "1"}, "weights"),
        ({"base": "0.9", "labels_a_day": "many"}, "labels_a_day"),
    ],
)
def test_what_cannot_be_planned_is_named(
    forest: MLAlgorithm, wishes: dict[str, str], field: str
) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        plan(forest, **wishes)
    assert refused.value.field == field


def test_nobody_answers_by_default_and_still_one_may_plan() -> None:
    idle = registered.algorithm()

    found = plan(idle, base="0.9")

    assert (found["known"], found["labels_a_day"]) == (None, 0.0)
    assert found["days"] == {"fixed": None, "watched": None, "paired": None}
    assert set(found["detectable"].values()) == {None}


def test_the_command_says_it_in_words_and_as_json(forest: MLAlgorithm) -> None:
    name, words, body = forest.parent_endpoint.name, io.StringIO(), io.StringIO()
    asked = ["--difference", "0.05", "--base", "0.8", "--labels-a-day", "100"]

    call_command("plan", name, *asked, stdout=words)
    call_command("plan", name, *asked, "--json", stdout=body)

    found = json.loads(body.getvalue())
    assert found["endpoint"] == name
    assert f"looked at once         {found['labels']['fixed']:,} labels" in words.getvalue()
    assert f"after  7 days  {found['detectable']['7']:.3g}" in words.getvalue()


@pytest.mark.parametrize(
    ("name", "said", "sentence"),
    [("nowhere", "0.05", "no endpoint 'nowhere'"), ("income", "0", "difference must be")],
)
def test_the_command_refuses_in_a_sentence(
    forest: MLAlgorithm, name: str, said: str, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence):
        call_command("plan", name, "--difference", said, "--base", "0.9")


def test_how_often_models_disagree_is_known_from_a_test_in_the_shadow(forest: MLAlgorithm) -> None:
    trees = registered.algorithm("trees")
    test = registered.started([forest, trees], mode=Mode.SHADOW)
    champion, challenger = test.arms.order_by("position")
    ids = range(1, 121)
    predictions.record([row(at, forest, champion) for at in ids], "a")
    said = [row(at, trees, challenger, response=">50K" if at % 4 else "<=50K") for at in ids]
    shadows.record(said, "a")
    assert plan(forest, base="0.8")["labels"]["paired"] is None
    for at in ids:
        feedback.record(at, "<=50K")

    wanted = planned(Aim(0.05, 0.16, discordant=0.75)).paired
    assert plan(forest, base="0.8")["labels"]["paired"] == wanted
    assert plan(forest, base="0.8", discordant="0.1")["labels"]["paired"] < (wanted or 0)
