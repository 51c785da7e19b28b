"""Requests are counted under who answered and how it ended, and under nothing a caller made up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from inference.core import census
from inference.core.answers import TableRenderer
from inference.core.census import Asked, Batches, Requests
from inference.core.errors import ModelError, RowInvalid, WeirError
from inference.core.reader import RowReader
from inference.core.routing import Algorithm
from inference.core.rows import NumberRows
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Context, Part, Served
from inference.core.types import LogMode

FOREST = Algorithm(1, "forest", "1.0", "production")
TREES = Algorithm(2, "trees", "1.1", "testing")
SCHEMA = Schema((Feature("a", "number"),), Target("y", "binary", ("n", "y")))


def part(
    algorithm: Algorithm = FOREST, rows: int = 1, errors: Mapping[int, WeirError] | None = None
) -> Part:
    context = Context(NumberRows([[0.5]] * rows), "", LogMode.OFF, datetime.now(UTC))
    served = Served(algorithm, RowReader(SCHEMA), TableRenderer(SCHEMA.target, algorithm), None)
    made = Part(served, None, range(rows), range(1, rows + 1), context)
    made.errors = errors or {}
    return made


def test_a_request_is_counted_under_the_algorithm_that_answered() -> None:
    requests = Requests("rest")
    requests.answered("e", [part()], 0.002)
    requests.answered("e", [part()], 0.004)
    ((labels, seconds),) = requests.series()
    assert labels == Asked("e", "1.0", "forest", "rest", "ok")
    assert (seconds.count, seconds.total) == (2, 0.006)


def test_algorithms_and_outcomes_are_told_apart() -> None:
    requests = Requests("ws")
    requests.answered("e", [part()], 0.1)
    requests.answered("e", [part(TREES)], 0.1)
    requests.answered("e", [part(TREES)], 0.1)
    requests.answered("e", [part(TREES, errors={0: RowInvalid("no")})], 0.1)
    requests.ended("e", [part(TREES)], "deadline_exceeded", 0.1)
    requests.ended("e", (), "overloaded", 0.1)
    assert {labels: seconds.count for labels, seconds in requests.series()} == {
        Asked("e", "1.0", "forest", "ws", "ok"): 1,
        Asked("e", "1.1", "trees", "ws", "ok"): 2,
        Asked("e", "1.1", "trees", "ws", "row_invalid"): 1,
        Asked("e", "1.1", "trees", "ws", "deadline_exceeded"): 1,
        Asked("e", "", "", "ws", "overloaded"): 1,
    }


def test_a_request_that_fell_to_several_is_one_request_of_nobody_in_particular() -> None:
    requests = Requests("rest")
    requests.answered("e", [part(), part(TREES)], 0.1)
    ((labels, seconds),) = requests.series()
    assert labels == Asked("e", "", "several", "rest", "ok")
    assert seconds.count == 1


def test_algorithms_of_the_same_name_and_version_are_one_series() -> None:
    requests = Requests("rest")
    requests.answered("e", [part()], 0.1)
    requests.answered("e", [part(Algorithm(9, "forest", "1.0", "testing"))], 0.1)
    ((_, seconds),) = requests.series()
    assert seconds.count == 2


def test_an_outcome_is_an_error_only_if_no_row_was_answered() -> None:
    wrong, broken = RowInvalid("no"), ModelError("no")
    assert census.outcome([part()]) == "ok"
    assert census.outcome([part(errors={0: wrong})]) == "row_invalid"
    assert census.outcome([part(rows=2, errors={1: wrong})]) == "partial"
    assert census.outcome([part(rows=2, errors={0: broken, 1: wrong})]) == "model_error"
    assert census.outcome([part(errors={0: wrong}), part(TREES)]) == "partial"


def test_batches_count_rows_and_keep_waiting_apart_from_computing() -> None:
    batches = Batches()
    batches.ran(3, 1, 0.002, 0.0005)
    batches.ran(8, 0, 0.001, 0.0005)
    assert (batches.rows, batches.errors, batches.size.count) == (11, 1, 2)
    assert (batches.queue.total, batches.compute.total) == (0.003, 0.001)
    assert dict(batches.size.cumulative())[4.0] == 1
