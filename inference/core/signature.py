"""What a model takes and gives as named tensors, rows first."""

from __future__ import annotations

from typing import Final, NamedTuple

from inference.core.datatypes import BYTES
from inference.core.schema import Schema

ANY: Final = -1  # a dimension that may have any size
MATRIX: Final = "input"
LABEL: Final = "label"
PROBABILITIES: Final = "probabilities"
VALUE: Final = "value"
REQUEST_ID: Final = "request_id"


class Spec(NamedTuple):
    """One tensor: its name, its datatype in the protocol's words, its shape."""

    name: str
    datatype: str
    shape: tuple[int, ...]


class Signature(NamedTuple):
    """All of them, in order."""

    inputs: tuple[Spec, ...]
    outputs: tuple[Spec, ...]


def of(schema: Schema) -> Signature:
    """A table of numbers is one matrix; one with categories has a tensor for each feature."""
    return Signature(_inputs(schema), (*_outputs(schema), Spec(REQUEST_ID, "INT64", (ANY,))))


def _inputs(schema: Schema) -> tuple[Spec, ...]:
    if all(feature.kind != "category" for feature in schema.features):
        return (Spec(MATRIX, "FP64", (ANY, schema.width)),)
    return tuple(
        Spec(feature.name, BYTES if feature.kind == "category" else "FP64", (ANY,))
        for feature in schema.features
    )


def _outputs(schema: Schema) -> tuple[Spec, ...]:
    classes = schema.target.classes
    if not classes:
        return (Spec(VALUE, "FP64", (ANY,)),)
    return Spec(LABEL, BYTES, (ANY,)), Spec(PROBABILITIES, "FP64", (ANY, len(classes)))
