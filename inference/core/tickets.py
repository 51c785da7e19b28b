"""The rows of one request for one algorithm, and what is answered and logged for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast

from inference.core.answers import ERROR_LABEL, Answer, Renderer, failure
from inference.core.errors import WeirError
from inference.core.reader import RowReader
from inference.core.routing import Algorithm, Arm
from inference.core.rows import Read, Rows
from inference.core.tensors import Matrix, Tensors
from inference.core.types import NO_ERRORS, LogMode, Model, Outcome, PredictionRow


@dataclass(frozen=True, slots=True)
class Served:
    """An algorithm with all that answering takes; without a model, `failure` says why."""

    algorithm: Algorithm
    reader: RowReader
    renderer: Renderer
    model: Model | None
    failure: str = ""


class Context(NamedTuple):
    """What the rows of one request have in common; `at` is when it was admitted."""

    rows: Rows
    subject: str
    mode: LogMode
    at: datetime


class Part:
    """A ticket: read at once, settled once by the engine."""

    __slots__ = ("arm", "context", "errors", "ids", "log", "positions", "read", "served", "texts")

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
        self.errors: Mapping[int, WeirError] = NO_ERRORS
        self.log: Sequence[PredictionRow] = ()
        self.read: Read = context.rows.read(served.reader, positions)

    @property
    def tensors(self) -> Tensors | None:
        """What the model gets; None if no row fits the schema."""
        return None if self.read.matrix is None else (self.read.matrix,)

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

    def settle(self, outcome: Outcome) -> None:
        """Render once what is answered and, unless the log is off, what is logged."""
        renderer = self.served.renderer
        # A tabular model has one matrix out; that it is float64 is the runtime's promise.
        scores = None if outcome.outputs is None else cast("Matrix", outcome.outputs[0])
        texts = [] if scores is None else renderer.texts(scores)
        if outcome.errors or self.read.errors:
            self.errors = self._all_errors(outcome)
            texts = self._merged(texts, failure)
        self.texts = renderer.answers(texts, self.ids)
        if self.context.mode is not LogMode.OFF:
            labels = [] if scores is None else renderer.labels(scores)
            if self.errors:
                labels = self._merged(labels, lambda _: ERROR_LABEL)
            self.log = self._rows(outcome, texts, labels)

    def told(self, texts: Sequence[str], errors: Mapping[int, WeirError]) -> None:
        """Settled in another process, which also logs it."""
        self.texts = texts
        self.errors = errors

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
        context, arm, errors = self.context, self.arm, self.errors
        latency = round((outcome.queue_seconds + outcome.compute_seconds) * 1e6)
        return [
            PredictionRow(
                request_id,
                self.served.algorithm.id,
                arm.id if arm else None,
                context.rows.raw(position),
                f"{text}}}",
                label,
                errors[place].code if place in errors else "",
                context.subject,
                context.at,
                latency,
            )
            for place, (request_id, position, text, label) in enumerate(
                zip(self.ids, self.positions, texts, labels, strict=True)
            )
        ]
