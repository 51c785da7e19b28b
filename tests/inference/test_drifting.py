"""What several processes counted is one count, and says which column moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from inference.core.drift import Counts, State
from inference.models import DriftCount, MLAlgorithm
from inference.services import drifting
from tests.inference import registered, watched

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 1, 2, 3, 5, tzinfo=UTC)
MINUTES = timedelta(minutes=5)


@pytest.fixture
def forest() -> MLAlgorithm:
    return watched.algorithm()


def recorded(
    forest: MLAlgorithm, count: int, *, shift: float = 0.0, window: int = 0, shard: str = "a"
) -> None:
    found = watched.counts(watched.rows(count, 10 + window, shift))
    drifting.record({(forest.pk, FIRST + window * MINUTES): found}, shard)


def test_a_writer_adds_to_its_own_row(forest: MLAlgorithm) -> None:
    recorded(forest, 30)
    recorded(forest, 12)

    assert DriftCount.objects.get().rows == 42
    (window,) = drifting.windows(forest.pk)
    assert window.counts.cells.sum() >= 42 * 5


def test_a_window_is_the_sum_of_its_writers(forest: MLAlgorithm) -> None:
    recorded(forest, 30, shard="a")
    recorded(forest, 12, shard="b")
    recorded(forest, 5, shard="b", window=1)

    found = drifting.windows(forest.pk)

    assert [(each.began, each.counts.rows) for each in found] == [(FIRST, 42), (FIRST + MINUTES, 5)]
    alone = watched.counts(watched.rows(5, 11))
    assert found[1].counts.cells.tolist() == alone.cells.tolist()
    assert found[1].counts.confidence == pytest.approx(alone.confidence)


def test_the_last_windows_are_had_alone(forest: MLAlgorithm) -> None:
    for window in range(4):
        recorded(forest, 5, window=window)

    assert [each.began for each in drifting.windows(forest.pk, most=2)] == [
        FIRST + 2 * MINUTES,
        FIRST + 3 * MINUTES,
    ]
    assert len(drifting.windows(forest.pk, FIRST + 3 * MINUTES)) == 1


def test_the_column_that_moved_is_reported(forest: MLAlgorithm) -> None:
    recorded(forest, 500, shift=1.0)

    report = drifting.report(forest.pk, FIRST)

    assert report is not None
    assert (report.rows, report.drifting, report.answers_drift) == (500, ("age",), False)


def test_without_a_moment_the_newest_rows_are_judged_if_there_are_enough(
    forest: MLAlgorithm,
) -> None:
    recorded(forest, 3000, shift=1.0)
    recorded(forest, 1000, window=1)

    now, all_ = drifting.report(forest.pk), drifting.report(forest.pk, FIRST)

    assert now is not None
    assert all_ is not None
    assert (now.rows, now.drifting) == (1000, ())
    assert (all_.rows, all_.drifting) == (4000, ("age",))


def test_few_new_rows_are_judged_with_those_before(forest: MLAlgorithm) -> None:
    recorded(forest, 900)
    recorded(forest, 50, window=1)

    report = drifting.report(forest.pk)

    assert report is not None
    assert (report.rows, report.state) == (950, State.STEADY)


def test_where_nothing_came_there_are_too_few_rows(forest: MLAlgorithm) -> None:
    report = drifting.report(forest.pk)

    assert report is not None
    assert (report.rows, report.state, report.confidence) == (0, State.TOO_FEW, None)


def test_without_a_reference_there_is_no_report() -> None:
    assert drifting.report(registered.algorithm().pk) is None
    assert drifting.report(12345) is None


def test_counts_of_an_algorithm_that_is_gone_are_dropped(forest: MLAlgorithm) -> None:
    counts = watched.counts(watched.rows(3))

    drifting.record({(forest.pk + 1, FIRST): counts, (forest.pk, FIRST): counts}, "a")

    assert DriftCount.objects.get().algorithm_id == forest.pk


def test_counts_of_another_reference_are_left_out(forest: MLAlgorithm) -> None:
    drifting.record({(forest.pk, FIRST - MINUTES): Counts(9, np.ones(4, np.int64))}, "old")
    recorded(forest, 200)

    report = drifting.report(forest.pk)

    assert report is not None
    assert report.rows == 200
