"""What a caller reads for a row, and the label that feedback will be compared with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Protocol, cast

import numpy as np
import numpy.typing as npt

from inference.core.datatypes import Tensor, named
from inference.core.errors import WeirError
from inference.core.routing import Algorithm
from inference.core.schema import Target
from inference.core.signature import LABEL, PROBABILITIES, VALUE
from inference.core.tensors import Matrix, Tensors

ERROR_LABEL = "error"
HALF = 0.5
NO_CLASS: Final = -1


class Answer(NamedTuple):
    """One row's answer. `text` is the complete JSON object; `error` is set if the row failed."""

    request_id: int
    text: str
    error: WeirError | None = None


class Renderer(Protocol):
    """Turns what one algorithm put out into answers."""

    @property
    def classes(self) -> Sequence[str]:
        """In the order of the probabilities; none for anything but a classification."""
        ...

    def texts(self, outputs: Tensors) -> list[str]:
        """For each row a JSON object without its closing brace, so that its ids can follow."""
        ...

    def labels(self, outputs: Tensors) -> list[str]:
        """What feedback is compared with, row by row."""
        ...

    def answers(self, texts: Iterable[str], ids: Iterable[int]) -> list[str]:
        """The texts, completed."""
        ...

    def tensors(self, outputs: Tensors) -> Sequence[Tensor]:
        """The same as arrays; a label is the index of its class, -1 for a row without one."""
        ...


class TableRenderer:
    """Turns the scores of one algorithm, shape [rows, classes] or [rows, 1], into answers."""

    def __init__(self, target: Target, algorithm: Algorithm) -> None:
        self.classes = target.classes
        self._target = target
        self._classes = tuple(json.dumps(name) for name in target.classes)
        self._complete = completed(algorithm)
        self._texts = {
            "binary": self._binary,
            "multiclass": self._multiclass,
            "regression": self._regression,
        }[target.task]

    def texts(self, outputs: Tensors) -> list[str]:
        return self._texts(_scores(outputs))

    def labels(self, outputs: Tensors) -> list[str]:
        scores = _scores(outputs)
        if self._target.task == "regression":
            return [repr(value) for value in scores[:, 0].tolist()]
        classes = self._target.classes
        if self._target.task == "binary":
            return [classes[p > HALF] for p in _second(scores)]
        return [classes[best] for best in scores.argmax(axis=1).tolist()]

    def tensors(self, outputs: Tensors) -> Sequence[Tensor]:
        scores = _scores(outputs)
        if self._target.task == "regression":
            return (named(VALUE, scores[:, 0]),)
        return named(LABEL, self._best(scores)), named(PROBABILITIES, scores)

    def _best(self, scores: Matrix) -> npt.NDArray[np.int32]:
        if self._target.task == "binary":
            best = (scores[:, 1] > HALF).astype(np.int32)
        else:
            best = scores.argmax(axis=1).astype(np.int32)
        best[np.isnan(scores[:, 0])] = NO_CLASS
        return best

    def answers(self, texts: Iterable[str], ids: Iterable[int]) -> list[str]:
        return self._complete(texts, ids)

    def _binary(self, scores: Matrix) -> list[str]:
        """The probability is that of the second class; the label is it above one half."""
        classes = self._classes
        return [
            f'{{"probability":{p!r},"label":{classes[p > HALF]},"status":"OK"'
            for p in _second(scores)
        ]

    def _multiclass(self, scores: Matrix) -> list[str]:
        best = scores.argmax(axis=1).tolist()
        return [self._ranked(row, k) for row, k in zip(scores.tolist(), best, strict=True)]

    def _ranked(self, row: list[float], best: int) -> str:
        pairs = ",".join([f"{c}:{p!r}" for c, p in zip(self._classes, row, strict=True)])
        return (
            f'{{"probability":{row[best]!r},"label":{self._classes[best]},"status":"OK"'
            f',"probabilities":{{{pairs}}}'
        )

    def _regression(self, scores: Matrix) -> list[str]:
        return [
            f'{{"value":{value!r},"label":"{value!r}","status":"OK"'
            for value in scores[:, 0].tolist()
        ]


def _scores(outputs: Tensors) -> Matrix:
    """A tabular model has one matrix out; that it is float64 is the runtime's promise."""
    return cast("Matrix", outputs[0])


def _second(scores: Matrix) -> list[float]:
    """The probabilities of the second of two classes; of one row without the detour of a view."""
    return [scores.item(1)] if len(scores) == 1 else scores[:, 1].tolist()


def completed(algorithm: Algorithm) -> Callable[[Iterable[str], Iterable[int]], list[str]]:
    """What closes the texts of an algorithm's rows, with their ids."""
    tail = _tail(algorithm.id, algorithm.version)

    def close(texts: Iterable[str], ids: Iterable[int]) -> list[str]:
        pairs = zip(texts, ids, strict=True)
        return [f'{text},"request_id":{request_id}{tail}' for text, request_id in pairs]

    return close


def replayed(logged: str, request_id: int, algorithm_id: int, version: str) -> str:
    """The answer to a row once more, to the byte, from the object that the log has kept of it."""
    return f'{logged[:-1]},"request_id":{request_id}{_tail(algorithm_id, version)}'


def _tail(algorithm_id: int, version: str) -> str:
    return f',"algorithm":{algorithm_id},"version":{json.dumps(version)}}}'


def failure(error: WeirError) -> str:
    """The tutorial's shape for a row that got no prediction, without its closing brace."""
    body = {"status": "Error", "message": error.message, "code": error.code}
    if error.field is not None:
        body["field"] = error.field
    return json.dumps(body, separators=(",", ":"))[:-1]
