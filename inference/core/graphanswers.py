"""What a caller of a graph reads for a row: every output by name, and a label for feedback."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from inference.core import answers
from inference.core.datatypes import BYTES, DTYPES, Tensor
from inference.core.graphs import Graph
from inference.core.routing import Algorithm
from inference.core.schema import Task
from inference.core.signature import Spec
from inference.core.tensors import Array, Tensors

LABELS: Final = ("label", "output_label", "class")  # names by which exporters call it
_MATRIX: Final = 2  # dimensions
_encode: Final = msgspec.json.Encoder().encode


class GraphRenderer:
    """Turns the arrays of one graph into answers; what is no number becomes null."""

    classes: Sequence[str] = ()

    def __init__(self, graph: Graph, algorithm: Algorithm) -> None:
        self._outputs = graph.outputs
        self._names = [json.dumps(spec.name) for spec in graph.outputs]
        self._complete = answers.completed(algorithm)
        self._label = _chosen(graph.outputs)
        self._best = _ranked(graph.outputs)

    def texts(self, outputs: Tensors) -> list[str]:
        rows = zip(*map(_spelt, outputs), strict=True)
        labels = self.labels(outputs)
        return [self._text(row, label) for row, label in zip(rows, labels, strict=True)]

    def labels(self, outputs: Tensors) -> list[str]:
        """Of the output that is named like one, else the best of the only scores, else nothing."""
        if self._label is not None:
            return [_plain(each) for each in _lone(outputs[self._label])]
        if self._best is not None and outputs[self._best].ndim == _MATRIX:
            return _largest(outputs[self._best])
        return [""] * len(outputs[0])

    def answers(self, texts: Iterable[str], ids: Iterable[int]) -> list[str]:
        return self._complete(texts, ids)

    def tensors(self, outputs: Tensors) -> Sequence[Tensor]:
        pairs = zip(self._outputs, outputs, strict=True)
        return [Tensor(spec.name, spec.datatype, array) for spec, array in pairs]

    def _text(self, row: Sequence[str], label: str) -> str:
        named = ",".join([f"{n}:{text}" for n, text in zip(self._names, row, strict=True)])
        return f'{{"outputs":{{{named}}},"label":{json.dumps(label)},"status":"OK"'


def task(graph: Graph) -> Task:
    """How a label is compared with feedback: floats by their distance, all else by the word."""
    chosen = _chosen(graph.outputs)
    measured = chosen is not None and _is_float(graph.outputs[chosen])
    return "regression" if measured else "multiclass"


def _largest(scores: Any) -> list[str]:
    """The place of the largest score; nothing among scores of which one is no number."""
    if not scores.shape[1]:
        return [""] * len(scores)
    doubtful = np.isnan(scores).any(axis=1).tolist()
    best = scores.argmax(axis=1).tolist()
    return ["" if bad else str(at) for at, bad in zip(best, doubtful, strict=True)]


def _chosen(specs: Sequence[Spec]) -> int | None:
    lone = [place for place, spec in enumerate(specs) if _is_lone(spec)]
    for place in lone:
        if specs[place].name in LABELS:
            return place
    if _ranked(specs) is not None:
        return None
    return lone[0] if len(lone) == len(specs) == 1 else None


def _ranked(specs: Sequence[Spec]) -> int | None:
    """The only output of floats, if they are several for a row."""
    floats = [place for place, spec in enumerate(specs) if _is_float(spec)]
    if len(floats) != 1:
        return None
    shape = specs[floats[0]].shape
    return floats[0] if len(shape) == _MATRIX and shape[1] != 1 else None


def _is_lone(spec: Spec) -> bool:
    """One value a row."""
    return all(size == 1 for size in spec.shape[1:])


def _is_float(spec: Spec) -> bool:
    return spec.datatype != BYTES and DTYPES[spec.datatype].kind == "f"


def _lone(array: Array) -> list[Any]:
    return array.reshape(len(array), -1)[:, 0].tolist() if array.size else []


def _plain(value: object) -> str:
    """As JSON spells it, a text without its quotes."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else _encode(value).decode()


def _spelt(array: Array) -> list[str]:
    """Row by row as JSON."""
    return [_encode(_texts(row)).decode() for row in array.tolist()]


def _texts(value: object) -> object:
    if isinstance(value, list):
        return [_texts(each) for each in value] if value and _holds(value) else value
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _holds(value: Sequence[object]) -> bool:
    """Whether there may be texts in it, which msgspec would write in base64."""
    return isinstance(value[0], list | bytes)
