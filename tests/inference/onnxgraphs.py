"""Small ONNX graphs of every form that is served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
    may_be_nan = True

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
