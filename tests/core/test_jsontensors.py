"""JSON data is the array it spells, flat or nested, or is refused with its place."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from inference.core import datatypes, jsontensors
from inference.core.datatypes import BYTES, DTYPES
from inference.core.errors import RowInvalid

NUMBERS = sorted(DTYPES.keys() - {BYTES})
SHAPES = arrays.array_shapes(max_dims=3, max_side=4)


def decoded(datatype: str, shape: list[int], data: str) -> Any:
    return jsontensors.decoded("x", datatype, shape, data.encode()).array.tolist()


@given(st.data(), st.sampled_from(NUMBERS), SHAPES, st.booleans())
def test_numbers_survive_flat_and_nested(
    data: st.DataObject, datatype: str, shape: tuple[int, ...], flat: bool
) -> None:
    dtype = DTYPES[datatype]
    finite: Any = {"allow_nan": False, "allow_infinity": False} if dtype.kind == "f" else {}
    elements = arrays.from_dtype(dtype, **finite)
    array = data.draw(arrays.arrays(dtype, shape, elements=elements))
    text = jsontensors.encoded(array) if flat else json.dumps(array.tolist()).encode()

    found = jsontensors.decoded("x", datatype, shape, text)

    assert found.array.dtype == dtype
    assert np.array_equal(found.array, array)


@given(st.lists(st.text(max_size=5), min_size=1, max_size=5))
def test_texts_survive(values: list[str]) -> None:
    array = datatypes.texts("x", values).array
    text = jsontensors.encoded(array)
    assert json.loads(text) == values
    assert decoded(BYTES, [len(values), 1], text.decode()) == [[v.encode()] for v in values]


def test_null_is_a_missing_value_and_comes_out_of_what_is_none() -> None:
    assert np.isnan(decoded("FP32", [2], "[null, 1]")[0])
    assert jsontensors.encoded(np.array([np.nan, np.inf, 1.5])) == b"[null,null,1.5]"
    assert jsontensors.encoded(np.array([b"\xff"], dtype=object)) == '["\ufffd"]'.encode()


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "expected"),
    [
        ("FP16", [2], "[0.1, 2]", [float(np.float16(0.1)), 2.0]),
        ("FP32", [1], "[0.1]", [float(np.float32(0.1))]),
        ("FP32", [1], "[1e39]", [float("inf")]),
        ("INT64", [1], "[9007199254740993]", [9007199254740993]),
        ("UINT64", [1], "[18446744073709551615]", [18446744073709551615]),
        ("BOOL", [3], "[true, false, 1]", [True, False, True]),
        ("INT8", [1, 2], " \n[ [1,\t2] ] ", [[1, 2]]),
        ("FP64", [1, 1, 1], "[[[5]]]", [[[5.0]]]),
    ],
)
def test_each_datatype_is_its_own(
    datatype: str, shape: list[int], data: str, expected: list[Any]
) -> None:
    assert decoded(datatype, shape, data) == expected


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "row", "said"),
    [
        ("FP32", [2], "[1]", None, "[2] are 2 elements, not 1"),
        ("FP32", [2, 2], "[[1,2],[3]]", None, "not nested like [2, 2]"),
        ("FP32", [2, 2], "[[1],[2,3,4]]", None, "not nested"),
        ("FP32", [2, 3], "[[1,2],[3,4],[5,6]]", None, "not nested"),
        ("FP32", [2, 2], "[[1,2]]", None, "4 elements, not 2"),
        ("FP32", [2], "[[1],[2]]", None, "flat or nested like [2]"),
        ("FP32", [1, 1, 1], "[[1]]", None, "flat or nested"),
        ("FP32", [1], "[" * 5000 + "]" * 5000, None, "flat or nested"),
        ("FP32", [1], "3", None, "flat or nested"),
        ("FP32", [1], '{"a": 1}', None, "flat or nested"),
        ("FP32", [2, 2], '[[1,2],[3,"x"]]', 1, "Expected `float | null`, got `str`"),
        ("FP32", [2, 2], '[1,2,3,"x"]', 1, "got `str`"),
        ("INT32", [3], "[1,2,2.5]", 2, "Expected `int`"),
        ("INT32", [1], "[null]", 0, "Expected `int`"),
        ("BYTES", [2], '["a", 1]', 1, "Expected `str`"),
        ("BOOL", [1], '["true"]', 0, "got `str`"),
        ("INT8", [1], "[128]", None, "out of the range of INT8"),
        ("UINT8", [1], "[-1]", None, "out of the range of UINT8"),
        ("INT64", [1], "[9223372036854775808]", None, "out of the range of INT64"),
        ("INT64", [1], "[%s]" % ("9" * 30), None, ""),
        ("INT64", [1], "[%s]" % ("9" * 5000), None, ""),
        ("FP32", [1], "[1e999]", 0, "out of range"),
        ("FP32", [1], "[[[[[[[[[[1]]]]]]]]]]", None, "flat or nested"),
        ("FP32", [2**40, 2], "[1]", None, "more than there is"),
        ("FP32", [-1], "[1]", None, "negative"),
        ("FP99", [1], "[1]", None, "no datatype"),
        ("BYTES", [1], r'["\ud800"]', None, ""),
    ],
)
def test_what_is_no_such_data_is_refused(
    datatype: str, shape: list[int], data: str, row: int | None, said: str
) -> None:
    with pytest.raises(RowInvalid) as refused:
        decoded(datatype, shape, data)
    assert said in refused.value.message
    assert refused.value.field == "x"
    if row is not None:
        assert refused.value.row == row
    assert len(refused.value.message) < 200
