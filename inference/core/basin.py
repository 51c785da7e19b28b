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
from inference.core.tensors import Matrix, Tensors

_CELLS: Final = 8192  # numbers that are counted at once, nearly
_LEAST_ROWS: Final = 16  # of a model that is wider than that allows
_MATRIX: Final = 2  # dimensions


class Basin:
    """Of one model; used by one thread."""

    def __init__(self, reference: Reference) -> None:
        self._counter = Counter(reference.binnings)
        self._nothing = self._counts = Counts.nothing(reference)
        self._width = len(reference.features)
        self._room = max(_LEAST_ROWS, _CELLS // max(1, self._counter.width))
        self._inputs: Matrix | None = None
        self._outputs: Matrix | None = None
        self._rows = 0

    def pour(self, inputs: Tensors, outputs: Tensors) -> None:
        """Rows and the answers to them; raises ValueError if they are not of this reference."""
        (rows,), (answers,) = inputs, outputs
        if self._inputs is None or self._outputs is None:
            if rows.ndim != _MATRIX or rows.shape[1] != self._width or answers.ndim != _MATRIX:
                raise ValueError(f"These are no rows of {self._width} features and their answers.")
            self._inputs = np.empty((self._room, self._width))
            self._outputs = np.empty((self._room, answers.shape[1]))
        start, left = 0, len(rows)
        while left:
            some = min(left, self._room - self._rows)
            here = slice(self._rows, self._rows + some)
            self._inputs[here] = rows[start : start + some]
            self._outputs[here] = answers[start : start + some]
            self._rows, start, left = self._rows + some, start + some, left - some
            if self._rows == self._room:
                self._count()

    def take(self) -> Counts:
        """What has come since it was asked the last time."""
        self._count()
        taken, self._counts = self._counts, self._nothing
        return taken

    def _count(self) -> None:
        if self._inputs is None or self._outputs is None or not self._rows:
            return
        rows, answers = self._inputs[: self._rows], self._outputs[: self._rows]
        cells = self._counter.count(np.hstack([rows, said(answers)]))
        self._counts += Counts(self._rows, cells, confidence(answers) or 0.0)
        self._rows = 0
