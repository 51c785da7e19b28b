"""What every kind of model file becomes: something that turns rows into outputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, Protocol

from inference.core.reach import NOWHERE, Reach
from inference.core.schema import Schema
from inference.core.tensors import Tensors

Reads = Literal["matrix", "frame"]


class Kind(StrEnum):
    """How a model is stored, which decides what may load it."""

    ONNX = "onnx"  # a graph of operators: runs no code of its author
    SKOPS = "skops"  # a scikit-learn model whose types are checked against our list
    JOBLIB = "joblib"  # a pickle: only from this installation's own command line
    OIP = "oip"  # lives in another server; what is stored is where, and what it is asked


@dataclass(frozen=True, slots=True)
class Artefact:
    """The bytes of a model and what is needed to make sense of them.

    `reads` says what the model wants: the schema's matrix, or a data frame of raw values.
    `libraries` are the versions it was written with. `reach` is what the operator allows here and
    now, for a model that lives elsewhere; it is no part of what is stored.
    """

    kind: Kind
    data: bytes
    schema: Schema
    reads: Reads = "matrix"
    libraries: Mapping[str, str] = field(default_factory=dict)
    reach: Reach = NOWHERE


class Runtime(Protocol):
    """A loaded model. Tabular: one matrix [rows, features] in, one float64 matrix out.

    Classification gives [rows, classes] probabilities in the order of the schema's classes,
    regression gives [rows, 1].
    """

    @property
    def kind(self) -> Kind: ...

    @property
    def inline_ok(self) -> bool:
        """See `inference.core.types.Model`."""
        ...

    def predict(self, tensors: Tensors) -> Tensors:
        """One row out for each row in; thread-safe; raises whatever the library raises."""
        ...

    def close(self) -> None:
        """Give the memory back; `predict` must not be called again."""
        ...


def width(schema: Schema) -> int:
    """How many columns a model of this schema puts out."""
    return len(schema.target.classes) or 1
