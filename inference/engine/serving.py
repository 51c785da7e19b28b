"""What happens to one batch: joined, computed, handed out, reported."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from time import monotonic

from inference.core import tensors
from inference.core.errors import ModelUnavailable
from inference.core.tensors import Tensors
from inference.core.types import NO_ERRORS, Outcome
from inference.engine.base import BatchReport
from inference.engine.compute import doubtful, shares
from inference.engine.counters import Counters
from inference.engine.desk import Desk
from inference.engine.isolation import Isolation
from inference.engine.runner import Runner
from inference.engine.waiter import Waiter

logger = logging.getLogger(__name__)

Observer = Callable[[BatchReport], None]


@dataclass(slots=True, eq=False)
class Serving:
    """Serves batches of one model, one after the other."""

    key: Hashable
    runner: Runner
    desk: Desk
    counters: Counters
    observer: Observer | None

    async def serve(self, batch: Sequence[Waiter]) -> None:
        """Hand out all jobs of it. What is raised here failed for those that are still open."""
        started = monotonic()
        try:
            inputs = tensors.concat([waiter.job.tensors for waiter in batch])
        except (TypeError, ValueError):
            # Jobs that do not fit each other are no batch; each kind of them may still be one.
            kinds = _kinds(batch)
            if len(kinds) == 1:
                raise
            for alike in kinds:
                await self.serve(alike)
            return
        tried = await self.runner.run(batch[0].job.model, inputs)
        if isinstance(tried.error, ModelUnavailable):
            # No row is to blame, so none is searched for.
            raise tried.error
        if tried.outputs is not None and not doubtful(batch[0].job.model, tried.outputs):
            computed = tried.seconds
            self._hand_out(batch, tried.outputs, started, computed)
            errors, came = 0, (inputs, tried.outputs)
        else:
            isolation = Isolation(batch, inputs, self.runner, self.desk)
            await isolation.run(tried)
            errors, computed, came = isolation.errors, isolation.seconds, isolation.came()
        queued = started - batch[0].since
        self.counters.queue_seconds += sum([started - waiter.since for waiter in batch])
        rows = tensors.rows(inputs)
        self._report(BatchReport(self.key, len(batch), rows, errors, queued, computed, *came))

    def _hand_out(
        self, batch: Sequence[Waiter], outputs: Tensors, started: float, computed: float
    ) -> None:
        rows = tensors.rows(outputs)
        cuts = shares(outputs, [waiter.rows for waiter in batch])
        for waiter, share in zip(batch, cuts, strict=True):
            waiter.outcome = Outcome(share, NO_ERRORS, rows, started - waiter.since, computed)
        self.desk.hand_out(batch)

    def _report(self, report: BatchReport) -> None:
        self.counters.ran(report)
        if self.observer is None:
            return
        try:
            self.observer(report)
        except Exception:
            # Whoever looks on must not stop what is looked at.
            logger.exception("an observer failed")


def _kinds(batch: Sequence[Waiter]) -> list[list[Waiter]]:
    kinds: dict[object, list[Waiter]] = {}
    for waiter in batch:
        kind = tuple((array.dtype, array.shape[1:]) for array in waiter.job.tensors)
        kinds.setdefault(kind, []).append(waiter)
    return list(kinds.values())
