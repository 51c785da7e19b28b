"""What `retrain` sees of an endpoint, and when it leaves it alone; see also tests/e2e."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inference.core.alarms import Kind
from inference.core.lifecycle import Status
from inference.management import harvest, renewal
from inference.management.harvest import Window
from inference.models import MLAlgorithm, MonitorEvent
from inference.services import experiments, feedback, predictions
from tests.inference import registered

pytestmark = pytest.mark.django_db

EVER = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.fixture
def champion() -> MLAlgorithm:
    """An hour old, so that its labels can have come before now."""
    first, _ = registered.pair()
    MLAlgorithm.objects.update(created_at=timezone.now() - timedelta(hours=1))
    first.refresh_from_db()
    return first


def labelled(of: MLAlgorithm, count: int, right: int) -> None:
    """So many labels, of which the first ones are as predicted."""
    now = timezone.now()
    rows = [
        registered.row(
            at, of, subject=f"visitor {at}", created_at=now - timedelta(milliseconds=count - at)
        )
        for at in range(1, count + 1)
    ]
    predictions.record(rows, "a")
    for at in range(1, count + 1):
        feedback.record(at, "<=50K" if at <= right else ">50K")


def later() -> datetime:
    return timezone.now() + timedelta(seconds=10)


def said(*words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command("retrain", "income", "--if-needed", "--json", *words, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_the_last_labels_and_all_that_are_new_are_seen(champion: MLAlgorithm) -> None:
    labelled(champion, count=90, right=60)

    seen = renewal.seen(champion, last=60, now=later())

    assert (seen.fresh, seen.judged, seen.accuracy) == (90, 60, 0.5)
    assert (seen.error, seen.drifting, seen.changed) == (None, (), "")


def test_after_a_training_only_later_labels_are_new(champion: MLAlgorithm) -> None:
    labelled(champion, count=5, right=5)
    registered.algorithm("oaks", Status.TESTING, parent_id=champion.pk)
    MLAlgorithm.objects.filter(name="oaks").update(created_at=later())

    assert renewal.seen(champion, last=60, now=later()).fresh == 0


def test_what_a_detector_of_changes_saw_stands_until_it_is_over(champion: MLAlgorithm) -> None:
    event = {
        "endpoint_id": champion.parent_endpoint_id,
        "algorithm": champion,
        "kind": Kind.CHANGE.value,
    }
    MonitorEvent.objects.create(**event, text="It became worse.", number=1)
    assert renewal.seen(champion, last=60, now=later()).changed == "It became worse."

    MonitorEvent.objects.create(**event, text="Over.", over=True, number=2)
    assert renewal.seen(champion, last=60, now=later()).changed == ""


def test_the_newest_so_many_are_taken(champion: MLAlgorithm) -> None:
    labelled(champion, count=9, right=9)
    until = later()

    taken = renewal.window("income", 4, EVER, until)

    found = harvest.labelled("income", taken).order_by("pk").values_list("pk", flat=True)
    assert list(found) == [6, 7, 8, 9]
    assert renewal.window("income", None, EVER, until).since == EVER
    assert renewal.window("income", 99, EVER, until).since == EVER


def test_nothing_is_done_while_nothing_calls_for_it(champion: MLAlgorithm) -> None:
    labelled(champion, count=60, right=60)

    found = said("--floor", "0.9")

    assert (found["trained"], found["why"]) == (False, "No trigger fires.")
    assert found["seen"]["accuracy"] == 1.0


def test_too_little_to_learn_from_is_said(champion: MLAlgorithm) -> None:
    labelled(champion, count=60, right=10)

    found = said("--floor", "0.9")

    assert [each["kind"] for each in found["triggers"]] == ["accuracy"]
    assert found["why"] == "60 labels came since the last training; 200 are needed."


def test_a_running_test_is_left_alone_and_without_a_champion_there_is_nothing_to_improve() -> None:
    test = registered.started(registered.pair())
    assert said()["why"] == f"Test {test.pk} runs on income."

    experiments.stop(test.pk, "tests")
    MLAlgorithm.objects.update(current_status=Status.TESTING.value)
    with pytest.raises(CommandError, match="nothing in production") as refused:
        said()
    assert refused.value.returncode == 2


def test_what_may_be_missing_still_may_after_a_log_in_which_nothing_was(
    champion: MLAlgorithm, tmp_path: Path
) -> None:
    labelled(champion, count=60, right=30)

    learnt = renewal.course(champion, Window(EVER, later()), tmp_path / "set", seed=20)
    again = renewal.course(champion, Window(EVER, later()), tmp_path / "other", seed=20)

    assert [each.required for each in learnt.schema.features] == [False]
    assert again.schema == learnt.schema
    assert json.loads((tmp_path / "set" / "train.schema.json").read_text()) == json.loads(
        json.dumps(learnt.schema.to_json())
    )
