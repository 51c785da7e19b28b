"""A model that is any graph: what it takes and gives, and how rows become its named arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, cast

import numpy as np

from inference.core import jsonstrict, nested
from inference.core.datatypes import BYTES, DTYPES, Tensor, shown
from inference.core.errors import RowInvalid, WeirError
from inference.core.reader import Packed
from inference.core.signature import ANY, REQUEST_ID, Signature, Spec
from inference.core.tensors import Array, Tensors

GRAPH: Final = "graph"  # the one name by which its JSON differs from a schema's
_NO_ERRORS: Mapping[int, WeirError] = MappingProxyType({})


@dataclass(frozen=True)
class Graph:
    """Its tensors with the rows first, in order. `batched`: it takes many rows in one call."""

    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]
    batched: bool = True

    @cached_property
    def signature(self) -> Signature:
        """With the ids of the rows, which every answer has."""
        return Signature(self.inputs, (*self.outputs, Spec(REQUEST_ID, "INT64", (ANY,))))

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON: two graphs with the same hash read rows alike."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, object]:
        inputs, outputs = map(_described, self.inputs), map(_described, self.outputs)
        found = {"inputs": list(inputs), "outputs": list(outputs), "batched": self.batched}
        return {GRAPH: found}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Graph:
        """The inverse of `to_json`; raises ValueError with a sentence on anything else."""
        try:
            found = data[GRAPH]
            specs = [tuple(map(_spec, found[side])) for side in ("inputs", "outputs")]
            return cls(specs[0], specs[1], found["batched"] is True).checked()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is not a graph: {error!r}") from error

    def checked(self) -> Graph:
        """Itself, or ValueError: it has both sides, and no name stands for two tensors."""
        for side, specs in (("inputs", self.inputs), ("outputs", self.outputs)):
            names = [spec.name for spec in specs]
            if not names or len(set(names)) != len(names) or "" in names:
                raise ValueError(f"A graph needs {side} with distinct, non-empty names.")
            for spec in specs:
                _check(spec)
        if any(spec.name == REQUEST_ID for spec in self.outputs):
            raise ValueError(f"No output may be named {REQUEST_ID}, which every answer has.")
        return self


class GraphReader:
    """Reads rows and named tensors for one graph; what it packs is the arrays of one row."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.signature = graph.signature
        self._names = frozenset(spec.name for spec in graph.inputs)

    @property
    def hash(self) -> str:
        return self.graph.hash

    def json(self, body: bytes, row: int = 0) -> Packed:
        """One row as JSON text; raises JsonInvalid or RowInvalid."""
        return self.value(jsonstrict.loads(body), row)

    def value(self, value: object, row: int = 0) -> Packed:
        """An object with the inputs as names, or the bare value of the only one."""
        named = self._by_name(value, row)
        return tuple(nested.array(spec, named[spec.name], row) for spec in self.graph.inputs)

    def block(self, rows: Sequence[Sequence[float]]) -> Tensors | None:  # Reader's
        """Rows of numbers alone say nothing of their names: each is looked at."""
        return None

    def joined(self, rows: Sequence[Packed]) -> Tensors:
        """Raises RowInvalid for rows whose arrays differ in shape: they are no one array."""
        try:
            return tuple(np.stack(arrays) for arrays in zip(*rows, strict=True))
        except ValueError as error:
            raise RowInvalid("The rows of one request must be of the same shape.") from error

    def tensors(self, named: Sequence[Tensor]) -> tuple[Tensors, Mapping[int, WeirError]]:
        """By name, in any order, of the datatype of the input or one that becomes it unharmed."""
        if len(named) == len(self.graph.inputs) == 1 and not named[0].name:
            named = (named[0]._replace(name=self.graph.inputs[0].name),)  # a block of a stream
        found = {tensor.name: tensor for tensor in named}
        if len(found) != len(named):
            raise RowInvalid("Two tensors have the same name.")
        self._refuse_strangers(found)
        return tuple(_fitting(spec, found[spec.name]) for spec in self.graph.inputs), _NO_ERRORS

    def _by_name(self, value: object, row: int) -> Mapping[str, object]:
        if isinstance(value, Mapping):
            self._refuse_strangers(value, row)
            return value
        if len(self.graph.inputs) == 1:
            return {self.graph.inputs[0].name: value}
        raise RowInvalid("A row is an object with the inputs as names.", row=row)

    def _refuse_strangers(self, found: Mapping[str, object], row: int | None = None) -> None:
        for name in found:
            if name not in self._names:
                sentence = f"The model has no input {name[:40]!r}."
                raise RowInvalid(sentence, row=row, field=name[:40])
        for spec in self.graph.inputs:
            if spec.name not in found:
                raise RowInvalid(f"{spec.name} is missing.", row=row, field=spec.name)


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """By their JSON, whether one request may go to both: a table takes what it knows by name."""
    if GRAPH not in one and GRAPH not in other:
        return True
    both = GRAPH in one and GRAPH in other
    return both and Graph.from_json(one).signature == Graph.from_json(other).signature


def example(graph: Graph) -> dict[str, object]:
    """A row that fits, of nothing but zeros or texts of one letter; a free size is 1."""
    return {spec.name: _filled(spec) for spec in graph.inputs}


def _filled(spec: Spec) -> object:
    shape = [1 if size == ANY else size for size in spec.shape[1:]]
    if spec.datatype == BYTES:
        return np.full(shape, "a", dtype=object).tolist()
    return np.zeros(shape, DTYPES[spec.datatype]).tolist()


def _fitting(spec: Spec, tensor: Tensor) -> Array:
    if not nested.fits(tensor.array.shape[1:], spec.shape[1:]):
        wanted, given = shown(spec.shape), shown(tensor.array.shape)
        raise RowInvalid(f"{spec.name} has the shape {wanted}, not {given}.", field=spec.name)
    if tensor.datatype == spec.datatype:
        return tensor.array
    if not _becomes(tensor.datatype, spec.datatype):
        sentence = f"{spec.name} is {spec.datatype}, and {tensor.datatype} does not become that."
        raise RowInvalid(sentence, field=spec.name)
    return nested.cast_to(spec, tensor.array)


def _becomes(given: str, wanted: str) -> bool:
    """Whether no value is lost; floats may lose digits, as every integer of a JSON text does."""
    if BYTES in (given, wanted):
        return False
    before, after = DTYPES[given], DTYPES[wanted]
    return np.can_cast(before, after, "safe") or (before.kind in "iuf" and after.kind == "f")


def _described(spec: Spec) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _spec(item: Mapping[str, Any]) -> Spec:
    shape = cast("list[int]", item["shape"])
    return Spec(str(item["name"]), str(item["datatype"]), tuple(int(size) for size in shape))


def _check(spec: Spec) -> None:
    if spec.datatype not in DTYPES:
        raise ValueError(f"{spec.name}: {spec.datatype!r} is no datatype.")
    if not spec.shape or spec.shape[0] != ANY or any(s < 1 and s != ANY for s in spec.shape):
        raise ValueError(f"{spec.name}: {list(spec.shape)} is no shape with any number of rows.")
