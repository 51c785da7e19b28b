"""Shapes with free sizes."""

from __future__ import annotations

import pytest

from inference.core import nested
from inference.core.errors import RowInvalid
from inference.core.signature import Spec


@pytest.mark.parametrize(
    ("shape", "wanted", "fits"),
    [((), (), True), ((2,), (-1,), True), ((2,), (3,), False), ((2,), (2, 1), False)],
)
def test_a_free_size_is_any(
    shape: tuple[int, ...], wanted: tuple[int, ...], fits: bool
) -> None:  # a table
    assert nested.fits(shape, wanted) is fits


@pytest.mark.parametrize("value", [1.5, 2.0**60, float("nan"), 300, -129])
def test_a_number_that_is_no_integer_of_the_type_is_refused(value: float) -> None:
    with pytest.raises(RowInvalid, match="a has a number that is no INT8"):
        nested.array(Spec("a", "INT8", (-1,)), value)


def test_a_whole_float_is_an_integer() -> None:
    found = nested.array(Spec("a", "INT64", (-1, 2)), [1.0, 2.0])

    assert (found.dtype.name, found.tolist()) == ("int64", [1, 2])


def test_a_lone_value_is_a_list_of_one() -> None:
    assert nested.array(Spec("a", "INT8", (-1, 1)), 3).tolist() == [3]
