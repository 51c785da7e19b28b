"""Finds the rows that break a model, and answers everybody else of their batch meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from time import monotonic

from inference.core.bisection import Bisection, Span
from inference.core.errors import (
    DeadlineExceeded,
    ModelCrashed,
    ModelOutputInvalid,
    ModelUnavailable,
)
from inference.core.tensors import Tensors, cut, rows
from inference.core.types import Outcome
from inference.engine.compute import Attempt, blame
from inference.engine.desk import Desk
from inference.engine.pieces import Pieces
from inference.engine.runner import Runner
from inference.engine.waiter import Waiter

logger = logging.getLogger(__name__)


class Isolation:
    """One batch whose first attempt did not give every row a number.

    Its budget is the patience of its callers: rows that nobody waits for any more, because their
    deadline came or their caller left, are not tried.
    """

    def __init__(
        self, batch: Sequence[Waiter], inputs: Tensors, runner: Runner, desk: Desk
    ) -> None:
        self._batch = batch
        self._inputs = inputs
        self._runner = runner
        self._desk = desk
        self._pieces = Pieces(batch)
        self._plan = Bisection(rows(inputs))
        self._began = monotonic()
        self.seconds = 0.0

    @property
    def errors(self) -> int:
        """Rows that failed."""
        return self._pieces.errors

    def came(self) -> tuple[Tensors, Tensors]:
        """The inputs and outputs of the rows that came out, if those fit each other."""
        return self._pieces.came(self._inputs)

    async def run(self, tried: Attempt) -> None:
        """Go on from the attempt at the whole batch until nothing is left that anybody wants.

        Raises ModelUnavailable if the model goes away meanwhile: no row is to blame for that.
        """
        first, span = tried, self._plan.next()
        while span is not None:
            self.seconds += tried.seconds
            self._hand_out(self._verdict(span, tried))
            span = self._next()
            if span is not None:
                # Even where the attempts are too short for a thread, their sum may not be.
                await asyncio.sleep(0)
                tried = await self._runner.run(self._batch[0].job.model, cut(self._inputs, *span))
            if isinstance(tried.error, ModelUnavailable):
                raise tried.error
        self._desk.drop([waiter for waiter in self._batch if waiter.gone], DeadlineExceeded)
        extra = {"rows": rows(self._inputs), "errors": self.errors}
        if self.errors:
            logger.warning("a model failed on a batch", exc_info=first.error, extra=extra)
        else:
            logger.info("a batch was computed in parts: %s", first.error, extra=extra)

    def _verdict(self, span: Span, tried: Attempt) -> list[int]:
        """The jobs, by index, that are complete by this attempt."""
        if tried.outputs is not None and self._pieces.fits(span, tried.outputs):
            return self._pieces.passed(span, tried.outputs)
        error = tried.error or ModelOutputInvalid("the model returned another shape than before")
        # A crash cost a process: only the whole batch is split for one, and no half of it again.
        final = isinstance(error, ModelCrashed) and span.stop - span.start < self._plan.rows
        if not final and not self._plan.failed(span):
            return []
        blamed = [self._pieces.failed(row, blame(error)) for row in range(*span)]
        return [job for complete in blamed for job in complete]

    def _next(self) -> Span | None:
        while (span := self._plan.next()) is not None:
            if self._pieces.wanted(span):
                break
        return span

    def _hand_out(self, complete: Sequence[int]) -> None:
        now, size = monotonic(), rows(self._inputs)
        for job in complete:
            waiter = self._batch[job]
            queued, computed = self._began - waiter.since, now - self._began
            waiter.outcome = Outcome(*self._pieces.share(job), size, queued, computed)
        self._desk.hand_out([self._batch[job] for job in complete])
