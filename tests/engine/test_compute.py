"""What a model returns is counted and looked at before anybody gets a row of it."""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
import pytest

from inference.core.errors import ModelError, ModelRejectedRow, RowInvalid
from inference.core.tensors import Tensors
from inference.engine.compute import attempt, blame, not_finite, shares

ONE_TO_FOUR = (np.arange(1.0, 5.0).reshape(-1, 1),)


def try_with(predict: Any) -> Any:
    ticks = count()
    return attempt(predict, ONE_TO_FOUR, lambda: float(next(ticks)))


def test_outputs_come_with_the_seconds_they_took() -> None:
    tried = try_with(lambda tensors: tensors)

    assert tried == (ONE_TO_FOUR, None, 1.0, 0.0)


def test_what_is_raised_is_told() -> None:
    error = ArithmeticError("no")

    def fail(tensors: Tensors) -> Tensors:
        raise error

    assert try_with(fail) == (None, error, 1.0, 0.0)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (None, "the model returned NoneType, not arrays"),
        ((), "the model returned tuple, not arrays"),
        (np.ones(4), "the model returned ndarray, not arrays"),
        (([1, 2, 3, 4],), "the model returned something that has no rows"),
        ((np.float64(4),), "the model returned something that has no rows"),
        ((np.array(4.0),), "the model returned something that has no rows"),
        ((np.ones((3, 1)),), "the model returned 3 rows for 4"),
        ((np.ones((4, 1)), np.ones((5, 1))), "the model returned 5 rows for 4"),
        ((np.ones((0, 1)),), "the model returned 0 rows for 4"),
    ],
)
def test_what_is_not_one_row_for_each_row_is_no_output(returned: object, sentence: str) -> None:
    tried = try_with(lambda _: returned)

    assert tried.outputs is None
    assert tried.error.code == "model_output_invalid"
    assert tried.error.message == sentence


@pytest.mark.parametrize(
    ("outputs", "rows"),
    [
        ((np.ones((3, 2)),), []),
        ((np.array([[1.0, np.nan], [2, 3], [np.inf, 0]]),), [0, 2]),
        ((np.array([1.0, -np.inf]), np.array([np.nan, 1.0])), [0, 1]),
        ((np.array([[1e300], [1e300]]),), []),  # the sum of squares overflows, the numbers do not
        ((np.array([[1e300], [np.nan]]),), [1]),
        ((np.array([3e38, np.nan], dtype=np.float32),), [1]),
        ((np.array([1 + 2j, complex(np.nan, 0)]),), [1]),
        ((np.array([1, 2]), np.array(["a", "b"])), []),
        ((np.array(["a", "b"]), np.array([np.nan, 1.0])), [0]),
        ((np.ones((2, 2, 2)) * [[[1.0, 1.0], [1.0, np.nan]]],), [0, 1]),
        ((np.ones((4, 6))[::2, ::3],), []),
    ],
)
def test_rows_that_are_no_numbers_are_found(outputs: Tensors, rows: list[int]) -> None:
    assert list(not_finite(outputs)) == rows


def test_each_gets_his_rows_of_every_array_as_views() -> None:
    one, two = np.arange(6), np.arange(12).reshape(6, 2)

    cut = shares((one, two), [1, 3, 2])

    assert [[array.tolist() for array in share] for share in cut] == [
        [[0], [[0, 1]]],
        [[1, 2, 3], [[2, 3], [4, 5], [6, 7]]],
        [[4, 5], [[8, 9], [10, 11]]],
    ]
    assert all(share[0].base is one for share in cut)


def test_who_is_alone_gets_it_all() -> None:
    outputs = (np.arange(3),)

    assert shares(outputs, [3])[0] is outputs


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (ValueError("too large for float32"), ModelRejectedRow, "too large for float32"),
        (TypeError("x" * 500), ModelRejectedRow, "x" * 200),
        (ValueError(), ModelRejectedRow, "The model refused this row."),
        (KeyError("secret"), ModelError, "The model failed."),
        (SystemExit(1), ModelError, "The model failed."),
        (RowInvalid("no age", field="age"), RowInvalid, "no age"),
    ],
)
def test_the_caller_is_told_what_helps_him_and_no_more(
    raised: BaseException, kind: type, message: str
) -> None:
    error = blame(raised)

    assert type(error) is kind
    assert error.message == message
    assert error is not raised
