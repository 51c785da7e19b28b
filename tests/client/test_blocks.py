from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from weir_client import blocks
from weir_client.blocks import Answered, Tensor
from weir_client.errors import Unexpected
from weir_client.values import Block

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=9)


@given(arrays.arrays(st.sampled_from(["<f4", ">f4", "<f8", ">f8"]), SHAPES), st.sampled_from("CF"))
def test_what_is_packed_is_unpacked_to_the_bit(array: Any, order: Any) -> None:
    laid = np.asarray(array, order=order)

    found = blocks.array_of(blocks.packed(laid))

    assert found.shape == array.shape
    np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("float32", "FP32"),
        ("float64", "FP64"),
        ("int64", "FP64"),
        ("bool", "FP64"),
        ("float16", "FP64"),
    ],
)
def test_only_float32_is_sent_as_such(kind: str, name: str) -> None:
    assert blocks.packed(np.ones((2, 3), kind)).datatype == name


def test_bytes_are_little_endian_row_by_row() -> None:
    tensor = blocks.packed(np.array([[1, 2], [3, 4]], dtype=">f4").T)

    assert bytes(tensor.data) == np.array([1, 3, 2, 4], "<f4").tobytes()


def test_a_slice_is_packed_as_what_it_shows() -> None:
    whole = np.arange(20, dtype=np.float64).reshape(5, 4)

    np.testing.assert_array_equal(blocks.array_of(blocks.packed(whole[::2, 1:3])), whole[::2, 1:3])


@pytest.mark.parametrize("array", [np.ones(3), np.ones((1, 2, 3)), np.float64(1.0)])
def test_other_shapes_are_no_blocks(array: Any) -> None:
    with pytest.raises(ValueError, match="two dimensions"):
        blocks.packed(array)


def test_what_is_no_number_cannot_be_packed() -> None:
    with pytest.raises(ValueError, match="could not convert"):
        blocks.packed(np.array([["a"]]))


@pytest.mark.parametrize("kind", ["c16", "m8[s]", "M8[s]"])
def test_what_numpy_would_make_a_number_is_none(kind: str) -> None:
    with pytest.raises(ValueError, match="no kind of them"):
        blocks.packed(np.zeros((1, 1), kind))


def test_a_row_without_an_answer_has_no_name() -> None:
    ids, labels = np.array([7, 8]), np.array([-1, 0], np.int32)
    assert Block(ids, 1, "1", ("no", "yes"), labels).names == ["", "no"]
    assert Block(ids, 1, "1", ("no", "yes")).names == ["", ""]
    assert Block(ids, 1, "1").names == []


@pytest.mark.parametrize(
    "tensor",
    [Tensor("FP32", (2, 3), memoryview(b"123")), Tensor("BF16", (0,), memoryview(b""))],
)
def test_a_tensor_that_does_not_fill_its_shape_is_no_answer(tensor: Tensor) -> None:
    with pytest.raises(Unexpected):
        blocks.array_of(tensor)


def tensor(kind: str, values: Any, name: str = "") -> Tensor:
    array = np.array(values, kind)
    names = {"<i8": "INT64", "<i4": "INT32", "<f8": "FP64"}
    return Tensor(names[kind], array.shape, memoryview(array.tobytes()), name)


def test_an_answer_becomes_arrays() -> None:
    answered = Answered(
        tensor("<i8", [7, 8]),
        [tensor("<i4", [1, 0], "label"), tensor("<f8", [[0.1, 0.9], [0.6, 0.4]], "probabilities")],
        algorithm=3,
        version="1.0",
        classes=("no", "yes"),
        errors={"1": {"code": "row_invalid", "message": "no"}},
    )

    block = blocks.block_of(answered)

    assert (len(block), block.algorithm, block.version) == (2, 3, "1.0")
    assert (block.request_ids.tolist(), block.names) == ([7, 8], ["yes", "no"])
    assert block.probabilities is not None
    assert block.probabilities.shape == (2, 2)
    assert block.value is None
    assert block.errors[1].error.code == "row_invalid"


def test_a_measured_value_has_no_names() -> None:
    block = blocks.block_of(Answered(tensor("<i8", [7]), [tensor("<f8", [1.5], "value")], 1))

    assert block.value is not None
    assert (block.value.tolist(), block.names, block.classes) == ([1.5], [], ())


def test_pieces_share_the_memory_of_the_whole() -> None:
    whole = np.zeros((7, 2))

    pieces = list(blocks.split(whole, 3))

    assert [len(piece) for piece in pieces] == [3, 3, 1]
    assert all(np.shares_memory(piece, whole) for piece in pieces)
