"""Small ONNX graphs of every form that is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import onnx.parser
from onnx import TensorProto, helper

from inference.core.graphanswers import GraphRenderer
from inference.core.graphs import GraphReader
from inference.core.routing import Algorithm, Endpoint
from inference.core.tensors import Tensors
from inference.core.tickets import Served
from inference.core.types import LogMode
from inference.registry import Snapshot
from inference.runtimes import graph as graphs
from tests.inference.gateways import World

Info = tuple[str, Any, Any]  # its name, the type of its elements, its shape
FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
STRING, DOUBLE = TensorProto.STRING, TensorProto.DOUBLE


def model(nodes: Sequence[Any], sources: Sequence[Info], sinks: Sequence[Info]) -> bytes:
    inputs = [helper.make_tensor_value_info(*info) for info in sources]
    outputs = [helper.make_tensor_value_info(*info) for info in sinks]
    graph = helper.make_graph(nodes, "graph", inputs, outputs)
    opset = [helper.make_opsetid("", 21)]
    data: bytes = helper.make_model(graph, opset_imports=opset, ir_version=10).SerializeToString()
    return data


def same(*sources: Info) -> bytes:
    """Each input as an output, named with a `y` before."""
    nodes = [helper.make_node("Identity", [name], [f"y{name}"]) for name, _, _ in sources]
    return model(nodes, sources, [(f"y{name}", kind, shape) for name, kind, shape in sources])


def parsed(text: str) -> bytes:
    """A graph that is written in ONNX's own language."""
    head = '<ir_version: 10, opset_import: ["": 21]>\n'
    data: bytes = onnx.parser.parse_model(head + text).SerializeToString()
    return data


# Two inputs, two outputs: scores that a weight multiplies, and the place of the best one.
WEIGHED: Final = """weighed (float[N, 3] x, int64[N] weight)
        => (float[N, 3] scores, int64[N] label) {
    factor = Cast<to = 1>(weight)
    axis = Constant<value = int64[1] {1}>()
    column = Unsqueeze(factor, axis)
    scores = Mul(x, column)
    label = ArgMax<axis = 1, keepdims = 0>(scores)
}"""
# Texts of any number in each row, and a switch.
WORDS: Final = """words (string[N, K] text, bool[N] loud) => (string[N, K] said, bool[N] quiet) {
    mark = Constant<value = string {"!"}>()
    said = StringConcat(text, mark)
    quiet = Not(loud)
}"""
# A batch of one and no other.
FIXED: Final = """fixed (float[1, 3] x) => (float[1, 2] y) {
    places = Constant<value = int64[2] {0, 2}>()
    y = Gather<axis = 1>(x, places)
}"""
# No batch at all.
BARE: Final = """bare (float[3] x, double[2, 2] m) => (float total, double[2, 2] turned) {
    total = ReduceSum<keepdims = 0>(x)
    turned = Transpose(m)
}"""
# One number in, one number out, which may be none.
LOG: Final = "log (double[N, 1] x) => (double[N, 1] y) { y = Log(x) }"
# Each row minds its neighbours.
CROWD: Final = "crowd (float[N, 2] x) => (float[N, 2] y) { y = Softmax<axis = 0>(x) }"
# As many values as one likes become one.
SERIES: Final = """series (int64[L] tokens) => (int64 total) {
    total = ReduceSum<keepdims = 0>(tokens)
}"""
# As many values as one likes become two scores: as many as two rows would have.
SCORES: Final = """scores (int64[L] tokens) => (float[2] scores) {
    floats = Cast<to = 1>(tokens)
    total = ReduceSum<keepdims = 1>(floats)
    signs = Constant<value = float[2] {1.0, -1.0}>()
    scores = Mul(total, signs)
}"""
# What comes out has another shape for each row.
RAGGED: Final = """ragged (int64[L] tokens) => (int64[K, 1] places) {
    raw = NonZero(tokens)
    places = Transpose(raw)
}"""
# Looks up what may not be there.
LOOKUP: Final = """lookup (int64[N] at) => (float[N] y) {
    table = Constant<value = float[2] {1.0, 2.0}>()
    y = Gather(table, at)
}"""
DICE: Final = "dice (float[N] x) => (float[N] y) { r = RandomUniformLike(x) y = Add(x, r) }"


def two() -> bytes:
    """Floats [n, 2] and integers [n]: roots, which may be NaN, and which are above 1."""
    one = helper.make_node("Constant", [], ["one"], value_ints=[1])
    nodes = [
        one,
        helper.make_node("Sqrt", ["x"], ["root"]),
        helper.make_node("Greater", ["k", "one"], ["label"]),
    ]
    sources = [("x", FLOAT, ["n", 2]), ("k", INT64, ["n"])]
    return model(nodes, sources, [("root", FLOAT, ["n", 2]), ("label", BOOL, ["n"])])


class Loaded:
    """A graph as the engine sees it."""

    key = 1
    inline_ok = True
    free_form = True

    def __init__(self, data: bytes) -> None:
        self.runtime = graphs.load(data)

    def predict(self, tensors: Tensors) -> Tensors:
        return self.runtime.predict(tensors)


def world(data: bytes) -> World:
    """One endpoint `e` with this graph in production."""
    algorithm = Algorithm(1, "graph", "1.0", "production")
    loaded = Loaded(data)
    graph = loaded.runtime.graph
    served = Served(algorithm, GraphReader(graph), GraphRenderer(graph, algorithm), loaded)
    endpoint = Endpoint(1, "e", LogMode.STRICT, (algorithm,), None)
    return World(Snapshot(1, {"e": endpoint}, {1: served}, {}))
