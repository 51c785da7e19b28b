"""Shapes with free sizes."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core import datatypes, nested
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


@pytest.mark.parametrize("datatype", ["FP32", "BYTES", "INT64", "BOOL"])
def test_a_long_text_among_many_short_ones_takes_no_more_room_than_it_has(datatype: str) -> None:
    value = ["x" * 20_000] + ["a"] * 100_000
    tracemalloc.start()
    try:
        with suppress(RowInvalid):
            nested.array(Spec("a", datatype, (-1, -1)), value)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 64 << 20


@pytest.mark.parametrize("datatype", ["FP16", "FP64", "BYTES", "INT8", "UINT64", "BOOL"])
def test_an_empty_list_is_of_any_datatype(datatype: str) -> None:
    found = nested.array(Spec("a", datatype, (-1, -1)), [])

    assert (found.shape, found.dtype) == ((0,), datatypes.DTYPES[datatype])


def test_a_text_keeps_what_ends_it() -> None:
    assert nested.array(Spec("a", "BYTES", (-1,)), "a\0").tolist() == b"a\0"


@pytest.mark.parametrize(
    ("datatype", "value"),
    [("UINT64", 2**64 - 1), ("INT64", -(2**63)), ("INT64", 2**53 + 1), ("FP64", 2**53)],
)
def test_integers_are_exact(datatype: str, value: int) -> None:
    for sent in (value, [value, 1]):
        shape = (-1, -1) if isinstance(sent, list) else (-1,)
        assert nested.array(Spec("a", datatype, shape), sent).tolist() == sent


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, [2**63, -1], [[1], [2, 3]], [True], ["1"]])
def test_what_no_integer_can_be_is_refused(value: object) -> None:
    shape = (-1, -1) if isinstance(value, list) else (-1,)
    with pytest.raises(RowInvalid) as caught:
        nested.array(Spec("a", "INT64", shape), value)

    assert caught.value.field == "a"


@pytest.mark.parametrize("value", [[["a"], ["b", "c"]], [["a"], "b"], [["a", None]], {"a": 1}])
def test_texts_that_are_not_nested_alike_are_refused(value: object) -> None:
    with pytest.raises(RowInvalid, match="a must be BYTES nested like"):
        nested.array(Spec("a", "BYTES", (-1, -1, -1)), value)


_WILD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda deep: st.lists(deep, max_size=3) | st.dictionaries(st.text(), deep, max_size=2),
)


@given(_WILD, st.sampled_from(sorted(datatypes.DTYPES)), st.integers(0, 3))
def test_whatever_comes_is_an_array_of_the_datatype_or_refused(
    value: object, datatype: str, dimensions: int
) -> None:
    with suppress(RowInvalid):
        found = nested.array(Spec("a", datatype, (-1,) * (1 + dimensions)), value)
        assert (found.ndim, found.dtype) == (dimensions, datatypes.DTYPES[datatype])
