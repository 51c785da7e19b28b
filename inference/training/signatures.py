"""What an ONNX graph takes and gives: read from its file, and found out by trying it.

A first dimension that may vary in every input is the batch, if so many rows come out as go in and
no row minds its neighbours. Otherwise the graph is asked for one row at a time. Then a row is what
the graph takes for one of anything: where its first dimension is fixed to 1, all but that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import onnxruntime as ort

from inference import golden
from inference.core.datatypes import DTYPES
from inference.core.errors import BundleInvalid, WeirError
from inference.core.graphreader import GraphReader
from inference.core.graphs import Graph
from inference.core.signature import ANY, Signature, Spec
from inference.core.tensors import Array, Tensors, cut
from inference.runtimes import graphs, onnx
from inference.runtimes.graphs import Declared, GraphRuntime
from inference.training.dataset import SEED

DRAWN: Final = 16
_VARYING: Final = 2  # the size drawn for a dimension that may have any
_MOST_BYTES: Final = 1 << 20  # of golden rows: a bundle is no place for a data set


class Tried(NamedTuple):
    """A graph that answered these rows, together and each alone."""

    graph: Graph
    runtime: GraphRuntime
    inputs: Tensors
    answers: Tensors


def tried(data: bytes, examples: Sequence[object] | None = None) -> Tried:
    """The graph, as a batch of rows if it can be, else row by row; raises BundleInvalid."""
    session = onnx.session(data)
    inputs, outputs = graphs.declared(session)
    if not inputs:
        raise BundleInvalid("The graph has no inputs, so there is nothing to ask it.")
    trial = _Trial(session, outputs, examples)
    try:
        return _in_batches(trial, inputs) or _one_by_one(trial, inputs)
    except WeirError as error:
        raise BundleInvalid(_advised(error.message, examples)) from error


def few(tensors: Tensors) -> int:
    """How many of these rows are kept with the model."""
    row = sum(_size(array) for array in tensors) // max(1, len(tensors[0]))
    return max(1, min(len(tensors[0]), DRAWN, _MOST_BYTES // max(1, row)))


class _Trial(NamedTuple):
    session: ort.InferenceSession
    outputs: Sequence[Declared]
    examples: Sequence[object] | None

    def rows(self, inputs: tuple[Spec, ...]) -> Tensors:
        """The examples, read as this layout says; else drawn rows."""
        if self.examples is None:
            return _drawn(inputs)
        reader = GraphReader(self.graph(inputs, batched=True))
        return reader.joined([reader.value(each, row) for row, each in enumerate(self.examples)])

    def graph(
        self, inputs: tuple[Spec, ...], found: Tensors | None = None, *, batched: bool
    ) -> Graph:
        """With the outputs as the file says them, or as they came out, rows first."""
        shapes = [(ANY,)] * len(self.outputs) if found is None else map(_sizes, self.outputs, found)
        pairs = zip(self.outputs, shapes, strict=True)
        outputs = tuple(Spec(each.name, each.datatype, shape) for each, shape in pairs)
        try:
            return Graph(Signature(inputs, outputs), batched).checked()
        except ValueError as error:
            raise BundleInvalid(str(error)) from error

    def verified(self, graph: Graph, rows: Tensors) -> Tried:
        runtime = GraphRuntime(self.session, graph)
        answers = golden.called(runtime, rows)
        golden.verify(golden.of_graph(graph, rows, answers), graph, runtime)
        return Tried(graph, runtime, rows, answers)


def _in_batches(trial: _Trial, inputs: Sequence[Declared]) -> Tried | None:
    """None if the first dimension is no batch."""
    if not all(each.shape and not isinstance(each.shape[0], int) for each in inputs):
        return None
    specs = tuple(_spec(each, each.shape[1:]) for each in inputs)
    try:
        rows = trial.rows(specs)
        probe = GraphRuntime(trial.session, trial.graph(specs, batched=True))
        found = golden.called(probe, _two(rows))
    except WeirError:
        return None
    if any(array.ndim == 0 or len(array) != _VARYING for array in found):
        return None
    try:
        return trial.verified(trial.graph(specs, found, batched=True), rows)
    except BundleInvalid:  # rows mind their neighbours, as in what is quantized as it goes
        return trial.verified(trial.graph(specs, found, batched=False), rows)


def _one_by_one(trial: _Trial, inputs: Sequence[Declared]) -> Tried:
    ones = [each.shape[:1] == (1,) for each in inputs]
    pairs = zip(inputs, ones, strict=True)
    specs = tuple(_spec(each, each.shape[1:] if one else each.shape) for each, one in pairs)
    rows = trial.rows(specs)
    probe = GraphRuntime(trial.session, trial.graph(specs, batched=False))
    found = _called(probe, cut(rows, 0, 1))
    first = tuple(
        [array if any(ones) and array.shape[:1] == (1,) else array[None] for array in found]
    )
    return trial.verified(trial.graph(specs, first, batched=False), rows)


def _called(probe: GraphRuntime, row: Tensors) -> Tensors:
    try:
        return probe.one(row)
    except Exception as error:  # whatever it raises, it does not answer
        raise BundleInvalid(f"The model fails on a row: {str(error)[:200]}") from error


def _two(rows: Tensors) -> Tensors:
    """Two rows tell a batch from something that is always one; the same one twice will do."""
    return cut(rows, 0, 2) if len(rows[0]) > 1 else tuple([np.repeat(a, 2, axis=0) for a in rows])


def _sizes(output: Declared, array: Array) -> tuple[int, ...]:
    """Rows first, then sizes that the file fixes; any, where it says nothing."""
    inner = array.ndim - 1
    said = output.shape[len(output.shape) - inner :] if len(output.shape) >= inner else ()
    sizes = [size if isinstance(size, int) and size > 0 else ANY for size in said]
    return (ANY, *(sizes if len(sizes) == inner else [ANY] * inner))


def _spec(found: Declared, shape: Sequence[int | str | None]) -> Spec:
    sizes = [size if isinstance(size, int) and size > 0 else ANY for size in shape]
    return Spec(found.name, found.datatype, (ANY, *sizes))


def _drawn(specs: Sequence[Spec]) -> Tensors:
    dice = np.random.default_rng(SEED)
    return tuple([_values(spec, dice) for spec in specs])


def _values(spec: Spec, dice: np.random.Generator) -> Array:
    """Whole numbers are 0 and 1, which nearly everything that counts or looks up can take."""
    shape = [DRAWN, *(_VARYING if size == ANY else size for size in spec.shape[1:])]
    dtype = DTYPES[spec.datatype]
    if dtype.kind == "f":
        return dice.random(shape).astype(dtype)
    bits = dice.integers(0, 2, shape)
    if dtype.kind != "O":
        return bits.astype(dtype)
    texts = np.empty(shape, dtype=object)
    texts[bits == 0], texts[bits == 1] = b"a", b"b"
    return texts


def _size(array: Array) -> int:
    if array.dtype == object:
        return sum(4 + len(each) for each in array.ravel().tolist())
    return array.nbytes


def _advised(message: str, examples: Sequence[object] | None) -> str:
    if examples is not None:
        return message
    return f"{message} These rows were drawn from its signature; --rows tries it on others."
