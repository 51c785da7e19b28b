"""Where a batch is computed: on the loop while that is short, else on a thread of its own lane."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from time import monotonic, thread_time

from inference.core.batching import BatchPolicy
from inference.core.latency import LatencyModel
from inference.core.placement import Placement
from inference.core.tensors import Tensors
from inference.core.types import Model
from inference.engine.compute import Attempt, attempt
from inference.engine.thread import Caller

# Threads left behind in a call that outlived everybody who waited for it. Each may hold a
# processor and memory, so after so many the lane waits and says it is unhealthy.
MAX_STUCK = 2
# A call is overdue after so many times what such calls take, and these seconds: whoever is in a
# hurry must not make of a slow model one that hangs, nor of a busy machine.
_LEEWAY = 3.0
_LEEWAY_SECONDS = 0.1


class Abandoned(Exception):
    """The call outlived every deadline; its thread was left behind."""


class Runner:
    """Runs one batch at a time and learns how long they take."""

    def __init__(self, name: str, policy: BatchPolicy, thread: Callable[[str], Caller]) -> None:
        self.latency = LatencyModel()
        self._work = LatencyModel()  # of it, what the model needs a processor for
        self.dropped = 0
        self.overdue_at = 0.0  # loop time: what is under way then does not end as it should
        self._name = name
        self._make_thread = thread
        self._placement = Placement(policy.inline_seconds)
        self._thread: Caller | None = None
        self._call: asyncio.Future[Attempt] | None = None
        self._done_at = 0.0
        self._stuck: list[Caller] = []

    async def run(self, model: Model, inputs: Tensors) -> Attempt:
        """Compute; does not suspend if that is short enough to be done on the loop.

        Raises Abandoned, or what keeps a thread from being made, but nothing of the model's.
        """
        return self._here(model, inputs) or await self._elsewhere(model, inputs)

    @property
    def remaining(self) -> float:
        """Seconds that the call under way should still take."""
        return max(0.0, self._done_at - monotonic()) if self._call else 0.0

    @property
    def stuck(self) -> bool:
        """So many threads were left behind that no further one may be."""
        self._stuck = [thread for thread in self._stuck if thread.alive]
        return len(self._stuck) >= MAX_STUCK

    def abandon(self) -> None:
        """Nobody waits any more: leave the call to itself, so that the lane goes on."""
        thread, call = self._thread, self._call
        if thread is None or call is None or call.done() or self.stuck:
            return
        call.set_exception(Abandoned())
        self._stuck.append(thread)
        self.close()

    def close(self) -> None:
        if self._thread is not None:
            self._thread.close()
            self._thread = None

    def _here(self, model: Model, inputs: Tensors) -> Attempt | None:
        """None if the loop must not be held so long."""
        rows = len(inputs[0])
        if not model.inline_ok or not self._placement.inline(self._work.seconds(rows)):
            return None
        tried = attempt(model.predict, inputs, monotonic)
        self._placement.held(tried.seconds)
        if tried.error is None:
            self._learn(rows, tried.seconds, tried.seconds)
        return tried

    async def _elsewhere(self, model: Model, inputs: Tensors) -> Attempt:
        tried = await self._call_thread(partial(_worked, model, inputs), inputs)
        if tried.error is None:
            self._learn(len(inputs[0]), tried.seconds, tried.work)
        return tried

    def _learn(self, rows: int, seconds: float, work: float) -> None:
        """Whoever waits in the queue waits by the clock on the wall, whatever it is that takes it.

        Where to compute is another question: a thread that waited for the interpreter or for a
        processor is not a slow model.
        """
        self.latency.observe(rows, seconds)
        self._work.observe(rows, work)

    async def _call_thread(self, work: Callable[[], Attempt], inputs: Tensors) -> Attempt:
        if self._thread is None:
            self._thread = self._make_thread(self._name)
        loop, rows = asyncio.get_running_loop(), len(inputs[0])
        call: asyncio.Future[Attempt] = loop.create_future()
        self._call = call
        usual = self.latency.seconds(rows)
        self._done_at = monotonic() + (usual or 0.0)
        self.overdue_at = loop.time() + (_LEEWAY * usual + _LEEWAY_SECONDS if usual else 0.0)
        self._thread.call(work, partial(self._tell, call, rows))
        try:
            return await call
        finally:
            self._call = None

    def _tell(
        self,
        call: asyncio.Future[Attempt],
        rows: int,
        result: Attempt | None,
        error: BaseException | None,
    ) -> None:
        tried = result or Attempt(None, error, 0.0)
        if not call.done():
            call.set_result(tried)
            return
        # Left behind, or its lane has died: it answers too late, and nobody.
        self.dropped += 1
        if tried.error is None:
            self._learn(rows, tried.seconds, tried.work)


def _worked(model: Model, inputs: Tensors) -> Attempt:
    """An attempt that also knows how long this thread had a processor for it."""
    began = thread_time()
    tried = attempt(model.predict, inputs, monotonic)
    return tried._replace(work=thread_time() - began)
