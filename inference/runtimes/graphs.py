"""How any ONNX graph predicts: named tensors in, named tensors out, each of its own datatype."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import onnxruntime as ort
from onnxruntime.capi.onnxruntime_pybind11_state import InvalidArgument

from inference.core.datatypes import BYTES, DTYPES
from inference.core.errors import BundleInvalid, ModelOutputInvalid
from inference.core.graphs import Graph
from inference.core.signature import Spec
from inference.core.tensors import Array, Tensors, cut
from inference.runtimes import onnx
from inference.runtimes.base import GraphArtefact, Kind

_DATATYPES: Final = MappingProxyType(
    {
        "tensor(bool)": "BOOL",
        "tensor(string)": BYTES,
        "tensor(float16)": "FP16",
        "tensor(float)": "FP32",
        "tensor(double)": "FP64",
        **{
            f"tensor({sign}int{n})": f"{sign}int{n}".upper()
            for sign in ("", "u")
            for n in (8, 16, 32, 64)
        },
    }
)


class Declared(NamedTuple):
    """A tensor as the file says it: a size is a number, the name of one that may vary, or None."""

    name: str
    datatype: str
    shape: tuple[int | str | None, ...]


class GraphRuntime:
    """One session, one thread. Without room for a batch in it, it is asked for one row at a time.

    A row is a tensor as the graph takes it, or one without the first dimension where the graph's
    own signature has one of size 1: then both have the same number of dimensions.
    """

    kind = Kind.ONNX

    def __init__(self, session: ort.InferenceSession, graph: Graph) -> None:
        inputs, outputs = declared(session)
        _refuse_strangers(inputs, graph.signature.inputs)
        _refuse_strangers(outputs, graph.signature.outputs)
        by_name = {each.name: each for each in inputs}
        self._inputs = graph.signature.inputs
        self._outputs = graph.signature.outputs
        self._names = [spec.name for spec in self._outputs]
        self._whole = [len(by_name[s.name].shape) < len(s.shape) for s in self._inputs]
        self._batched = graph.batched
        self._run: Any = session.run

    def predict(self, tensors: Tensors) -> Tensors:
        if self._batched:
            return self._called(tensors)
        rows = [self._row(cut(tensors, at, at + 1)) for at in range(len(tensors[0]))]
        try:
            return tuple([np.concatenate(arrays) for arrays in zip(*rows, strict=True)])
        except ValueError as error:
            raise ModelOutputInvalid("the outputs of two rows have different shapes") from error

    def close(self) -> None:
        self._run = None

    def one(self, tensors: Tensors) -> Tensors:
        """What the graph itself puts out for these, which are one row."""
        pairs = zip(tensors, self._whole, strict=True)
        return self._called(
            tuple([array.reshape(array.shape[1:]) if whole else array for array, whole in pairs])
        )

    def _row(self, tensors: Tensors) -> Tensors:
        pairs = zip(self.one(tensors), self._outputs, strict=True)
        return tuple([out if out.ndim == len(spec.shape) else out[None] for out, spec in pairs])

    def _called(self, tensors: Tensors) -> Tensors:
        fed = {s.name: _fed(array) for s, array in zip(self._inputs, tensors, strict=True)}
        try:
            outputs = self._run(self._names, fed)
        except InvalidArgument as error:
            raise ValueError(str(error)) from error  # the fault of what was sent
        return tuple(
            [_given(array, spec) for array, spec in zip(outputs, self._outputs, strict=True)]
        )


def load(artefact: GraphArtefact) -> GraphRuntime:
    """The runtime over these bytes; raises BundleInvalid."""
    return GraphRuntime(onnx.session(artefact.data), artefact.graph)


def declared(session: ort.InferenceSession) -> tuple[list[Declared], list[Declared]]:
    """What the file says of its inputs and outputs; raises BundleInvalid unless all are tensors."""
    inputs = [_declared(each, "input") for each in session.get_inputs()]
    return inputs, [_declared(each, "output") for each in session.get_outputs()]


def _declared(found: Any, side: str) -> Declared:
    datatype = _DATATYPES.get(found.type)
    if datatype is None:
        hint = "; convert it with the option zipmap=False" if "map(" in found.type else ""
        sentence = f"The {side} {found.name!r} is {found.type}, which cannot be served{hint}."
        raise BundleInvalid(sentence)
    return Declared(found.name, datatype, tuple(found.shape))


def _refuse_strangers(found: list[Declared], wanted: tuple[Spec, ...]) -> None:
    if [(each.name, each.datatype) for each in found] != [spec[:2] for spec in wanted]:
        raise BundleInvalid("The graph's tensors are not those of its signature.")


def _fed(array: Array) -> Array:
    """Texts are `str` to ONNX Runtime; raises UnicodeDecodeError for what is none."""
    if array.dtype != object:
        return array
    texts = np.empty(array.size, dtype=object)
    texts[:] = [each.decode() for each in array.ravel().tolist()]
    found: Array = texts.reshape(array.shape)
    return found


def _given(array: Any, spec: Spec) -> Array:
    found: Array = np.asarray(array)
    if spec.datatype != BYTES:
        return found.astype(DTYPES[spec.datatype], copy=False)
    texts = np.empty(found.size, dtype=object)
    texts[:] = [str(each).encode() for each in found.ravel().tolist()]
    return texts.reshape(found.shape)
