"""What a caller reads of the tensors that a graph puts out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, cast

import msgspec
import numpy as np

from inference.core.answers import completed, tail
from inference.core.datatypes import Tensor
from inference.core.graphs import Graph
from inference.core.routing import Algorithm
from inference.core.tensors import Array, Tensors

_encode = msgspec.json.encode  # a NaN or an infinity, for which JSON has no word, is null


class GraphRenderer:
    """Turns the outputs of one graph into answers: each output by its name, and a label."""

    classes: Sequence[str] = ()

    def __init__(self, graph: Graph, algorithm: Algorithm) -> None:
        self._specs = graph.signature.outputs
        self._names = [spec.name for spec in self._specs]
        self._labelled = graph.labelled
        self._tail = tail(algorithm.id, algorithm.version)

    def texts(self, outputs: Tensors) -> list[str]:
        columns = [_listed(array) for array in outputs]
        labels = self.labels(outputs)
        return [
            f'{{"outputs":{self._named(row)},"label":{json.dumps(label)},"status":"OK"'
            for label, *row in zip(labels, *columns, strict=True)
        ]

    def labels(self, outputs: Tensors) -> list[str]:
        """Empty where the outputs do not say which of them is one."""
        if self._labelled is None:
            return [""] * len(outputs[0])
        array = outputs[self._labelled.output]
        if self._labelled.way == "largest":
            return _largest(array)
        return [_word(value) for value in _listed(array.reshape(len(array)))]

    def answers(self, texts: Iterable[str], ids: Iterable[int]) -> list[str]:
        return completed(texts, ids, self._tail)

    def tensors(self, outputs: Tensors) -> Sequence[Tensor]:
        """As they are."""
        pairs = zip(self._specs, outputs, strict=True)
        return [Tensor(spec.name, spec.datatype, array) for spec, array in pairs]

    def _named(self, row: Sequence[object]) -> str:
        return _encode(dict(zip(self._names, row, strict=True))).decode()


def _listed(array: Array) -> list[Any]:
    """As values that JSON has."""
    values = array.tolist()
    return cast("list[Any]", _decoded(values) if array.dtype == object else values)


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(each) for each in value]
    return value.decode("utf-8", "replace")


def _largest(scores: Array) -> list[str]:
    """The place of the largest score; none among scores of which one is no number."""
    if not scores.shape[1]:
        return [""] * len(scores)
    best, doubtful = scores.argmax(axis=1), np.isnan(cast("Any", scores)).any(axis=1)
    return [
        "" if bad else str(at) for at, bad in zip(best.tolist(), doubtful.tolist(), strict=True)
    ]


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
