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
        ("int64", "INT64"),
        (">i2", "INT16"),
        ("uint8", "UINT8"),
        ("float16", "FP16"),
        ("bool", "FP64"),
        ("longdouble", "FP64"),
        ("object", "FP64"),
    ],
)
def test_numbers_are_sent_as_what_they_are(kind: str, name: str) -> None:
    assert blocks.packed(np.ones((2, 3), kind)).datatype == name


def test_bytes_are_little_endian_row_by_row() -> None:
    tensor = blocks.packed(np.array([[1, 2], [3, 4]], dtype=">f4").T)

    assert bytes(tensor.data) == np.array([1, 3, 2, 4], "<f4").tobytes()


def test_a_slice_is_packed_as_what_it_shows() -> None:
    whole = np.arange(20, dtype=np.float64).reshape(5, 4)

    np.testing.assert_array_equal(blocks.array_of(blocks.packed(whole[::2, 1:3])), whole[::2, 1:3])


@pytest.mark.parametrize("array", [np.ones(3), np.float64(1.0)])
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


def test_a_graph_answers_by_name_in_types_of_its_own() -> None:
    texts = Tensor("BYTES", (2, 1), memoryview(b"\1\0\0\0a\0\0\0\0"), "said")
    truths = Tensor("BOOL", (2,), memoryview(b"\1\0"), "quiet")
    label = tensor("<i8", [3, 4], "label")

    block = blocks.block_of(Answered(tensor("<i8", [7, 8]), [texts, truths, label], 1))

    assert {name: array.tolist() for name, array in block.outputs.items()} == {
        "said": [[b"a"], [b""]],
        "quiet": [True, False],
        "label": [3, 4],
    }
    assert (block.labels, block.names) == (None, [])


@pytest.mark.parametrize("data", [b"", b"\1\0\0\0", b"\1\0\0\0ab", b"\0\0\0\0\0\0\0\0"])
def test_texts_that_do_not_fill_their_shape_are_no_answer(data: bytes) -> None:
    with pytest.raises(Unexpected):
        blocks.array_of(Tensor("BYTES", (1,), memoryview(data)))


@pytest.mark.parametrize(("width", "rows"), [(10, 1000), (200, 645), (200_000, 1)])
def test_a_piece_fits_what_a_server_reads_as_one_frame(width: int, rows: int) -> None:
    pieces = list(blocks.split(np.broadcast_to(np.float64(1.0), (1500, width)), 1000))

    assert len(pieces[0]) == rows
    assert sum(map(len, pieces)) == 1500


def test_pieces_share_the_memory_of_the_whole() -> None:
    whole = np.zeros((7, 2))

    pieces = list(blocks.split(whole, 3))

    assert [len(piece) for piece in pieces] == [3, 3, 1]
    assert all(np.shares_memory(piece, whole) for piece in pieces)
