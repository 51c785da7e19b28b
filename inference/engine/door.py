"""Who gets into a lane's window, asked of the core with what the shell knows."""

from __future__ import annotations

from math import inf
from time import monotonic

from inference.core.admission import Admission, Ahead
from inference.core.batching import BatchPolicy, Window
from inference.core.errors import DeadlineExceeded, ModelUnavailable, Overloaded
from inference.engine.counters import Counters
from inference.engine.desk import Desk
from inference.engine.runner import Runner
from inference.engine.waiter import Waiter

# Seconds. A full queue is searched for abandoned jobs at most so often: the search is as long as
# the queue, and under a flood each refusal would pay for it.
SWEEP_PAUSE = 0.005


class Door:
    """Answers in full by `admit`; its public facts spare nearly every job the question.

    While the lane is neither `busy` nor `dead`, an empty window takes anybody, and one with room
    for two batches takes whoever has more patience than the `horizon` (inf: not computed since the
    last batch).
    """

    def __init__(
        self,
        policy: BatchPolicy,
        window: Window[Waiter],
        runner: Runner,
        desk: Desk,
        counters: Counters,
    ) -> None:
        self.room = min(policy.max_queue_rows, 2 * policy.max_rows)
        self.dead = False
        self.busy = False
        self.horizon = inf
        self._admission = Admission(policy, runner.latency)
        self._window = window
        self._runner = runner
        self._desk = desk
        self._counters = counters
        self._swept_at = 0.0

    def admit(self, rows: int, patience: float, *, hurried: bool) -> None:
        """Raise Overloaded, or ModelUnavailable while the lane is dead, if the job may not wait."""
        if self.dead:
            raise ModelUnavailable("the model's lane died and is restarting", retry_after=1.0)
        refusal = self._refusal(rows, patience, hurried=hurried)
        if refusal is not None and self._sweep():
            refusal = self._refusal(rows, patience, hurried=hurried)
        if refusal is not None:
            self._counters.refused += 1
            raise refusal
        if not self.busy:
            self.horizon = self._admission.horizon()

    def _refusal(self, rows: int, patience: float, *, hurried: bool) -> Overloaded | None:
        window = self._window
        ahead = Ahead(window.rows, self._runner.remaining, window.hurried)
        return self._admission.refusal(rows, ahead, patience, monotonic(), hurried=hurried)

    def _sweep(self) -> bool:
        """Throw abandoned jobs out of the queue; whether there were any."""
        now = monotonic()
        if now - self._swept_at < SWEEP_PAUSE:
            return False
        self._swept_at = now
        swept = self._window.sweep()
        self._desk.drop(swept, DeadlineExceeded)
        return bool(swept)
