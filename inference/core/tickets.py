"""The rows of one request for one algorithm, and what is answered and logged for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import NamedTuple, cast

from inference.core.answers import Answer, Rendered, Renderer, failure
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

    __slots__ = ("answers", "arm", "context", "ids", "log", "positions", "read", "served")

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
        self.answers: Sequence[Answer] = ()
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

    def settle(self, outcome: Outcome) -> None:
        """Render once what is answered and, unless the log is off, what is logged."""
        errors = self._errors(outcome)
        rendered = self._rendered(outcome, errors)
        answer = self.served.renderer.answer
        self.answers = [
            Answer(request_id, answer(one, request_id), errors.get(place))
            for place, request_id, one in zip(count(), self.ids, rendered, strict=False)
        ]
        if self.context.mode is not LogMode.OFF:
            self.log = self._rows(outcome, rendered, errors)

    def _errors(self, outcome: Outcome) -> Mapping[int, WeirError]:
        """By place in this part: what the schema refused and what the model did."""
        if not outcome.errors and not self.read.errors:
            return NO_ERRORS
        errors = {self.read.places[index]: error for index, error in outcome.errors.items()}
        return errors | dict(self.read.errors)

    def _rendered(self, outcome: Outcome, errors: Mapping[int, WeirError]) -> Sequence[Rendered]:
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
        self, outcome: Outcome, rendered: Sequence[Rendered], errors: Mapping[int, WeirError]
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
