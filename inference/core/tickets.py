"""The rows of one request for one algorithm, and what is answered and logged for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast

from inference.core.answers import Answer, Rendered, Renderer, failure
from inference.core.errors import WeirError
from inference.core.reader import RowReader
from inference.core.routing import Algorithm, Arm
from inference.core.rows import Read, Rows
from inference.core.tensors import Matrix, Tensors
from inference.core.types import LogMode, Model, Outcome, PredictionRow


@dataclass(frozen=True, slots=True)
class Served:
    """An algorithm with all that answering takes; without a model, `failure` says why."""

    algorithm: Algorithm
    reader: RowReader
    renderer: Renderer
    model: Model | None
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Context:
    """What the rows of one request have in common; `at` is when it was admitted."""

    rows: Rows
    subject: str
    mode: LogMode
    at: datetime


@dataclass(slots=True, eq=False)
class Part:
    """A ticket: read at once, settled once by the engine."""

    served: Served
    arm: Arm | None
    positions: Sequence[int]
    ids: Sequence[int]
    context: Context
    answers: Sequence[Answer] = ()
    log: Sequence[PredictionRow] = ()
    read: Read = field(init=False)

    def __post_init__(self) -> None:
        self.read = self.context.rows.read(self.served.reader, self.positions)

    @property
    def tensors(self) -> Tensors | None:
        """What the model gets; None if no row fits the schema."""
        return None if self.read.matrix is None else (self.read.matrix,)

    @property
    def refused(self) -> WeirError | None:
        """Why the first row that does not fit the schema does not."""
        return next(iter(self.read.errors.values()), None)

    def settle(self, outcome: Outcome) -> None:
        """Render once what is answered and, unless the log is off, what is logged."""
        errors = self._errors(outcome)
        rendered = self._rendered(outcome, errors)
        answer = self.served.renderer.answer
        self.answers = [
            Answer(request_id, answer(text, request_id), errors.get(place) if errors else None)
            for place, (request_id, text) in enumerate(zip(self.ids, rendered, strict=True))
        ]
        if self.context.mode is not LogMode.OFF:
            self.log = self._rows(outcome, rendered, errors)

    def _errors(self, outcome: Outcome) -> dict[int, WeirError]:
        """By place in this part: what the schema refused and what the model did."""
        if not outcome.errors and not self.read.errors:
            return {}
        errors = {self.read.places[index]: error for index, error in outcome.errors.items()}
        return errors | dict(self.read.errors)

    def _rendered(self, outcome: Outcome, errors: dict[int, WeirError]) -> Sequence[Rendered]:
        good = self._scored(outcome)
        if not errors:
            return good
        by_place = dict(zip(self.read.places, good, strict=False))
        return [
            failure(errors[place]) if place in errors else by_place[place]
            for place in range(len(self.ids))
        ]

    def _scored(self, outcome: Outcome) -> Sequence[Rendered]:
        if outcome.outputs is None:
            return []
        # A tabular model has one matrix out; that it is float64 is the runtime's promise.
        return self.served.renderer.rows(cast("Matrix", outcome.outputs[0]))

    def _rows(
        self, outcome: Outcome, rendered: Sequence[Rendered], errors: dict[int, WeirError]
    ) -> Sequence[PredictionRow]:
        context, arm = self.context, self.arm
        latency = round((outcome.queue_seconds + outcome.compute_seconds) * 1e6)
        return [
            PredictionRow(
                request_id,
                self.served.algorithm.id,
                arm.id if arm else None,
                context.rows.raw(position),
                f"{one.text}}}",
                one.label,
                errors[place].code if place in errors else "",
                context.subject,
                context.at,
                latency,
            )
            for place, (request_id, position, one) in enumerate(
                zip(self.ids, self.positions, rendered, strict=True)
            )
        ]
