"""How any ONNX graph predicts: named arrays in, named arrays out, each of its own datatype.

A graph whose tensors all begin with a free dimension takes many rows at once. One without, or with
a first dimension that is fixed, is asked row by row. A fixed first dimension of 1 is such a graph's
place for the row, anything else belongs to the row itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final

import numpy as np

from inference.core.datatypes import BYTES
from inference.core.errors import BundleInvalid
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


class GraphRuntime:
    """One session, one thread, like a table's."""

    kind = Kind.ONNX
    inline_ok = True

    def __init__(self, session: Any) -> None:
        sources, sinks = session.get_inputs(), session.get_outputs()
        self.graph = _graph(sources, sinks)
        self._inputs = [source.name for source in sources]
        self._outputs = [sink.name for sink in sinks]
        self._texts_in = [source.type == "tensor(string)" for source in sources]
        self._lead_in = [_leads(source.shape) for source in sources]
        self._lead_out = [_leads(sink.shape) for sink in sinks]
        self._run: Any = session.run

    def predict(self, tensors: Tensors) -> Tensors:
        arrays = [
            _to_texts(array) if texts else array
            for array, texts in zip(tensors, self._texts_in, strict=True)
        ]
        if self.graph.batched:
            return self._called(arrays)
        rows = [self._alone(arrays, row) for row in range(len(arrays[0]))]
        return tuple(np.stack(column) for column in zip(*rows, strict=True))

    def close(self) -> None:
        self._run = None

    def _alone(self, arrays: Sequence[Array], row: int) -> Tensors:
        pairs = zip(arrays, self._lead_in, strict=True)
        # Of a text without dimensions the item would be no array any more.
        found = self._called(
            [
                a[row : row + 1] if leads else a[row : row + 1].reshape(a.shape[1:])
                for a, leads in pairs
            ]
        )
        return tuple(
            a[0:1].reshape(a.shape[1:]) if leads else a
            for a, leads in zip(found, self._lead_out, strict=True)
        )

    def _called(self, arrays: Sequence[Array]) -> Tensors:
        found = self._run(self._outputs, dict(zip(self._inputs, arrays, strict=True)))
        return tuple(map(_to_bytes, found))


def load(data: bytes) -> GraphRuntime:
    """The graph in these bytes; raises BundleInvalid, also for what is no tensor."""
    return GraphRuntime(onnx.session(data))


def answers(runtime: GraphRuntime, records: Sequence[dict[str, object]]) -> Outputs:
    """What the graph says to these rows, asked together; raises BundleInvalid if it fails."""
    reader = GraphReader(runtime.graph)
    try:
        rows = [reader.value(record, row) for row, record in enumerate(records)]
        found = runtime.predict(reader.joined(rows))
    except Exception as error:  # the graph is not ours: whatever it raises, it is unfit
        raise BundleInvalid(f"The model fails on a row: {type(error).__name__}: {error}") from error
    for spec, array in zip(runtime.graph.outputs, found, strict=True):
        if array.ndim == 0 or len(array) != len(records):
            raise BundleInvalid(f"The output {spec.name} does not have one row for each row.")
    return [list(row) for row in zip(*map(_plain, found), strict=True)]


def verify(
    runtime: GraphRuntime, graph: Graph, records: Sequence[dict[str, object]], outputs: Outputs
) -> None:
    """The golden rows come out as they did, together and alone; raises BundleInvalid."""
    if runtime.graph != graph:
        raise BundleInvalid("The graph does not take and give what its bundle says.")
    found = answers(runtime, records)
    alone = [answers(runtime, [record])[0] for record in records]
    if not (_alike(found, outputs) and _alike(alone, outputs)):
        raise BundleInvalid("The model no longer answers its golden rows as it did.")


def _graph(sources: Sequence[Any], sinks: Sequence[Any]) -> Graph:
    batched = all(_is_free(each.shape) for each in (*sources, *sinks))
    try:
        inputs, outputs = tuple(map(_spec, sources)), tuple(map(_spec, sinks))
        return Graph(inputs, outputs, batched).checked()
    except ValueError as error:
        raise BundleInvalid(str(error)) from error


def _spec(node: Any) -> Spec:
    datatype = _TYPES.get(node.type)
    if datatype is None:
        raise BundleInvalid(
            f"{node.name} is a {node.type}; tensors of numbers, truths and texts are served."
        )
    rest = node.shape[1:] if _leads(node.shape) else node.shape
    return Spec(node.name, datatype, (ANY, *(_size(each) for each in rest)))


def _size(size: object) -> int:
    return size if isinstance(size, int) and size > 0 else ANY


def _is_free(shape: Sequence[object]) -> bool:
    return bool(shape) and _size(shape[0]) == ANY


def _leads(shape: Sequence[object]) -> bool:
    """Whether the first dimension is the rows'."""
    return bool(shape) and _size(shape[0]) in (ANY, 1)


def _to_texts(array: Array) -> Array:
    """ONNX Runtime has texts as `str`; bytes that are no UTF-8 are marked as such."""
    return _each(array, [value.decode("utf-8", "replace") for value in array.ravel().tolist()])


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
    return list(_to_texts(array).tolist() if array.dtype == object else array.tolist())


def _alike(found: Any, expected: Any) -> bool:
    if isinstance(found, list) and isinstance(expected, list):
        return len(found) == len(expected) and all(map(_alike, found, expected))
    if isinstance(found, float) and isinstance(expected, float | int):
        return bool(np.isclose(found, expected, _TOLERANCE, _TOLERANCE))
    return bool(found == expected)
