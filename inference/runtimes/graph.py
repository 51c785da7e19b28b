"""How any ONNX graph predicts: named arrays in, named arrays out, each of its own datatype.

A graph whose inputs begin with a free dimension may take many rows at once; whether it does, is
found out by trying (`inference.training.graphs`). Any other is asked row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final, Protocol

import numpy as np
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from inference.core.datatypes import BYTES
from inference.core.errors import BundleInvalid, ModelOutputInvalid, ModelUnavailable
from inference.core.graphs import Graph, GraphReader
from inference.core.signature import ANY, Spec
from inference.core.tensors import Array, Tensors
from inference.runtimes import onnx
from inference.runtimes.base import Kind

_TYPES: Final = MappingProxyType(
    {
        "tensor(bool)": "BOOL",
        "tensor(uint8)": "UINT8",
        "tensor(uint16)": "UINT16",
        "tensor(uint32)": "UINT32",
        "tensor(uint64)": "UINT64",
        "tensor(int8)": "INT8",
        "tensor(int16)": "INT16",
        "tensor(int32)": "INT32",
        "tensor(int64)": "INT64",
        "tensor(float16)": "FP16",
        "tensor(float)": "FP32",
        "tensor(double)": "FP64",
        "tensor(string)": BYTES,
    }
)
# Another processor may sum in another order; a different model is further away than that.
_TOLERANCE: Final = 1e-4
Outputs = list[list[Any]]  # for each row what each output says, as JSON


class OfTensors(Protocol):
    """A runtime that knows its graph."""

    @property
    def graph(self) -> Graph: ...

    def predict(self, tensors: Tensors) -> Tensors: ...


class GraphRuntime:
    """One session, one thread, like a table's.

    Where the graph has a place for the row, its tensor has as many dimensions as its spec.
    """

    kind = Kind.ONNX
    inline_ok = True

    def __init__(self, session: Any, graph: Graph) -> None:
        """Raises BundleInvalid for a graph that is not the session's."""
        self.graph = graph
        self._whole = [
            len(node.shape) < len(spec.shape)
            for node, spec in _pairs(session.get_inputs(), graph.inputs)
        ]
        self._sinks = [spec for _, spec in _pairs(session.get_outputs(), graph.outputs)]
        self._inputs = [spec.name for spec in graph.inputs]
        self._outputs = [spec.name for spec in graph.outputs]
        self._texts_in = [spec.datatype == BYTES for spec in graph.inputs]
        self._run: Any = session.run

    def predict(self, tensors: Tensors) -> Tensors:
        arrays = [
            _to_texts(array) if texts else array
            for array, texts in zip(tensors, self._texts_in, strict=True)
        ]
        if self.graph.batched:
            return self._called(arrays)
        rows = [self._alone(arrays, row) for row in range(len(arrays[0]))]
        try:
            return tuple(np.concatenate(column) for column in zip(*rows, strict=True))
        except ValueError as error:
            raise ModelOutputInvalid("the outputs of two rows have different shapes") from error

    def close(self) -> None:
        self._run = None

    def _alone(self, arrays: Sequence[Array], row: int) -> Tensors:
        # Of a text without dimensions the item would be no array any more.
        found = self._called(
            [
                a[row : row + 1].reshape(a.shape[1:]) if whole else a[row : row + 1]
                for a, whole in zip(arrays, self._whole, strict=True)
            ]
        )
        pairs = zip(found, self._sinks, strict=True)
        return tuple(a if a.ndim == len(spec.shape) else a[None] for a, spec in pairs)

    def _called(self, arrays: Sequence[Array]) -> Tensors:
        try:
            found = self._run(self._outputs, dict(zip(self._inputs, arrays, strict=True)))
        except InvalidArgument as error:
            raise ValueError(str(error)) from error  # the fault of what was sent, not the model's
        return tuple(map(_to_bytes, found))


def load(data: bytes, graph: Graph | None = None) -> GraphRuntime:
    """The graph in these bytes, as it was found to be or as it says of itself.

    Raises BundleInvalid, also for what is no tensor.
    """
    session = onnx.session(data)
    return GraphRuntime(session, graph or declared(session))


def declared(session: Any) -> Graph:
    """As the file says: in batches if all tensors begin with a free dimension, else by rows."""
    sources, sinks = session.get_inputs(), session.get_outputs()
    if all(_is_free(each.shape) for each in (*sources, *sinks)):
        return rows_first(session)
    return row_by_row(session)


def can_batch(session: Any) -> bool:
    """Whether the first dimension of all inputs might be the rows."""
    return all(_is_free(each.shape) for each in session.get_inputs())


def rows_first(session: Any) -> Graph:
    """Whatever the outputs say: the first dimension of every tensor is the rows."""
    return _graph(session, lambda shape: shape[1:], batched=True)


def row_by_row(session: Any) -> Graph:
    """A first dimension of 1 is a place for the row; anything else belongs to the row."""
    ones = any(each.shape[:1] == [1] for each in session.get_inputs())
    return _graph(session, lambda s: s[1:] if ones and s[:1] == [1] else s, batched=False)


def answers(runtime: OfTensors, records: Sequence[dict[str, object]]) -> Outputs:
    """What the graph says to these rows, asked together; raises BundleInvalid if it fails.

    Raises ModelUnavailable if it lives in another server that does not answer now.
    """
    reader = GraphReader(runtime.graph)
    try:
        rows = [reader.value(record, row) for row, record in enumerate(records)]
        found = runtime.predict(reader.joined(rows))
    except ModelUnavailable:
        raise
    except Exception as error:  # the graph is not ours: whatever it raises, it is unfit
        raise BundleInvalid(f"The model fails on a row: {type(error).__name__}: {error}") from error
    for spec, array in zip(runtime.graph.outputs, found, strict=True):
        if array.ndim == 0 or len(array) != len(records):
            raise BundleInvalid(f"The output {spec.name} does not have one row for each row.")
    return [list(row) for row in zip(*map(_plain, found), strict=True)]


def verify(runtime: OfTensors, records: Sequence[dict[str, object]], outputs: Outputs) -> None:
    """The golden rows come out as they did, together and alone; raises BundleInvalid."""
    found = answers(runtime, records)
    alone = [answers(runtime, [record])[0] for record in records]
    if not (_alike(found, outputs) and _alike(alone, outputs)):
        raise BundleInvalid("The model no longer answers its golden rows as it did.")


def _graph(session: Any, rest: Callable[[list[Any]], list[Any]], *, batched: bool) -> Graph:
    sides = [
        tuple(_spec(node, rest(node.shape)) for node in side)
        for side in (session.get_inputs(), session.get_outputs())
    ]
    try:
        return Graph(sides[0], sides[1], batched).checked()
    except ValueError as error:
        raise BundleInvalid(str(error)) from error


def _pairs(nodes: Sequence[Any], specs: Sequence[Spec]) -> list[tuple[Any, Spec]]:
    found = [(node.name, _TYPES.get(node.type)) for node in nodes]
    if found != [(spec.name, spec.datatype) for spec in specs]:
        raise BundleInvalid("The graph does not take and give what its bundle says.")
    return list(zip(nodes, specs, strict=True))


def _spec(node: Any, rest: Sequence[object]) -> Spec:
    datatype = _TYPES.get(node.type)
    if datatype is None:
        raise BundleInvalid(
            f"{node.name} is a {node.type}; tensors of numbers, truths and texts are served."
        )
    return Spec(node.name, datatype, (ANY, *(_size(each) for each in rest)))


def _size(size: object) -> int:
    return size if isinstance(size, int) and size > 0 else ANY


def _is_free(shape: Sequence[object]) -> bool:
    return bool(shape) and _size(shape[0]) == ANY


def _to_texts(array: Array) -> Array:
    """ONNX Runtime has texts as `str`; raises UnicodeDecodeError for bytes that are none."""
    return _each(array, [value.decode() for value in array.ravel().tolist()])


def _to_bytes(found: Any) -> Array:
    array: Array = np.asarray(found)
    if array.dtype.kind not in "OU":
        return array
    return _each(array, [str(value).encode() for value in array.ravel().tolist()])


def _each(like: Array, values: Sequence[str | bytes]) -> Array:
    new = np.empty(like.size, dtype=object)
    new[:] = values
    return new.reshape(like.shape)


def _plain(array: Array) -> list[Any]:
    """As JSON: what is no number is null."""
    if array.dtype.kind == "f":
        finite = np.isfinite(array)
        new = array.astype(object)
        new[~finite] = None
        return list(new.tolist())
    if array.dtype != object:
        return list(array.tolist())
    texts = [value.decode("utf-8", "replace") for value in array.ravel().tolist()]
    return list(_each(array, texts).tolist())


def _alike(found: Any, expected: Any) -> bool:
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_alike, found, expected))
    if isinstance(found, float) and isinstance(expected, float | int):
        return bool(np.isclose(found, expected, _TOLERANCE, _TOLERANCE))
    return bool(found == expected)
