"""Where rows and answers of one model run together until they are counted.

To count a row alone takes twenty times as long as its share of many. So it is only put down, in a
few hundred nanoseconds, and counted once the basin is full, or somebody wants to know. Its size is
fixed: whoever pours in more than fits has waited for what was there to be counted, about 0.1 ms.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from inference.core.bins import Counter
from inference.core.drift import Counts
from inference.core.reference import Reference, confidence, said
from inference.core.tensors import Array, Matrix, Tensors

_CELLS: Final = 8192  # numbers that are counted at once, nearly
_MATRIX: Final = 2  # dimensions


class Basin:
    """Of one model; used by one thread. Rows lie in columns, as they are counted."""

    def __init__(self, reference: Reference) -> None:
        self._counter = Counter(reference.binnings)
        self._width = len(reference.features)
        self._room = max(1, _CELLS // max(1, self._counter.width))
        self._columns = np.empty((self._counter.width, self._room))
        self._outputs: Matrix | None = None
        self._filled = 0
        self._begin()

    @property
    def width(self) -> int:
        """How many numbers a row has, with what is said to it."""
        return self._counter.width

    def pour(self, inputs: Tensors, outputs: Tensors) -> None:
        """Rows and the answers to them; raises ValueError if they are not of this reference."""
        (rows,), (answers,) = inputs, outputs
        if self._outputs is None:
            self._outputs = self._fitting(rows, answers)
        start, left = 0, len(rows)
        while left:
            some = min(left, self._room - self._filled)
            here = slice(self._filled, self._filled + some)
            self._columns[: self._width, here] = rows[start : start + some].T
            self._outputs[here] = answers[start : start + some]
            self._filled, start, left = self._filled + some, start + some, left - some
            if self._filled == self._room:
                self._count()

    def take(self) -> Counts:
        """What has come since it was asked the last time."""
        self._count()
        taken = Counts(self._rows, self._counter.folded(self._raw), self._confidence)
        self._begin()
        return taken

    def _begin(self) -> None:
        self._raw = self._counter.raw(self._columns[:, :0])
        self._rows, self._confidence = 0, 0.0

    def _fitting(self, rows: Array, answers: Array) -> Matrix:
        """Where such answers are kept."""
        width, beside = self._width, self._counter.width - self._width
        values = answers.ndim == _MATRIX and answers.shape[1] == 1
        if rows.shape[1:] != (width,) or answers.ndim != _MATRIX or values is not (beside == 1):
            raise ValueError(f"These are no rows of {width} features and their answers.")
        return np.empty((self._room, answers.shape[1]))

    def _count(self) -> None:
        if self._outputs is None or not self._filled:
            return
        columns, answers = self._columns[:, : self._filled], self._outputs[: self._filled]
        columns[self._width :] = said(answers).T
        self._raw = self._raw.plus(self._counter.raw(columns))
        self._rows += self._filled
        self._confidence += confidence(answers) or 0.0
        self._filled = 0
