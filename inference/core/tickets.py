"""The rows of one request for one algorithm, and what is answered and logged for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import repeat
from typing import Final, NamedTuple

import numpy as np

from inference.core.answers import ERROR_LABEL, Answer, Renderer, failure
from inference.core.datatypes import Tensor
from inference.core.errors import WeirError
from inference.core.precedence import Level
from inference.core.reader import Reader
from inference.core.routing import Algorithm, Arm
from inference.core.rows import Read, Rows
from inference.core.tensors import Array, Tensors
from inference.core.types import NO_ERRORS, LogMode, Model, Outcome, PredictionRow

# Past the constructor that a named tuple has in Python: half of what a row costs.
_row: Final = partial(tuple.__new__, PredictionRow)


@dataclass(frozen=True, slots=True)
class Served:
    """An algorithm with all that answering takes; without a model, `failure` says why."""

    algorithm: Algorithm
    reader: Reader
    renderer: Renderer
    model: Model | None
    failure: str = ""


class Context(NamedTuple):
    """What the rows of one request have in common; `at` is when it was admitted.

    `table`: the caller reads arrays, so no texts are made for him. `level`: their place in a queue.
    `shadow`: they were answered already, and are only compared.
    """

    rows: Rows
    subject: str
    mode: LogMode
    at: datetime
    table: bool = False
    level: Level = Level.USUAL
    shadow: bool = False


class Table(NamedTuple):
    """The answers to all rows of a request as arrays; a row with an error holds NaN."""

    served: Served
    ids: Sequence[int]
    outputs: Tensors
    errors: Mapping[int, WeirError]

    @property
    def tensors(self) -> Sequence[Tensor]:
        """By name, as the renderer says them; none if no row has an answer."""
        return self.served.renderer.tensors(self.outputs) if self.outputs else ()


class Part:
    """A ticket: read at once, settled once by the engine."""

    __slots__ = (
        "arm",
        "context",
        "errors",
        "ids",
        "log",
        "outputs",
        "positions",
        "read",
        "served",
        "texts",
    )

    def __init__(
        self,
        served: Served,
        arm: Arm | None,
        positions: Sequence[int],
        ids: Sequence[int],
        context: Context,
    ) -> None:
        self.served = served
        self.arm = arm
        self.positions = positions
        self.ids = ids
        self.context = context
        self.texts: Sequence[str] = ()
        self.outputs: Tensors = ()
        self.errors: Mapping[int, WeirError] = NO_ERRORS
        self.log: Sequence[PredictionRow] = ()
        self.read: Read = context.rows.read(served.reader, positions)

    @property
    def tensors(self) -> Tensors | None:
        """What the model gets; None if no row fits the schema."""
        return self.read.tensors

    @property
    def refused(self) -> WeirError | None:
        """Why the first row that does not fit the schema does not."""
        return next(iter(self.read.errors.values()), None)

    @property
    def answers(self) -> Sequence[Answer]:
        """Once settled: one for each position; `texts` and `errors` (by place) as values."""
        return [
            Answer(request_id, text, self.errors.get(place))
            for place, (request_id, text) in enumerate(zip(self.ids, self.texts, strict=True))
        ]

    @property
    def table(self) -> Table:
        """Once settled, for a caller who reads arrays."""
        return Table(self.served, self.ids, self.outputs, self.errors)

    def settle(self, outcome: Outcome) -> None:
        """Render once what is answered and, unless the log is off, what is logged."""
        if outcome.errors or self.read.errors:
            self.errors = self._all_errors(outcome)
        if self.context.table:
            self.outputs = self._aligned(outcome.outputs)
            if self.context.mode is LogMode.OFF:
                return
        self._render(outcome)

    def _render(self, outcome: Outcome) -> None:
        renderer, outputs = self.served.renderer, outcome.outputs
        texts = [] if outputs is None else renderer.texts(outputs)
        if self.errors:
            texts = self._merged(texts, failure)
        if not self.context.table:
            self.texts = renderer.answers(texts, self.ids)
        if self.context.mode is not LogMode.OFF:
            labels = [] if outputs is None else renderer.labels(outputs)
            if self.errors:
                labels = self._merged(labels, lambda _: ERROR_LABEL)
            self.log = self._rows(outcome, texts, labels)

    def told(
        self, texts: Sequence[str], errors: Mapping[int, WeirError], outputs: Tensors = ()
    ) -> None:
        """Settled in another process, which also logs it."""
        self.texts = texts
        self.errors = errors
        self.outputs = outputs

    def _aligned(self, outputs: Tensors | None) -> Tensors:
        """A row for each place, be it of nothing; `outputs` hold that for errors of the model."""
        if outputs is None:
            return ()
        if not self.read.errors:
            return outputs
        return tuple(self._spread(array) for array in outputs)

    def _spread(self, array: Array) -> Array:
        nothing = np.nan if array.dtype.kind == "f" else np.zeros((), array.dtype)
        spread = np.full((len(self.ids), *array.shape[1:]), nothing, array.dtype)
        spread[list(self.read.places)] = array
        return spread

    def _all_errors(self, outcome: Outcome) -> Mapping[int, WeirError]:
        """By place in this part: what the schema refused and what the model did."""
        of_model = {self.read.places[index]: error for index, error in outcome.errors.items()}
        return of_model | dict(self.read.errors)

    def _merged(self, good: list[str], bad: Callable[[WeirError], str]) -> list[str]:
        """Something for each place: what the model said, or what stands for the error."""
        by_place = dict(zip(self.read.places, good, strict=False))
        by_place.update((place, bad(error)) for place, error in self.errors.items())
        return [by_place[place] for place in range(len(self.ids))]

    def _rows(
        self, outcome: Outcome, texts: Sequence[str], labels: Sequence[str]
    ) -> Sequence[PredictionRow]:
        if len(texts) == 1 and not self.errors:  # what nearly every request is
            return (self._only_row(outcome, texts[0], labels[0]),)
        context, errors = self.context, self.errors
        codes = [errors[p].code if p in errors else "" for p in range(len(texts))]
        columns = (
            self.ids,
            repeat(self.served.algorithm.id),
            repeat(self.arm and self.arm.id),
            map(context.rows.raw, self.positions),
            [f"{text}}}" for text in texts],
            labels,
            codes,
            repeat(context.subject),
            repeat(context.at),
            repeat(_microseconds(outcome)),
        )
        return list(map(_row, zip(*columns)))  # noqa: B905  # some of them never end

    def _only_row(self, outcome: Outcome, text: str, label: str) -> PredictionRow:
        rows, subject, _, at, *_ = self.context
        algorithm, arm = self.served.algorithm.id, self.arm and self.arm.id
        raw, latency = rows.raw(self.positions[0]), _microseconds(outcome)
        return _row(
            (self.ids[0], algorithm, arm, raw, f"{text}}}", label, "", subject, at, latency)
        )


def _microseconds(outcome: Outcome) -> int:
    return round((outcome.queue_seconds + outcome.compute_seconds) * 1e6)
