"""Rows are joined and cut without being mixed up, and without a copy where none is needed."""

from __future__ import annotations

import numpy as np
import pytest

from inference.core import tensors

A = (np.array([[1.0], [2.0]]), np.array(["a", "b"]))
B = (np.array([[3.0]]), np.array(["c"]))


def test_rows_are_counted_once_however_many_arrays() -> None:
    assert (tensors.rows(A), tensors.rows(B), tensors.rows(())) == (2, 1, 0)


def test_joining_keeps_the_order_in_each_array() -> None:
    numbers, texts = tensors.concat([A, B, A])
    assert numbers.ravel().tolist() == [1, 2, 3, 1, 2]
    assert texts.tolist() == ["a", "b", "c", "a", "b"]


def test_one_part_is_not_copied() -> None:
    assert tensors.concat([A]) is A


def test_cutting_gives_views() -> None:
    numbers, texts = tensors.cut(A, 1, 2)
    assert numbers.base is A[0]
    assert (numbers.tolist(), texts.tolist()) == ([[2.0]], ["b"])


@pytest.mark.parametrize(
    ("given", "left"), [(0.25, 0.25), (1.0, 1.0), (1.0 + 5e-6, 1.0), (1.5, 1.5)]
)
def test_only_what_rounding_has_added_is_taken_away(given: float, left: float) -> None:
    assert tensors.unrounded(np.array([[given]])).tolist() == [[left]]
