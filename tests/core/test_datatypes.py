"""Arrays and their bytes are the same thing twice, and bytes that are no array are refused."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from inference.core import datatypes
from inference.core.datatypes import BYTES, DTYPES, MAX_DIMENSIONS
from inference.core.errors import RowInvalid

SHAPES = arrays.array_shapes(max_dims=3, max_side=4)
NUMBERS = sorted(DTYPES.keys() - {BYTES})


def of_texts(values: list[bytes]) -> Any:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


@given(st.data(), st.sampled_from(NUMBERS), SHAPES)
def test_numbers_survive_to_the_last_bit(
    data: st.DataObject, datatype: str, shape: tuple[int, ...]
) -> None:
    array = data.draw(arrays.arrays(DTYPES[datatype], shape))

    found = datatypes.decoded("x", datatype, shape, datatypes.encoded(array))

    assert found.array.tobytes() == array.tobytes()
    assert (found.name, found.datatype, found.array.dtype) == ("x", datatype, array.dtype)
    assert datatypes.named("x", array).datatype == datatype


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=9))
def test_elements_of_any_length_survive(values: list[bytes]) -> None:
    data = datatypes.encoded(of_texts(values))

    assert datatypes.decoded("x", BYTES, [len(values)], data).array.tolist() == values
    assert datatypes.decoded("x", BYTES, [len(values), 1], memoryview(data)).array.shape[1] == 1


def test_numbers_are_viewed_where_they_lie() -> None:
    data = bytearray(np.arange(4, dtype="<f4").tobytes())
    array = datatypes.decoded("x", "FP32", [2, 2], memoryview(data)).array
    data[:4] = np.float32(9).tobytes()
    assert array[0, 0] == 9


def test_any_byte_but_zero_is_true() -> None:
    assert datatypes.decoded("x", "BOOL", [3], b"\0\2\xff").array.tolist() == [False, True, True]


def test_the_other_byte_order_and_gaps_are_put_right() -> None:
    array = np.arange(6, dtype=">f8").reshape(2, 3).T
    assert np.frombuffer(datatypes.encoded(array)).tolist() == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize(
    ("datatype", "shape", "data", "said"),
    [
        ("FP31", [1], b"", "'FP31' is no datatype"),
        ("fp32", [1], b"\0\0\0\0", "no datatype"),
        ("X" * 5000, [1], b"", "no datatype"),
        ("FP32", [2], b"\0\0\0\0", "[2] of FP32 are 8 bytes, not 4"),
        ("FP32", [-1], b"", "negative"),
        ("FP32", [-1, -1], b"\0\0\0\0", "negative"),
        ("FP32", [], b"\0\0\0\0", "dimensions"),
        ("FP32", [1] * (MAX_DIMENSIONS + 1), b"\0\0\0\0", "dimensions"),
        ("FP32", [0], b"", "holds nothing"),
        ("FP32", [2**62, 2**62, 0], b"", "holds nothing"),
        ("FP32", [2**31, 2**31, 4], b"", "more than there is"),
        ("UINT8", [2**64], b"", "more than there is"),
        ("FP64", [2**39], b"", "bytes"),
        ("FP64", [10**4000], b"", "more than there is"),
        ("FP64", [-(10**4000)], b"", "negative"),
        (BYTES, [2**39], b"", "do not fit"),
        (BYTES, [2], b"\0\0\0\0", "do not fit"),
        (BYTES, [1], b"\4\0\0\0abc", "as long as its elements say"),
        (BYTES, [1], b"\2\0\0\0abc", "as long as its elements say"),
        (BYTES, [2], b"\xff\xff\xff\xffabcdefgh", "ends before"),
        (BYTES, [1], b"\0\0", "do not fit"),
    ],
)
def test_what_is_no_tensor_is_refused_by_its_name(
    datatype: str, shape: list[int], data: bytes, said: str
) -> None:
    with pytest.raises(RowInvalid) as refused:
        datatypes.decoded("x", datatype, shape, data)
    assert said in refused.value.message
    assert refused.value.field == "x"
    assert len(refused.value.message) < 200


@given(st.sampled_from([*DTYPES]), st.lists(st.integers(-2, 9), max_size=3), st.binary(max_size=40))
def test_any_bytes_are_a_tensor_or_are_refused(
    datatype: str, shape: list[int], data: bytes
) -> None:
    try:
        found = datatypes.decoded("x", datatype, shape, data)
    except RowInvalid:
        return
    assert list(found.array.shape) == shape


def test_some_of_the_rows() -> None:
    tensor = datatypes.named("x", np.array([[1.0], [2.0], [3.0]]))
    assert tensor.taken([2, 0]).array.tolist() == [[3.0], [1.0]]
    assert datatypes.texts("y", ["a", "é"]).array.tolist() == [b"a", "é".encode()]
