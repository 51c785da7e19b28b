"""What the pages and /metrics know of an endpoint's rows, answers and labels."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from asgi_project.drifts import drifts
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm
from inference.services import drifting, feedback, monitoring, overview, predictions
from tests.inference import registered, watched
from tests.inference.registered import row

pytestmark = pytest.mark.django_db

WINDOW = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)


@pytest.fixture
def forest() -> MLAlgorithm:
    row_ = watched.algorithm(metrics={"accuracy": 0.6})
    for window, (count, shift) in enumerate([(400, 0.0), (50, 1.0), (1200, 1.0)]):
        counts = watched.counts(watched.rows(count, window, shift))
        drifting.record({(row_.pk, WINDOW + timedelta(minutes=5 * window)): counts}, "a")
    return row_


def test_each_column_is_there_with_its_windows(forest: MLAlgorithm) -> None:
    found = overview.overview(forest.parent_endpoint)

    assert json.loads(json.dumps(found, allow_nan=False)) == found | {
        "algorithms": json.loads(json.dumps(found["algorithms"]))
    }
    (algorithm,) = found["algorithms"]
    assert (algorithm["state"], algorithm["drifting"]) == ("drifting", ["age"])
    assert [each["name"] for each in algorithm["features"]] == ["age", "hours", "work"]
    assert [each["name"] for each in algorithm["answers"]] == ["score", "label"]
    assert [each["rows"] for each in algorithm["windows"]] == [400, 50, 1200]
    age = [each["columns"][0] for each in algorithm["windows"]]
    assert [each["name"] for each in age] == ["age"] * 3
    assert [each["state"] for each in age] == ["steady", "too few rows", "drifting"]
    assert age[1]["psi"] is None


def test_many_pages_share_an_overview(forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("inference.services.overview.monotonic", lambda: now[0])
    monkeypatch.setattr("inference.services.overview._kept", {})

    first, again = (overview.lately(forest.parent_endpoint) for _ in range(2))
    now[0] += overview.AGE
    later = overview.lately(forest.parent_endpoint)

    assert first is again
    assert later is not first
    assert later == first


def test_events_are_there_newest_first(forest: MLAlgorithm) -> None:
    monitoring.look(WINDOW + timedelta(minutes=12), 300.0)

    (event,) = overview.overview(forest.parent_endpoint)["events"]

    assert (event["kind"], event["subject"], event["over"]) == ("drift", "age", False)
    assert event["version"] == "forest 0.0.1"


def test_accuracy_is_estimated_before_labels_come(forest: MLAlgorithm) -> None:
    """As sure as on the rows it was tried on, where it was right in 0.6: so it should be again."""
    (seen,) = overview.watched(forest.parent_endpoint)

    assert seen.estimated_accuracy == pytest.approx(0.6, abs=0.02)


def test_what_has_no_reference_says_so_and_shows_its_labels() -> None:
    plain = registered.algorithm()
    predictions.record([row(1, plain), row(2, plain)], "a")
    feedback.record_many({1: "<=50K", 2: ">50K"})

    (algorithm,) = overview.overview(plain.parent_endpoint)["algorithms"]

    assert algorithm["watched"] is False
    assert algorithm["labels"]["accuracy"] == 0.5
    assert "features" not in algorithm


def test_a_damaged_reference_is_none() -> None:
    damaged = registered.algorithm(reference={"format": 99})

    (algorithm,) = overview.overview(damaged.parent_endpoint)["algorithms"]

    assert algorithm["watched"] is False


def test_metrics_tell_each_column(forest: MLAlgorithm) -> None:
    watched.algorithm("quiet", status=Status.TESTING)  # nobody asked it anything

    families = {each.name: each.samples for each in drifts(overview.present())}

    psi = {each.labels["feature"]: each.value for each in families["drift_psi"]}
    assert set(psi) == {"age", "hours", "work", "label", "score"}
    assert max(psi, key=lambda name: psi[name]) == "age"
    (rows,) = families["drift_rows"]
    assert (rows.value, rows.labels["variant"]) == (1200, "forest")
    assert [each.value for each in families["drift_missing_share"]] == [0.0, 0.0, 0.0]


def test_metrics_tell_of_the_columns_that_moved_most(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("asgi_project.drifts.MOST", 1)

    families = {each.name: each.samples for each in drifts(overview.present())}

    assert [each.labels["feature"] for each in families["drift_psi"]] == ["age"]


def test_of_two_with_one_name_the_newer_is_told(forest: MLAlgorithm) -> None:
    twin = watched.algorithm(status=Status.TESTING, artefact_hash="b" * 64)
    drifting.record({(twin.pk, WINDOW): watched.counts(watched.rows(300))}, "a")

    families = {each.name: each.samples for each in drifts(overview.present())}

    assert [each.value for each in families["drift_rows"]] == [300]
