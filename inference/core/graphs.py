"""A model that takes and gives named tensors as they are, instead of rows of a table.

Shapes count rows first. A graph without room for a batch is described as if it had some: it is
served row by row, and its answers are put together.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Literal, NamedTuple

from inference.core.datatypes import BYTES, DTYPES
from inference.core.schema import Schema, Task
from inference.core.signature import ANY, LABEL, REQUEST_ID, Signature, Spec

KIND: Final = "graph"  # what tells it from a schema, as JSON
_LABELS: Final = (LABEL, "output_label")  # what converters call the output of a classifier
_FLOATS: Final = frozenset({"FP16", "FP32", "FP64"})
_MATRIX: Final = 2  # dimensions
_MOST_DIMENSIONS: Final = 16

Way = Literal["as it is", "largest"]


class Labelled(NamedTuple):
    """Which output says what feedback is compared with, and how: itself, or its largest place."""

    output: int
    way: Way


@dataclass(frozen=True)
class Graph:
    """What it takes and gives; `batched` says whether it takes several rows at once."""

    signature: Signature
    batched: bool = True

    @cached_property
    def labelled(self) -> Labelled | None:
        """A label by name, else the best of one row of scores, else the only scalar."""
        outputs = list(enumerate(self.signature.outputs))
        scalars = [at for at, spec in outputs if _scalar(spec)]
        named = [at for at in scalars if outputs[at][1].name in _LABELS and _tells(outputs[at][1])]
        if named:
            return Labelled(named[0], "as it is")
        scores = [at for at, spec in outputs if _ranks(spec)]
        if len(scores) == 1:
            return Labelled(scores[0], "largest")
        return Labelled(scalars[0], "as it is") if len(scalars) == 1 else None

    @property
    def task(self) -> Task:
        """How a label is compared with feedback: numbers by their distance, others by the word."""
        found = self.labelled
        if found is None or found.way == "largest":
            return "multiclass"
        return (
            "regression"
            if self.signature.outputs[found.output].datatype in _FLOATS
            else "multiclass"
        )

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON: two graphs with the same hash read rows alike."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def to_json(self) -> dict[str, object]:
        return {
            "kind": KIND,
            "batched": self.batched,
            "inputs": [_written(spec) for spec in self.signature.inputs],
            "outputs": [_written(spec) for spec in self.signature.outputs],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Graph:
        """The inverse of `to_json`; raises ValueError with a sentence on anything else."""
        try:
            signature = Signature(
                tuple(_read(each) for each in data["inputs"]),
                tuple(_read(each) for each in data["outputs"]),
            )
            return cls(signature, data["batched"] is True).checked()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is not the signature of a graph: {error!r}") from error

    def checked(self) -> Graph:
        """Itself, or ValueError: names are there and unique, datatypes known, rows come first."""
        for specs in self.signature:
            names = [spec.name for spec in specs]
            if not names or len(set(names)) != len(names) or "" in names:
                raise ValueError("A graph needs inputs and outputs with distinct, non-empty names.")
            for spec in specs:
                _check(spec)
        if any(spec.name == REQUEST_ID for spec in self.signature.outputs):
            raise ValueError(f"An output cannot be called {REQUEST_ID}: every answer has one.")
        return self


Contract = Schema | Graph


def contract(data: Mapping[str, Any]) -> Contract:
    """What was registered, from its JSON; raises ValueError."""
    return Graph.from_json(data) if data.get("kind") == KIND else Schema.from_json(data)


def task(data: Mapping[str, Any]) -> Task:
    """Of either, from its JSON."""
    if data.get("kind") == KIND:
        return Graph.from_json(data).task
    found: Task = data["target"]["task"]
    return found


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether the same request may go to both: tables read by name, tensors have to be the same."""
    graphs = [data.get("kind") == KIND for data in (one, other)]
    if not any(graphs):
        return True
    return all(graphs) and Graph.from_json(one).signature == Graph.from_json(other).signature


def example(graph: Graph) -> dict[str, object]:
    """A row of nothing in particular, as JSON."""
    return {spec.name: _nothing(spec.datatype, spec.shape[1:]) for spec in graph.signature.inputs}


def _nothing(datatype: str, shape: tuple[int, ...]) -> object:
    if shape:
        return [_nothing(datatype, shape[1:]) for _ in range(abs(shape[0]))]
    return {BYTES: "", "BOOL": False}.get(datatype, 0.0 if datatype in _FLOATS else 0)


def _scalar(spec: Spec) -> bool:
    return spec.shape[1:] in ((), (1,))


def _tells(spec: Spec) -> bool:
    """Whether it is of integers or texts, as labels are."""
    return spec.datatype == BYTES or "INT" in spec.datatype


def _ranks(spec: Spec) -> bool:
    return spec.datatype in _FLOATS and len(spec.shape) == _MATRIX and spec.shape[1] != 1


def _written(spec: Spec) -> dict[str, object]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _read(item: Mapping[str, Any]) -> Spec:
    shape = tuple(item["shape"])
    if not all(type(size) is int for size in shape):
        raise TypeError("a shape is a list of integers")
    return Spec(str(item["name"]), str(item["datatype"]), shape)


def _check(spec: Spec) -> None:
    if spec.datatype not in DTYPES:
        raise ValueError(f"{spec.name}: {spec.datatype[:20]!r} is no datatype.")
    if not 1 <= len(spec.shape) <= _MOST_DIMENSIONS or spec.shape[0] != ANY:
        raise ValueError(f"{spec.name}: a shape begins with {ANY}, the rows.")
    if any(size < 1 and size != ANY for size in spec.shape):
        raise ValueError(f"{spec.name}: {list(spec.shape)} is no shape.")
