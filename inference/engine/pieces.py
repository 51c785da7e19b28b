"""What is known so far of a batch that did not come through in one piece."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from inference.core.bisection import Span
from inference.core.errors import ModelOutputInvalid, WeirError
from inference.core.tensors import Array, Tensors, concat, cut
from inference.engine import compute
from inference.engine.waiter import Waiter


class Pieces:
    """Rows come in by spans, jobs go out as soon as their last row is known."""

    def __init__(self, batch: Sequence[Waiter]) -> None:
        self._batch = batch
        self._stops = list(accumulate(waiter.rows for waiter in batch))
        self._unknown = [waiter.rows for waiter in batch]
        self._outputs: list[Tensors | None] = [None] * len(batch)
        self._errors: list[dict[int, WeirError]] = [{} for _ in batch]

    @property
    def errors(self) -> int:
        """Rows that failed."""
        return sum(map(len, self._errors))

    def wanted(self, span: Span) -> bool:
        """Whether anybody still waits for a row of it."""
        return any(not self._batch[job].gone for job in self._jobs(span))

    def fits(self, span: Span, outputs: Tensors) -> bool:
        """Whether these rows can stand beside the known ones: a broadcast would invent values.

        Of a model of free form, beside those of the same jobs: how many boxes there are in the
        picture of a stranger is no business of theirs.
        """
        free = self._batch[0].job.model.free_form
        known = [self._outputs[job] for job in self._jobs(span)] if free else self._outputs
        forms = _forms(outputs)
        return all(each is None or _forms(each) == forms for each in known)

    def passed(self, span: Span, outputs: Tensors) -> list[int]:
        """These rows have come out; the jobs that are complete by them."""
        suspects = compute.doubtful(self._batch[0].job.model, outputs)
        for job in self._jobs(span):
            self._fill(job, span, outputs)
        for row in suspects:
            self._blot(span.start + row)
            self._accuse(span.start + row, ModelOutputInvalid("the model returned no number"))
        return self._known(span)

    def failed(self, row: int, error: WeirError) -> list[int]:
        """This row has no result; the jobs that are complete by that."""
        self._accuse(row, error)
        return self._known(Span(row, row + 1))

    def share(self, job: int) -> tuple[Tensors | None, dict[int, WeirError]]:
        """A complete job's outputs, None if no row has any, and its rows' errors."""
        errors = self._errors[job]
        outputs = self._outputs[job]
        return None if len(errors) == self._batch[job].rows else outputs, errors

    def came(self, inputs: Tensors) -> tuple[Tensors, Tensors]:
        """Of the jobs that are complete, the rows without an error; none of a free form."""
        if self._batch[0].job.model.free_form:
            return (), ()
        rows: list[int] = []
        kept: list[Tensors] = []
        for job, outputs in enumerate(self._outputs):
            if outputs is not None and not self._unknown[job]:
                good = [at for at in range(self._batch[job].rows) if at not in self._errors[job]]
                rows += [self._start(job) + at for at in good]
                kept.append(tuple(array[good] for array in outputs))
        return tuple(array[rows] for array in inputs), concat(kept) if kept else ()

    def _fill(self, job: int, span: Span, outputs: Tensors) -> None:
        """With those of its rows that are in the span."""
        start, rows = self._start(job), self._batch[job].rows
        known = self._outputs[job]
        if known is None:
            known = self._outputs[job] = tuple(_blank(array, rows) for array in outputs)
        first, last = max(span.start, start), min(span.stop, start + rows)
        parts = cut(outputs, first - span.start, last - span.start)
        for whole, part in zip(known, parts, strict=True):
            whole[first - start : last - start] = part

    def _blot(self, row: int) -> None:
        job = self._job(row)
        for whole in self._outputs[job] or ():
            whole[row - self._start(job)] = _nothing(whole)

    def _accuse(self, row: int, error: WeirError) -> None:
        job = self._job(row)
        error.row = row - self._start(job)
        self._errors[job][error.row] = error

    def _known(self, span: Span) -> list[int]:
        complete = []
        for job in self._jobs(span):
            first, last = max(span.start, self._start(job)), min(span.stop, self._stops[job])
            self._unknown[job] -= last - first
            if not self._unknown[job]:
                complete.append(job)
        return complete

    def _jobs(self, span: Span) -> range:
        return range(self._job(span.start), bisect_left(self._stops, span.stop) + 1)

    def _job(self, row: int) -> int:
        return bisect_right(self._stops, row)

    def _start(self, job: int) -> int:
        return self._stops[job - 1] if job else 0


def _forms(outputs: Tensors) -> list[tuple[object, ...]]:
    return [(array.dtype, array.shape[1:]) for array in outputs]


def _blank(like: Array, rows: int) -> Array:
    return np.full((rows, *like.shape[1:]), _nothing(like), like.dtype)


def _nothing(array: Array) -> float | int | bytes:
    """What stands in rows that have no result; their error says so, not this value."""
    if array.dtype == object:
        return b""
    return np.nan if array.dtype.kind in "fc" else 0
