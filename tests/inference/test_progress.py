"""Days left, and the words on the command line, which are those of REST."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from inference import readouts
from inference.models import ABTest, ArmTally, Decision, Point, Reweight, SegmentTally
from inference.services import experiments, paths
from tests.inference import registered
from tests.inference.test_segments import started

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 6, 3, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: NOW)


def began(test: ABTest, ago: timedelta) -> None:
    ABTest.objects.filter(pk=test.pk).update(created_at=NOW - ago)


def counted(test: ABTest, *labelled: int) -> dict[str, Any]:
    for arm, n in zip(ABTest.objects.get(pk=test.pk).current, labelled, strict=True):
        counts = {"exposures": n, "subjects": n, "labelled": n, "correct": n * 4 // 5}
        ArmTally.objects.update_or_create(arm=arm, shard="tests", defaults=counts)
    return readouts.experiment_snapshot(test.pk)


def days_left(test: ABTest) -> float | None:
    found: float | None = readouts.experiment_snapshot(test.pk)["experiment"]["days_left"]
    return found


def running(**agreed: Any) -> ABTest:
    first, second = registered.pair()
    return experiments.start("which one?", "ann", [(first, 1), (second, 1)], **agreed)


# -- days left -------------------------------------------------------------------------------------


def test_the_rate_is_that_since_the_start() -> None:
    found = running(maximum=1000)
    began(found, timedelta(days=2))
    assert days_left(found) is None

    counted(found, 50, 50)

    assert days_left(found) == 18.0


def test_a_phase_has_a_rate_of_its_own() -> None:
    found = running(maximum=1000)
    began(found, timedelta(days=30))
    experiments.reweight(found.pk, [1, 2], "ann")
    Reweight.objects.update(made_at=NOW - timedelta(days=1))

    counted(found, 40, 60)

    assert days_left(found) == 9.0


def test_once_there_is_a_path_the_last_day_counts() -> None:
    found = running(maximum=2000)
    began(found, timedelta(days=10))
    for hours, each in ((200, 100), (12, 300), (0, 400)):
        paths.keep(counted(found, each, each))
        newest = Point.objects.order_by("-labelled").first()
        assert newest is not None
        Point.objects.filter(pk=newest.pk).update(made_at=NOW - timedelta(hours=hours))

    assert days_left(found) == 1200 / 400  # 200 in half a day


def test_the_path_of_a_few_minutes_says_nothing_about_a_day() -> None:
    found = running(maximum=2000)
    began(found, timedelta(days=1))
    paths.keep(counted(found, 100, 100))
    Point.objects.update(made_at=NOW - timedelta(minutes=10))

    counted(found, 400, 400)

    assert days_left(found) == 1.5


def test_a_test_that_has_what_it_needs_or_is_over_has_no_days_left() -> None:
    found = running(maximum=100)
    began(found, timedelta(days=1))
    counted(found, 60, 60)
    assert days_left(found) == 0.0

    experiments.stop(found.pk, "ann")
    assert days_left(found) is None


# -- the command line ------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("experiments", *words, stdout=out)
    return out.getvalue()


def test_without_tests_it_says_so() -> None:
    assert said() == "No test is running.\n"
    assert json.loads(said("--json")) == []


def test_it_lists_what_runs_with_its_verdict() -> None:
    over = registered.started(registered.pair(endpoint="over"))
    experiments.stop(over.pk, "ann")
    test = running(maximum=1000)
    began(test, timedelta(days=2))
    counted(test, 50, 50)

    words, (body,) = said(), json.loads(said("--json"))

    assert words.splitlines() == [
        f"Test {test.pk}, 'which one?', split on income",
        f"  {body['verdict']['sentence']}",
        "  18 days left at the present rate.",
    ]
    assert body["experiment"]["id"] == test.pk


def test_it_tells_one_test_with_its_decisions() -> None:
    test = running()
    counted(test, 50, 50)
    experiments.reweight(test.pk, [1, 3], "bob", "faster")
    experiments.stop(test.pk, "ann")
    Decision.objects.update(made_at=NOW)

    lines = said(str(test.pk)).splitlines()

    assert lines[0].endswith("split on income, ended 2026-06-03T12:00:00.000000Z: nobody promoted")
    assert "Arms, by accuracy" in lines
    assert ("  1 forest 0.0.1: no labels; 0 labelled, 0 exposures, 0 subjects, 0 errors") in lines
    assert lines[-4:] == [
        "What was done, the newest first",
        "  2026-06-03T12:00:00.000000Z ann stopped (no_data): by hand",
        "  2026-06-03T12:00:00.000000Z bob reweighted (collecting): weights 1:1 to 1:3: faster",
        "  2026-06-03T12:00:00.000000Z ann started (no_data): weights 1:1, coverage 1, "
        "rule accuracy",
    ]


def test_its_json_is_what_rest_says() -> None:
    test = started(maximum=1000)
    began(test, timedelta(days=2))
    paths.keep(counted(test, 120, 130))
    SegmentTally.objects.create(arm=test.current[0], segment="Ohio", labelled=120, correct=60)

    shown = Client().get(f"/api/v1/abtests/{test.pk}/live").json()

    assert json.loads(said(str(test.pk), "--json")) == shown
    assert shown["segments"][0]["segment"] == "Ohio"
    assert "  Ohio: 120 labels. Collecting labels." in said(str(test.pk)).splitlines()


def test_a_test_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(CommandError, match="There is no test 99"):
        said("99")
