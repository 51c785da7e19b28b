"""What a caller reads for a row, and the label that feedback will be compared with."""

from __future__ import annotations

import json
from typing import NamedTuple

from inference.core.errors import WeirError
from inference.core.routing import Algorithm
from inference.core.schema import Target
from inference.core.tensors import Matrix

ERROR_LABEL = "error"


class Rendered(NamedTuple):
    """`text` is a JSON object without its closing brace, so that ids can follow."""

    label: str
    text: str


class Answer(NamedTuple):
    """One row's answer. `text` is the complete JSON object; `error` is set if the row failed."""

    request_id: int
    text: str
    error: WeirError | None = None


class Renderer:
    """Turns the scores of one algorithm into answers."""

    def __init__(self, target: Target, algorithm: Algorithm) -> None:
        self._target = target
        self._classes = tuple(json.dumps(name) for name in target.classes)
        version = json.dumps(algorithm.version)
        self._tail = f',"algorithm":{algorithm.id},"version":{version}}}'
        self._rows = {
            "binary": self._binary,
            "multiclass": self._multiclass,
            "regression": self._regression,
        }[target.task]

    def rows(self, scores: Matrix) -> list[Rendered]:
        """One for each row of `scores`, shape [rows, classes] or [rows, 1]."""
        return self._rows(scores)

    def answer(self, rendered: Rendered, request_id: int) -> str:
        return f'{rendered.text},"request_id":{request_id}{self._tail}'

    def _binary(self, scores: Matrix) -> list[Rendered]:
        """The probability is that of the second class; the label is it above one half."""
        labels, classes = self._target.classes, self._classes
        return [
            Rendered(
                labels[p > 0.5],
                f'{{"probability":{p!r},"label":{classes[p > 0.5]},"status":"OK"',
            )
            for p in scores[:, 1].tolist()
        ]

    def _multiclass(self, scores: Matrix) -> list[Rendered]:
        best = scores.argmax(axis=1).tolist()
        return [self._ranked(row, k) for row, k in zip(scores.tolist(), best, strict=True)]

    def _ranked(self, row: list[float], best: int) -> Rendered:
        pairs = ",".join([f"{c}:{p!r}" for c, p in zip(self._classes, row, strict=True)])
        text = (
            f'{{"probability":{row[best]!r},"label":{self._classes[best]},"status":"OK"'
            f',"probabilities":{{{pairs}}}'
        )
        return Rendered(self._target.classes[best], text)

    def _regression(self, scores: Matrix) -> list[Rendered]:
        return [
            Rendered(repr(v), f'{{"value":{v!r},"label":"{v!r}","status":"OK"')
            for v in scores[:, 0].tolist()
        ]


def failure(error: WeirError) -> Rendered:
    """The tutorial's shape for a row that got no prediction."""
    body = {"status": "Error", "message": error.message, "code": error.code}
    if error.field is not None:
        body["field"] = error.field
    return Rendered(ERROR_LABEL, json.dumps(body)[:-1])
