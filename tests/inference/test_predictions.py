"""Written once, counted once, by any path to the table."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import partial

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoCaptureOnCommitCallbacks

from inference import live
from inference.core import sketch
from inference.core.tally import Tally
from inference.models import ABTest, ArmTally, IdBlock, MLAlgorithm, MLRequest
from inference.services import dialects, predictions
from inference.services.dialects import portable, postgresql
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db
sqlite_only = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="only SQLite says what it is told"
)


@pytest.fixture
def forest() -> MLAlgorithm:
    return registered.algorithm()


@pytest.fixture
def running() -> ABTest:
    return registered.started(registered.pair())


def tallies() -> dict[int, Tally]:
    return ArmTally.objects.all().by_arm()


@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 64, 100, 256, 257, 600])
def test_every_row_is_written_as_it_is(path: str, forest: MLAlgorithm, count: int) -> None:
    rows = [row(at, forest, subject=f"s{at}", latency_us=at) for at in range(1, count + 1)]

    assert predictions.record(rows, "a") == count

    written = MLRequest.objects.order_by("id")
    assert [(one.pk, one.subject, one.latency_us) for one in written] == [
        (at, f"s{at}", at) for at in range(1, count + 1)
    ]


def test_a_row_has_every_value_and_an_empty_feedback(path: str, forest: MLAlgorithm) -> None:
    predictions.record([row(7, forest, response="error", error_code="row_invalid")], "a")

    one = MLRequest.objects.get()
    assert one.input_data == '{"age": 37}'
    assert one.full_response == '{"label": "<=50K"}'
    assert (one.response, one.error_code, one.feedback) == ("error", "row_invalid", "")
    assert (one.created_at, one.parent_mlalgorithm, one.arm) == (registered.AT, forest, None)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 1, tzinfo=UTC),
        datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=timezone(timedelta(hours=2))),
    ],
)
def test_a_moment_comes_back_as_it_was(path: str, forest: MLAlgorithm, moment: datetime) -> None:
    earlier = row(1, forest, created_at=registered.AT)
    predictions.record([earlier, row(2, forest, created_at=moment), earlier._replace(id=3)], "a")

    assert [one.created_at for one in MLRequest.objects.order_by("id")] == [
        registered.AT,
        moment,
        registered.AT,
    ]


@pytest.mark.parametrize(("before", "count"), [(25, 40), (70, 150)])
def test_a_row_delivered_twice_is_written_once_and_counted_once(
    path: str, running: ABTest, before: int, count: int
) -> None:
    arm = running.arms.get(position=1)
    rows = [row(at, arm.algorithm, arm) for at in range(1, count + 1)]
    predictions.record(rows[:before], "a")

    assert predictions.record(rows, "a") == count - before
    assert predictions.record(rows, "a") == 0

    assert MLRequest.objects.count() == count
    assert tallies() == {arm.pk: Tally(exposures=count, subjects=count)}


@pytest.mark.parametrize("times", [2, 100])
def test_a_row_twice_in_the_same_batch_counts_once(path: str, running: ABTest, times: int) -> None:
    arm = running.arms.get(position=1)

    assert predictions.record([row(5, arm.algorithm, arm)] * times, "a") == 1
    assert tallies() == {arm.pk: Tally(exposures=1, subjects=1)}


def test_a_row_that_is_there_keeps_what_was_said_about_it(path: str, forest: MLAlgorithm) -> None:
    predictions.record([row(1, forest)], "a")
    MLRequest.objects.update(feedback=">50K")

    predictions.record([row(1, forest, response="other")], "a")

    assert MLRequest.objects.values_list("response", "feedback").get() == ("<=50K", ">50K")


def test_exposures_and_errors_are_counted_for_each_arm(path: str, running: ABTest) -> None:
    first, second = running.arms.all()
    failed = {"response": "error", "error_code": "model_error"}
    predictions.record(
        [
            row(1, first.algorithm, first),
            row(2, second.algorithm, second),
            row(3, second.algorithm, second, **failed),
            row(4, first.algorithm),
        ],
        "a",
    )
    predictions.record([row(5, first.algorithm, first)], "b")

    assert tallies() == {
        first.pk: Tally(exposures=2, subjects=2),
        second.pk: Tally(exposures=2, subjects=2, errors=1),
    }
    assert set(ArmTally.objects.values_list("arm", "shard")) == {
        (first.pk, "a"),
        (first.pk, "b"),
        (second.pk, "a"),
    }


def test_latencies_of_what_succeeded_are_kept_as_a_sketch(path: str, running: ABTest) -> None:
    arm = running.arms.get(position=1)
    for tens in range(10):
        ids = range(tens * 10 + 1, tens * 10 + 11)
        predictions.record([row(at, arm.algorithm, arm, latency_us=at * 10) for at in ids], "a")
    slow = row(101, arm.algorithm, arm, latency_us=10**9, error_code="deadline_exceeded")
    predictions.record([slow], "a")

    kept = ArmTally.objects.get()
    assert sketch.quantiles(bytes(kept.latency), (0.5, 1.0)) == (510.0, 1000.0)


@pytest.mark.parametrize("good", [1, 99])
def test_nothing_is_counted_if_the_rows_cannot_be_written(
    path: str, running: ABTest, good: int
) -> None:
    arm = running.arms.get(position=1)
    bad = row(100, arm.algorithm, arm, input_data=None)

    with pytest.raises(Exception, match=r"(?i)null"):
        predictions.record([*(row(at, arm.algorithm, arm) for at in range(good)), bad], "a")

    assert MLRequest.objects.count() == 0
    assert tallies() == {}


@sqlite_only
def test_rows_without_arms_take_a_single_statement(forest: MLAlgorithm) -> None:
    """Each further one would be another turn to wait for beside a busy event loop."""
    statements: list[str] = []
    connection.ensure_connection()
    connection.connection.set_trace_callback(statements.append)
    try:
        predictions.record([row(at, forest) for at in range(1, 33)], "a")
    finally:
        connection.connection.set_trace_callback(None)

    assert [statement.split()[0] for statement in statements] == ["INSERT"]


@sqlite_only
def test_counting_takes_two_statements_for_any_number_of_arms(running: ABTest) -> None:
    first, second = running.arms.all()
    rows = [row(1, first.algorithm, first), row(2, second.algorithm, second)]
    statements: list[str] = []
    connection.connection.set_trace_callback(statements.append)
    try:
        predictions.record(rows, "a")
    finally:
        connection.connection.set_trace_callback(None)

    verbs = [statement.split()[0] for statement in statements]
    assert [verb for verb in verbs if verb not in ("SAVEPOINT", "RELEASE")] == [
        "INSERT",
        "SELECT",
        "INSERT",
    ]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL takes columns")
@pytest.mark.parametrize("count", [1, 33, 63])
def test_on_postgresql_a_small_batch_is_one_statement_of_the_same_text(
    running: ABTest, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    arms = running.arms.select_related("algorithm")
    rows = [row(at, arms[at % 2].algorithm, arms[at % 2]) for at in range(count)]
    statements: list[bytes] = []
    execute = postgresql._execute

    def heard(sql: bytes, values: Sequence[object]) -> object:
        statements.append(sql)
        return execute(sql, values)

    monkeypatch.setattr(postgresql, "_execute", heard)
    predictions.record(rows, "a")

    assert statements == [postgresql._INSERT, postgresql._KEPT, postgresql._ADD]


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="only PostgreSQL has COPY")
def test_on_postgresql_a_large_batch_is_copied_and_inserted_only_if_a_row_is_there(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    inserted: list[bytes] = []
    execute = postgresql._execute

    def heard(sql: bytes, values: Sequence[object]) -> object:
        inserted.append(sql)
        return execute(sql, values)

    monkeypatch.setattr(postgresql, "_execute", heard)
    rows = [row(at, forest) for at in range(100, 0, -1)]

    assert predictions.record(rows[:64], "a") == 64
    assert inserted == []
    assert predictions.record(rows, "a") == 36
    assert inserted == [postgresql._INSERT]


def test_the_portable_path_is_one_insert_as_well(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialects, "current", lambda: portable)

    with CaptureQueriesContext(connection) as queries:
        predictions.record([row(at, forest) for at in range(1, 33)], "a")

    inserts = [query for query in queries.captured_queries if query["sql"].startswith("INSERT")]
    assert len(inserts) == 1


def test_whoever_watches_the_test_is_told_after_the_commit(
    running: ABTest,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    touched: list[str] = []
    monkeypatch.setattr(live, "touch", touched.append)
    arm = running.arms.get(position=1)

    with django_capture_on_commit_callbacks(execute=True):
        predictions.record([row(1, arm.algorithm, arm)], "a")
        assert touched == []

    assert touched == [f"experiment:{running.pk}"]


# -- by several at once ----------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [20, 80])
def test_writers_that_meet_lose_nothing_and_count_nothing_twice(size: int) -> None:
    test = registered.started(registered.pair())
    arms = list(test.arms.select_related("algorithm"))

    def write(at: int) -> None:
        for batch in range(10):
            start = 1 + batch * size
            rows = [row(i, arms[i % 2].algorithm, arms[i % 2]) for i in range(start, start + size)]
            predictions.record(rows, f"shard {at}")

    assert at_once(*(partial(write, at) for at in range(4))) == []

    assert MLRequest.objects.count() == 10 * size
    half = Tally(exposures=5 * size, subjects=5 * size)
    assert tallies() == {arms[0].pk: half, arms[1].pk: half}


@pytest.mark.django_db(transaction=True)
def test_a_thread_that_reserved_ids_keeps_no_connection() -> None:
    """There may be more of them than a pool has."""
    kept: list[object] = []

    def reserve() -> None:
        block = predictions.reserve_ids(2)
        kept.append(connection.connection)
        predictions.give_back_ids(block[1:])
        kept.append(connection.connection)

    assert at_once(reserve) == []
    assert kept == [None, None]


@pytest.mark.django_db(transaction=True)
def test_reserved_ids_are_nobody_elses() -> None:
    taken: list[range] = []

    def reserve(at: int) -> None:
        taken.extend(predictions.reserve_ids(at + 1) for _ in range(20))

    assert at_once(*(partial(reserve, at) for at in range(4))) == []

    ids = [one for block in taken for one in block]
    assert len(ids) == len(set(ids)) == 20 * (1 + 2 + 3 + 4)


# -- ids -------------------------------------------------------------------------------------------


@pytest.fixture
def no_ids_yet() -> None:
    IdBlock.objects.all().delete()


@pytest.mark.usefixtures("no_ids_yet")
def test_ids_begin_with_one_and_go_on() -> None:
    assert predictions.reserve_ids(3) == range(1, 4)
    assert predictions.reserve_ids(2) == range(4, 6)


@pytest.mark.usefixtures("no_ids_yet")
def test_ids_begin_behind_the_rows_that_are_there(forest: MLAlgorithm) -> None:
    predictions.record([row(41, forest)], "a")

    assert predictions.reserve_ids(2) == range(42, 44)


@pytest.mark.usefixtures("no_ids_yet")
def test_what_was_not_used_can_be_given_back_by_the_last_one_only() -> None:
    first = predictions.reserve_ids(10)
    second = predictions.reserve_ids(10)

    assert not predictions.give_back_ids(first[5:])
    assert predictions.give_back_ids(second[3:])
    assert predictions.reserve_ids(1) == range(14, 15)


def test_a_database_that_is_away_is_said_and_not_swallowed(
    forest: MLAlgorithm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(rows: object) -> None:
        raise OperationalError("away")

    monkeypatch.setattr(dialects.current(), "insert", away)

    with pytest.raises(OperationalError, match="away"):
        predictions.record([row(1, forest)], "a")
