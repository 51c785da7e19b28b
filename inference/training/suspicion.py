"""What is looked at in an ONNX file of a stranger before anything runs it.

Beyond what any file must be (`inference.training.graph`): operators of the standard alone, no
functions of its own, no tensor larger than the file, no shape that nobody has, no deep nesting.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, Final

import onnx

from inference.core.errors import BundleInvalid
from inference.training import graph

_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_MOST_NODES: Final = 100_000
_DEEPEST: Final = 8
_MOST_IN_A_ROW: Final = 1 << 26  # elements of one input or output
# Four of the smallest elements share a byte at most, and an empty tensor has none.
_ELEMENTS_PER_BYTE: Final = 4


def check(data: bytes) -> None:
    """Raises BundleInvalid."""
    graph.check(data)
    model = onnx.load_model_from_string(data)
    if len(model.functions) or len(model.training_info):
        raise BundleInvalid("The model brings functions or a training of its own.")
    _refuse_domains({each.domain for each in model.opset_import})
    nodes = list(_nodes(model.graph, 0))
    if len(nodes) > _MOST_NODES:
        raise BundleInvalid(f"The model has more than {_MOST_NODES} nodes.")
    _refuse_domains({node.domain for node in nodes})
    for tensor in graph.tensors(model):
        _refuse_tensor(tensor, len(data))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        _refuse_shape(value)


def _nodes(found: Any, depth: int) -> Iterator[Any]:
    """Of the graph and of those within its nodes."""
    if depth > _DEEPEST:
        raise BundleInvalid(f"The model nests graphs deeper than {_DEEPEST}.")
    for node in found.node:
        yield node
        for attribute in node.attribute:
            for inner in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                yield from _nodes(inner, depth + 1)


def _refuse_domains(domains: set[str]) -> None:
    strange = sorted(domains - _DOMAINS)
    if strange:
        raise BundleInvalid(f"The model uses operators that are not ONNX's own: {strange[:5]}.")


def _refuse_tensor(tensor: Any, size: int) -> None:
    if any(each < 0 for each in tensor.dims) or prod(tensor.dims) > _ELEMENTS_PER_BYTE * size:
        raise BundleInvalid(f"The tensor {tensor.name[:60]!r} is larger than the file.")


def _refuse_shape(value: Any) -> None:
    sizes = [each.dim_value for each in value.type.tensor_type.shape.dim]
    if any(each < 0 for each in sizes) or prod(each or 1 for each in sizes) > _MOST_IN_A_ROW:
        raise BundleInvalid(f"The tensor {value.name[:60]!r} has the shape {sizes[:8]}.")
