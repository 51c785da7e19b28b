"""An ONNX graph is served if it is one matrix in and one matrix of numbers out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from onnx import TensorProto, helper

from inference.core.errors import BundleInvalid
from inference.core.schema import Schema, Target
from inference.runtimes import loader
from inference.runtimes.base import Artefact, Kind, Runtime
from tests.inference import artefacts

SCHEMA = artefacts.SCHEMA
FLOAT, DOUBLE, INT64 = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.INT64


def graph(kind: int = FLOAT, width: int | None = 3, out_width: int = 2, inputs: int = 1) -> bytes:
    """The first `out_width` columns of its input, as they are."""
    columns = helper.make_tensor("columns", INT64, [out_width], list(range(out_width)))
    node = helper.make_node("Gather", ["rows0", "columns"], ["out"], axis=1)
    sources = [
        helper.make_tensor_value_info(f"rows{at}", kind, [None, width]) for at in range(inputs)
    ]
    sink = helper.make_tensor_value_info("out", kind, [None, out_width])
    model = helper.make_model(
        helper.make_graph([node], "gather", sources, [sink], [columns]),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
    )
    data: bytes = model.SerializeToString()
    return data


def load(data: bytes, schema: Schema = SCHEMA) -> Runtime:
    return loader.load(Artefact(Kind.ONNX, data, schema))


@pytest.mark.parametrize("kind", [FLOAT, DOUBLE])
def test_rows_go_in_and_float64_comes_out(kind: int) -> None:
    matrix = np.array([[0.25, 0.75, 9.0], [1.0, 0.0, 9.0]])

    (out,) = load(graph(kind)).predict((matrix,))

    assert out.dtype == np.float64
    assert out.tolist() == [[0.25, 0.75], [1.0, 0.0]]


def test_double_precision_is_kept() -> None:
    fine = 0.1 + 1e-12

    (out,) = load(graph(DOUBLE)).predict((np.array([[fine, 0.0, 0.0]]),))

    assert out[0, 0] == fine


def test_what_rounding_put_beyond_certainty_is_certainty() -> None:
    (out,) = load(graph()).predict((np.array([[-1e-7, 1.0000001, 0.0]]),))

    assert out.tolist() == [[0.0, 1.0]]


def test_scores_are_not_made_to_look_like_probabilities() -> None:
    (out,) = load(graph()).predict((np.array([[-2.0, 2.0, 0.0]]),))

    assert out.tolist() == [[-2.0, 2.0]]


def test_values_of_a_regression_have_no_bounds() -> None:
    schema = Schema(SCHEMA.features, Target("y", "regression"))

    (out,) = load(graph(out_width=1), schema).predict((np.array([[-5.0, 0.0, 0.0]]),))

    assert out.tolist() == [[-5.0]]


def test_a_regression_has_one_column() -> None:
    schema = Schema(SCHEMA.features, Target("y", "regression"))

    (out,) = load(graph(out_width=1), schema).predict((np.ones((4, 3)),))

    assert out.shape == (4, 1)


def test_the_caller_s_rows_are_left_alone() -> None:
    matrix = np.array([[0.1, 0.2, 0.3]])
    matrix.flags.writeable = False

    load(graph(DOUBLE)).predict((matrix,))

    assert matrix.tolist() == [[0.1, 0.2, 0.3]]


def test_a_batch_says_what_its_rows_say_alone() -> None:
    bundle = artefacts.bundle()
    runtime = loader.load(bundle.artefact())
    matrix = bundle.table.encode_many(artefacts.rows().records)

    (together,) = runtime.predict((matrix,))
    alone = [runtime.predict((matrix[at : at + 1],))[0] for at in range(len(matrix))]

    assert np.concatenate(alone).tolist() == together.tolist()


def test_many_threads_may_ask_at_once() -> None:
    runtime = load(graph(DOUBLE))
    together = threading.Barrier(4, timeout=5)

    def ask(number: int) -> list[float]:
        together.wait()
        return [float(runtime.predict((np.full((1, 3), number),))[0][0, 0]) for _ in range(200)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(ask, range(4)))

    assert answers == [[float(number)] * 200 for number in range(4)]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x08\x08 but not a graph", "ONNX Runtime refuses"),
        (graph()[:-20], "ONNX Runtime refuses"),
        (graph(width=5), "reads 5 features, its schema has 3"),
        (graph(inputs=2), "one matrix"),
        (graph(INT64), "one matrix of floats"),
    ],
)
def test_any_other_graph_is_refused(data: bytes, sentence: str) -> None:
    with pytest.raises(BundleInvalid, match=sentence):
        load(data)


def test_a_model_that_puts_out_maps_is_refused_with_the_way_out() -> None:
    from skl2onnx import to_onnx

    model = to_onnx(artefacts.forest(), np.zeros((1, 3), np.float32))

    with pytest.raises(BundleInvalid, match="zipmap=False"):
        load(model.SerializeToString())


def test_a_closed_runtime_keeps_no_session() -> None:
    runtime = load(graph())
    runtime.close()

    with pytest.raises(TypeError):
        runtime.predict((np.ones((1, 3)),))
