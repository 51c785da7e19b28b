"""Any graph of tensors predicts row by row what it says, in its own datatypes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper

from inference.core.errors import BundleInvalid, ModelOutputInvalid
from inference.core.graphs import Graph
from inference.engine.compute import blame
from inference.runtimes import graph as graphs
from inference.training import graphs as training
from inference.training.pack import Identity
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


def found(text: str, rows: Sequence[dict[str, Any]] | None = None) -> graphs.GraphRuntime:
    """As it is registered."""
    data = onnxgraphs.parsed(text)
    bundle = training.pack_graph(Identity("e", "graph", "1.0", "tests"), data, rows, "rows")
    assert isinstance(bundle.schema, Graph)
    return graphs.load(data, bundle.schema)


def shapes(runtime: graphs.GraphRuntime) -> list[list[int]]:
    return [list(spec.shape) for spec in (*runtime.graph.inputs, *runtime.graph.outputs)]


def test_rows_that_mind_their_neighbours_have_none() -> None:
    runtime = found(onnxgraphs.CROWD)

    (y,) = runtime.predict((np.array([[1, 2], [9, 9]], np.float32),))

    assert (runtime.graph.batched, shapes(runtime)) == (False, [[-1, 2], [-1, 2]])
    assert y.tolist() == [[1.0, 1.0], [1.0, 1.0]]


@pytest.mark.parametrize("rows", [None, [{"tokens": [1, 2, 3]}]])
def test_a_first_dimension_that_is_no_batch_belongs_to_the_row(rows: Any) -> None:
    runtime = found(onnxgraphs.SERIES, rows)

    (total,) = runtime.predict((np.array([[1, 2, 3], [4, 5, 6]]),))

    assert (runtime.graph.batched, shapes(runtime)) == (False, [[-1, -1], [-1]])
    assert total.tolist() == [6, 15]


@pytest.mark.parametrize(
    "rows", [None, [{"tokens": [1, 2, 3]}], [{"tokens": [7]}, {"tokens": [8]}]]
)
def test_an_output_of_two_values_is_not_taken_for_two_rows(rows: Any) -> None:
    runtime = found(onnxgraphs.SCORES, rows)

    (scores,) = runtime.predict((np.array([[1, 2, 3], [4, 5, 6]]),))

    assert (runtime.graph.batched, shapes(runtime)) == (False, [[-1, -1], [-1, 2]])
    assert scores.tolist() == [[6.0, -6.0], [15.0, -15.0]]


def test_one_row_is_enough_to_see_a_batch() -> None:
    assert found(onnxgraphs.LOG, [{"x": 2}]).graph.batched


def test_outputs_whose_shapes_differ_from_row_to_row_are_no_tensor() -> None:
    runtime = found(onnxgraphs.RAGGED, [{"tokens": [1, 1]}])

    assert runtime.predict((np.array([[0, 1]]),))[0].tolist() == [[[1]]]
    with pytest.raises(ModelOutputInvalid, match="different shapes"):
        runtime.predict((np.array([[0, 1], [1, 1]]),))


def test_what_is_looked_up_and_not_there_is_the_fault_of_its_row() -> None:
    with pytest.raises(ValueError, match="Gather") as raised:
        found(onnxgraphs.LOOKUP).predict((np.array([7]),))

    assert blame(raised.value).code == "model_rejected_row"


def test_a_text_that_is_no_utf_8_is_the_fault_of_its_row() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        found(onnxgraphs.WORDS).predict((np.array([[b"\xff"]], object), np.array([True])))


def test_a_graph_that_answers_otherwise_each_time_is_refused() -> None:
    with pytest.raises(BundleInvalid, match=r"golden rows.*--rows tries it on others"):
        found(onnxgraphs.DICE)


def test_a_graph_that_is_not_the_one_described_is_refused() -> None:
    other = found(onnxgraphs.LOG).graph

    with pytest.raises(BundleInvalid, match="take and give what its bundle says"):
        graphs.load(onnxgraphs.parsed(onnxgraphs.CROWD), other)


def test_of_large_rows_few_are_kept() -> None:
    row: dict[str, object] = {"x": [0.5] * 100_000}

    assert [len(training.few([row] * n)) for n in (1, 2, 3)] == [1, 2, 2]
    assert len(training.few([{"x": [0.5] * 1_000_000}] * 2)) == 1
    assert len(training.few([{"x": 1}] * 20)) == 16
