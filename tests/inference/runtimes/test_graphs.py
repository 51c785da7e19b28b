"""A graph's tensors go in and come out as its signature says, whatever they are."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import onnx.parser
import pytest

from inference.core.errors import BundleInvalid, ModelOutputInvalid
from inference.core.graphs import Graph
from inference.core.signature import Signature, Spec
from inference.core.tensors import Tensors
from inference.runtimes import loader
from inference.runtimes.base import GraphArtefact, Kind, Runtime
from tests.inference import graphs

RAGGED = """ragged (int64[L] tokens) => (int64[K, 1] places) {
    raw = NonZero(tokens)
    places = Transpose(raw)
}"""


def load(text: str) -> Runtime:
    return loader.load(GraphArtefact(Kind.ONNX, graphs.model(text), graphs.tried(text).graph))


def texts(*rows: Any) -> Any:
    return np.array([[word.encode() for word in row] for row in rows], dtype=object)


def test_several_inputs_and_outputs_keep_their_datatypes() -> None:
    x = np.array([[1, 2, 3], [3, 2, 1]], np.float32)

    scores, label = load(graphs.TWO).predict((x, np.array([2, -1])))

    assert (scores.dtype, label.dtype) == (np.float32, np.int64)
    assert scores.tolist() == [[2.0, 4.0, 6.0], [-3.0, -2.0, -1.0]]
    assert label.tolist() == [2, 2]


def test_texts_and_truths_are_tensors_too() -> None:
    said, quiet = load(graphs.WORDS).predict((texts(["ä", ""]), np.array([True])))

    assert said.tolist() == [["ä!".encode(), b"!"]]
    assert (quiet.dtype, quiet.tolist()) == (np.bool_, [False])


def test_a_text_that_is_no_utf_8_is_the_fault_of_its_row() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        load(graphs.WORDS).predict((np.array([[b"\xff"]], object), np.array([True])))


def test_a_batch_of_one_answers_row_by_row() -> None:
    (y,) = load(graphs.FIXED).predict((np.array([[1, 2, 3], [4, 5, 6]], np.float32),))

    assert y.tolist() == [[1.0, 3.0], [4.0, 6.0]]


def test_what_has_no_batch_answers_row_by_row() -> None:
    x, m = np.array([[1, 2, 3], [4, 5, 6]], np.float32), np.arange(8.0).reshape(2, 2, 2)

    total, turned = load(graphs.BARE).predict((x, m))

    assert (total.dtype, total.tolist()) == (np.float32, [6.0, 15.0])
    assert turned.tolist() == m.transpose(0, 2, 1).tolist()


def test_rows_that_would_mind_their_neighbours_have_none() -> None:
    (y,) = load(graphs.CROWD).predict((np.array([[1, 2], [9, 9]], np.float32),))

    assert y.tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_outputs_whose_shapes_differ_from_row_to_row_are_no_tensor() -> None:
    graph = graphs.tried(RAGGED, [[1, 1], [1, 1]]).graph
    runtime = loader.load(GraphArtefact(Kind.ONNX, graphs.model(RAGGED), graph))

    assert runtime.predict((np.array([[0, 1]]),))[0].tolist() == [[[1]]]
    with pytest.raises(ModelOutputInvalid, match="different shapes"):
        runtime.predict((np.array([[0, 1], [1, 1]]),))


def test_what_onnx_runtime_calls_an_invalid_argument_is_the_row_s_fault() -> None:
    text = "look (int64[N] at) => (float[N] y) { t = Constant<value = float[2] {1.0, 2.0}>() y = Gather(t, at) }"

    with pytest.raises(ValueError, match="Gather"):
        load(text).predict((np.array([7]),))


def test_a_graph_that_is_not_the_one_described_is_refused() -> None:
    tried = graphs.tried(graphs.TWO).graph
    wrong = Graph(tried.signature._replace(inputs=tried.signature.inputs[::-1]))

    with pytest.raises(BundleInvalid, match="not those of its signature"):
        loader.load(GraphArtefact(Kind.ONNX, graphs.model(graphs.TWO), wrong))


def test_a_map_cannot_be_served_and_the_sentence_says_what_to_do() -> None:
    text = """maps (float[N, 2] x) => (seq(map(int64, float)) y) {
        y = ai.onnx.ml.ZipMap<classlabels_int64s = [0, 1]>(x)
    }"""
    head = '<ir_version: 10, opset_import: ["": 21, "ai.onnx.ml": 3]>\n'
    data = onnx.parser.parse_model(head + text).SerializeToString()
    graph = Graph(Signature((Spec("x", "FP32", (-1, 2)),), (Spec("y", "FP32", (-1,)),)))

    with pytest.raises(BundleInvalid, match="output 'y' is seq.*zipmap=False"):
        loader.load(GraphArtefact(Kind.ONNX, data, graph))


def test_many_threads_may_ask_at_once() -> None:
    runtime = load(graphs.BARE)

    def ask(n: int) -> bool:
        x = np.full((4, 3), n, np.float32)
        outputs: Tensors = runtime.predict((x, np.zeros((4, 2, 2))))
        return outputs[0].tolist() == [3.0 * n] * 4

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(ask, range(50)))


def test_what_is_given_stays_as_it_is() -> None:
    x = np.array([[1, 2, 3]], np.float32)
    x.flags.writeable = False

    load(graphs.TWO).predict((x, np.array([5])))

    assert x.tolist() == [[1.0, 2.0, 3.0]]


def test_bytes_that_are_no_graph_are_refused() -> None:
    tried = graphs.tried(graphs.TWO)
    artefact = GraphArtefact(Kind.ONNX, graphs.model(graphs.TWO), tried.graph)

    with pytest.raises(BundleInvalid, match="refuses the model"):
        loader.load(replace(artefact, data=artefact.data[:-40]))
