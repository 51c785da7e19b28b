"""Any graph of tensors predicts row by row what it says, in its own datatypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from inference.core.errors import BundleInvalid
from inference.runtimes import graph as graphs
from tests.inference import onnxgraphs
from tests.inference.onnxgraphs import BOOL, DOUBLE, FLOAT, INT64, STRING

TEXTS = np.array([[b"a", "\N{SNOWMAN}".encode()], [b"", b"c"]], dtype=object)


@pytest.mark.parametrize(
    ("kind", "shape", "array", "batched"),
    [
        (FLOAT, ["n", 2], np.ones((3, 2), np.float32), True),
        (DOUBLE, ["n"], np.array([1.0, np.nan]), True),
        (INT64, ["n"], np.array([2**62, 1]), True),
        (BOOL, ["n", 1], np.array([[True], [False]]), True),
        (STRING, ["n", "m"], TEXTS, True),
        (STRING, [1, 2], TEXTS, False),
        (STRING, [], TEXTS[:, 0], False),
        (FLOAT, [1, 2], np.ones((3, 2), np.float32), False),
        (FLOAT, [3, 2], np.ones((4, 3, 2), np.float32), False),
        (INT64, [], np.array([4, 5]), False),
    ],
)
def test_every_form_comes_out_as_it_went_in(
    kind: int,
    shape: list[Any],
    array: Any,
    batched: bool,  # a table
) -> None:
    runtime = graphs.load(onnxgraphs.same(("x", kind, shape)))

    (out,) = runtime.predict((array,))

    assert runtime.graph.batched is batched
    assert out.dtype == array.dtype
    np.testing.assert_array_equal(out, array)


def test_two_inputs_and_two_outputs() -> None:
    runtime = graphs.load(onnxgraphs.two())

    root, label = runtime.predict((np.array([[4, 9]], np.float32), np.array([2])))

    assert (root.tolist(), label.tolist()) == ([[2.0, 3.0]], [True])


def test_what_is_no_tensor_is_refused_by_name() -> None:
    node = helper.make_node("SequenceConstruct", ["x"], ["many"])
    source = helper.make_tensor_value_info("x", FLOAT, ["n"])
    sink = helper.make_tensor_sequence_value_info("many", TensorProto.FLOAT, None)
    made = helper.make_model(
        helper.make_graph([node], "g", [source], [sink]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )

    with pytest.raises(BundleInvalid, match="many is a seq"):
        graphs.load(made.SerializeToString())
