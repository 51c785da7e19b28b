"""What was counted and labelled becomes an event, once, however many processes look."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from inference.core import alarms
from inference.core.alarms import News, Sight
from inference.models import DriftCount, MLAlgorithm, MLRequest, MonitorEvent
from inference.services import changes, drifting, feedback, labels, monitoring, predictions
from inference.services import retention as pruning
from tests.inference import registered, watched
from tests.inference.registered import row
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db

AT = datetime(2026, 1, 2, 3, 7, tzinfo=UTC)
WINDOW = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
SECONDS = 300.0


@pytest.fixture
def forest() -> MLAlgorithm:
    return watched.algorithm(metrics={"accuracy": 0.9})


def counted(forest: MLAlgorithm, shift: float, *, later: int = 0) -> None:
    """A thousand rows and more in the window, so that it is judged alone."""
    window = WINDOW + timedelta(minutes=5 * later)
    counts = watched.counts(watched.rows(1200, 50 + later, shift))
    drifting.record({(forest.pk, window): counts}, "a")


def labelled(forest: MLAlgorithm, right: str, first: int = 1) -> None:
    """One prediction for each letter, `x` if its label is another one."""
    rows = [row(at, forest, response="yes") for at in range(first, first + len(right))]
    predictions.record(rows, "a")
    said = zip(rows, right, strict=True)
    feedback.record_many({one.id: "no" if each == "x" else "yes" for one, each in said})


def look(minutes: float = 0) -> list[tuple[str, str, bool]]:
    events = monitoring.look(AT + timedelta(minutes=minutes), SECONDS)
    return [(event.kind, event.subject, event.over) for event in events]


def test_drift_is_an_event_when_it_begins_and_when_it_is_over(forest: MLAlgorithm) -> None:
    counted(forest, 1.0)
    began, again = look(), look()
    counted(forest, 0.0, later=1)
    ended = look(5)
    counted(forest, 1.0, later=2)

    assert (began, again, ended) == ([("drift", "age", False)], [], [("drift", "age", True)])
    assert look(10) == [("drift", "age", False)]
    numbers = MonitorEvent.objects.order_by("pk").values_list("number", flat=True)
    assert list(numbers) == [1, 2, 3]


def test_an_event_says_where_and_what(forest: MLAlgorithm) -> None:
    counted(forest, 1.0)
    look()

    event = MonitorEvent.objects.get()

    assert (event.endpoint_id, event.algorithm_id) == (forest.parent_endpoint_id, forest.pk)
    assert "age lies otherwise than in training" in event.text
    assert (event.value or 0) > 0.2


def test_nothing_is_said_of_what_nobody_asked_lately(forest: MLAlgorithm) -> None:
    counted(forest, 1.0)

    assert look(minutes=30) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_who_look_at_once_one_writes_it(forest: MLAlgorithm) -> None:
    counted(forest, 1.0)

    failed = at_once(*[look] * 4)

    assert failed == []
    assert MonitorEvent.objects.filter(kind="drift").count() == 1


def test_whoever_comes_second_writes_nothing(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process wrote the event after this one had read which there are."""
    counted(forest, 1.0)
    news = alarms.news

    def beaten(sights: list[Sight], standing: set[tuple[str, str]]) -> list[News]:
        MonitorEvent.objects.create(
            endpoint_id=forest.parent_endpoint_id,
            algorithm=forest,
            kind="drift",
            subject="age",
            number=1,
        )
        return news(sights, standing)

    monkeypatch.setattr(alarms, "news", beaten)

    assert look() == []
    assert MonitorEvent.objects.count() == 1


def test_labels_below_the_floor_are_an_event(forest: MLAlgorithm) -> None:
    labelled(forest, "x." * 50)

    assert ("accuracy", "", False) in look()


def test_labels_as_expected_are_none(forest: MLAlgorithm) -> None:
    labelled(forest, "x........." * 10)

    assert [kind for kind, *_ in look()] == []


def test_the_last_labels_are_read_in_order(forest: MLAlgorithm) -> None:
    labelled(forest, "xx.")

    found = labels.last()[forest.pk]

    assert found.right == [False, False, True]
    assert found.accuracy == pytest.approx(1 / 3)


def test_labels_further_back_are_not_looked_for(forest: MLAlgorithm) -> None:
    labelled(forest, "xxxxx")

    assert labels.last(reach=2)[forest.pk].right == [False, False]


def test_of_values_the_error_is_known() -> None:
    trees = registered.algorithm(schema=registered.schema("regression"))
    predictions.record([row(1, trees, response="3.5"), row(2, trees, response="1")], "a")
    feedback.record_many({1: "4", 2: "0.5"})

    assert labels.last()[trees.pk].mean_absolute_error == 0.5


@pytest.mark.skipif(not changes.available(), reason=changes.WHY_NOT)
def test_errors_that_become_more_are_a_change_and_those_that_become_fewer_are_none() -> None:
    fine, bad = [True] * 9 + [False], [True, False]

    worse, better = changes.seen(fine * 60 + bad * 150), changes.seen(bad * 150 + fine * 60)

    assert worse is not None
    assert better is not None
    assert (worse.bad, better.bad) == (True, False)


def test_without_a_detector_no_change_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "find_spec", lambda name: None)

    assert changes.seen([True, False] * 500) is None


def test_what_is_old_goes_but_for_what_still_stands(forest: MLAlgorithm) -> None:
    counted(forest, 1.0)
    look()
    counted(forest, 0.0, later=1)
    look(5)
    counted(forest, 1.0, later=2)
    look(10)
    MonitorEvent.objects.update(made_at=WINDOW)

    list(pruning.prune(pruning.Terms(WINDOW + timedelta(minutes=10)), 100))

    assert DriftCount.objects.get().window == WINDOW + timedelta(minutes=10)
    assert [event.number for event in MonitorEvent.objects.all()] == [3]
    assert not MLRequest.objects.exists()
