"""Rows come in by spans in any order; a job goes out with its last row."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from inference.core.bisection import Span
from inference.core.errors import ModelError
from inference.engine.pieces import Pieces
from inference.engine.waiter import Waiter
from tests.engine.crowd import Sevenfold, job


@pytest.fixture
async def batch() -> list[Waiter]:
    """Three jobs: rows 0, 1..3 and 4..5."""
    loop = asyncio.get_running_loop()
    jobs = [job(Sevenfold(), *range(rows)) for rows in (1, 3, 2)]
    return [Waiter(each, len(each.tensors[0]), loop.create_future(), 0.0) for each in jobs]


def rows(*values: float) -> tuple[np.ndarray]:
    return (np.array(values, dtype=np.float64).reshape(-1, 1),)


async def test_a_job_is_complete_with_its_last_row(batch: list[Waiter]) -> None:
    pieces = Pieces(batch)

    assert pieces.passed(Span(4, 6), rows(40, 50)) == [2]
    assert pieces.passed(Span(0, 2), rows(0, 10)) == [0]
    assert pieces.failed(2, ModelError()) == []
    assert pieces.passed(Span(3, 4), rows(30)) == [1]

    outputs, errors = pieces.share(1)
    assert outputs is not None
    np.testing.assert_array_equal(outputs[0], [[10], [np.nan], [30]])
    assert {row: error.row for row, error in errors.items()} == {1: 1}
    assert pieces.errors == 1


async def test_rows_that_are_no_numbers_fail_where_the_others_pass(batch: list[Waiter]) -> None:
    pieces = Pieces(batch)

    assert pieces.passed(Span(0, 6), rows(0, 10, np.inf, 30, 40, 50)) == [0, 1, 2]

    outputs, errors = pieces.share(1)
    assert outputs is not None
    np.testing.assert_array_equal(outputs[0], [[10], [np.nan], [30]])
    assert [(row, error.code) for row, error in errors.items()] == [(1, "model_output_invalid")]


async def test_a_job_without_any_good_row_has_no_outputs(batch: list[Waiter]) -> None:
    pieces = Pieces(batch)
    pieces.failed(0, ModelError())
    assert pieces.share(0)[0] is None

    pieces.passed(Span(1, 4), rows(1, 2, 3))
    pieces.failed(4, ModelError())
    pieces.failed(5, ModelError())

    assert pieces.share(2)[0] is None
    assert list(pieces.share(2)[1]) == [0, 1]


@pytest.mark.parametrize(
    "other", [np.ones((1, 2)), np.ones((1, 1), np.float32), np.ones(1), np.ones((1, 1), int)]
)
async def test_rows_of_another_form_do_not_fit(batch: list[Waiter], other: np.ndarray) -> None:
    pieces = Pieces(batch)
    assert pieces.fits(Span(1, 2), (other,))

    pieces.passed(Span(1, 2), rows(1))

    assert not pieces.fits(Span(2, 3), (other,))
    assert not pieces.fits(Span(2, 3), (*rows(1), *rows(1)))
    assert pieces.fits(Span(2, 4), rows(2, 3))


async def test_jobs_of_a_graph_may_have_outputs_of_different_forms(batch: list[Waiter]) -> None:
    batch[0].job.model.free_form = True  # type: ignore[misc]  # of a real model it does not change
    pieces = Pieces(batch)
    boxes = np.ones((2, 5, 4))

    assert pieces.passed(Span(0, 1), rows(1)) == [0]
    assert pieces.fits(Span(4, 6), (boxes,))
    assert not pieces.fits(Span(0, 6), (np.ones((6, 5, 4)),))
    assert pieces.passed(Span(4, 6), (boxes,)) == [2]

    shares = [pieces.share(0)[0], pieces.share(2)[0]]
    assert [share[0].shape for share in shares if share] == [(1, 1), (2, 5, 4)]


async def test_a_span_is_wanted_while_one_of_its_jobs_is(batch: list[Waiter]) -> None:
    pieces = Pieces(batch)
    batch[1].answer.cancel()

    assert pieces.wanted(Span(0, 2))
    assert pieces.wanted(Span(0, 6))
    assert not pieces.wanted(Span(1, 4))
    assert not pieces.wanted(Span(2, 3))
    assert pieces.wanted(Span(3, 5))


async def test_missing_whole_numbers_are_zeros(batch: list[Waiter]) -> None:
    pieces = Pieces(batch)
    pieces.passed(Span(1, 3), (np.array([7, 8]),))
    pieces.failed(3, ModelError())

    outputs, _ = pieces.share(1)

    assert outputs is not None
    assert outputs[0].tolist() == [7, 8, 0]
