"""What is looked at in an ONNX file of a stranger before anything runs it.

Beyond what any file must be (`inference.training.graph`): operators of the standard alone, no
functions of its own, no deep nesting, and nothing in the file but the model.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import onnx
from google.protobuf.unknown_fields import UnknownFieldSet

from inference.core.errors import BundleInvalid
from inference.training import graph

_DOMAINS: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_MOST_NODES: Final = 100_000
_DEEPEST: Final = 8


def check(data: bytes) -> None:
    """Raises BundleInvalid."""
    graph.check(data)
    model = onnx.load_model_from_string(data)
    if len(UnknownFieldSet(model)):
        raise BundleInvalid("The file holds more than an ONNX model.")
    if len(model.functions) or len(model.training_info):
        raise BundleInvalid("The model brings functions or a training of its own.")
    _refuse_domains({each.domain for each in model.opset_import})
    nodes = list(_nodes(model.graph, 0))
    if len(nodes) > _MOST_NODES:
        raise BundleInvalid(f"The model has more than {_MOST_NODES} nodes.")
    _refuse_domains({node.domain for node in nodes})


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
