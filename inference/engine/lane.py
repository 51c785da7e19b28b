"""One model's jobs: the door, the window they wait in, and the loop that empties it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Iterable, Sequence
from math import inf
from time import monotonic

from inference.core.batching import BatchPolicy, Window
from inference.core.errors import (
    DeadlineExceeded,
    Draining,
    ModelError,
    ModelUnavailable,
    RowInvalid,
    WeirError,
)
from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome
from inference.engine.alarm import Alarm
from inference.engine.base import LaneStats
from inference.engine.change import Change
from inference.engine.commit import GroupCommit
from inference.engine.counters import Counters
from inference.engine.desk import Desk
from inference.engine.door import Door
from inference.engine.runner import Abandoned, Runner
from inference.engine.serving import Observer, Serving
from inference.engine.supervisor import Supervisor
from inference.engine.thread import Caller
from inference.engine.waiter import Waiter

logger = logging.getLogger(__name__)


class Lane:
    """Runs one batch at a time: at once when idle; while busy, what arrives becomes the next."""

    def __init__(
        self,
        key: Hashable,
        policy: BatchPolicy,
        log: GroupCommit | None,
        observer: Observer | None,
        thread: Callable[[str], Caller],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._window: Window[Waiter] = Window(policy)
        self._running: Sequence[Waiter] = ()
        self._arrived: asyncio.Future[None] | None = None
        self._change = Change()
        self._counters = Counters()
        self._name = f"weir-{key}"
        self._runner = Runner(self._name, policy, thread)
        self._desk = Desk(log, self._counters, self._change.happened)
        self._serving = Serving(key, self._runner, self._desk, self._counters, observer)
        self._alarm = Alarm(self._ring)
        self._open = self._desk.open
        self._door = Door(policy, self._window, self._runner, self._desk, self._counters)
        self._supervisor = Supervisor(f"weir-lane-{key}", self._live, self._died)

    # -- the door ----------------------------------------------------------------------------------

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        """See `Engine.submit`."""
        rows = _count(job.tensors)
        patience = job.deadline - self._loop.time()
        if patience <= 0.0:
            self._counters.expired += 1
            raise DeadlineExceeded("the deadline had passed when the job came")
        window, door, alarm = self._window, self._door, self._alarm
        if door.busy or (
            window.rows and (patience < door.horizon or window.rows + rows > door.room)
        ):
            door.admit(rows, patience, hurried=job.hurried)
        waiter = Waiter(job, rows, self._loop.create_future(), monotonic())
        window.add(waiter)
        self._open[waiter] = None
        if job.deadline < alarm.at:
            alarm.set(job.deadline)
        if self._arrived is not None:
            self._wake()
        return waiter.answer

    # -- the loop ----------------------------------------------------------------------------------

    async def _live(self) -> None:
        self._door.dead = self._door.busy = False
        while True:
            if self._window:
                # One turn of the loop: whoever comes in it shares the batch.
                await asyncio.sleep(0)
            else:
                self._arrived = self._loop.create_future()
                await self._arrived
            taken = self._window.take(self._loop.time(), self._runner.latency)
            if taken.dropped:
                self._drop_late(taken.dropped)
            if taken.batch:
                await self._run(taken.batch)

    async def _run(self, batch: list[Waiter]) -> None:
        self._running, self._door.busy = batch, True
        try:
            await self._serving.serve(batch)
        except ModelUnavailable as error:
            message, later = error.message, error.retry_after
            self._give_up(batch, lambda: ModelUnavailable(message, retry_after=later))
        except Abandoned:
            logger.warning("a batch of %s was left behind: nobody waits for it", self._name)
            self._give_up(batch, ModelError)
        except Exception:
            # Around everything that is done for a batch: it may cost that batch, not the lane.
            logger.exception("a batch failed")
            self._give_up(batch, ModelError)
        else:
            self._supervisor.well()
        self._running, self._door.busy, self._door.horizon = (), False, inf
        self._change.happened()
        log = self._desk.log
        if log is not None and log.full and any(w.job.mode is LogMode.STRICT for w in batch):
            # Answered means logged: strict predictions go no faster than their log.
            await log.room()

    def _wake(self) -> None:
        arrived, self._arrived = self._arrived, None
        if arrived is not None and not arrived.done():
            arrived.set_result(None)

    # -- those who wait ----------------------------------------------------------------------------

    def _drop_late(self, late: Sequence[Waiter]) -> None:
        self._counters.expired += sum(not waiter.gone for waiter in late)
        self._desk.drop(late, lambda: DeadlineExceeded("the deadline passed in the queue"))

    def _give_up(self, waiters: Iterable[Waiter], error: Callable[[], WeirError]) -> None:
        """No outcome for these; those whose outcome is being committed are the log's to answer."""
        self._desk.drop([waiter for waiter in waiters if not waiter.committing], error)

    def _ring(self) -> None:
        now = self._loop.time()
        self._drop_late(self._window.expired(now))
        self._alarm.set(self._desk.expire(now))
        if self._running and max(waiter.deadline for waiter in self._running) <= now:
            self._leave(now)
        self._change.happened()

    def _leave(self, now: float) -> None:
        """Nobody waits for the batch under way; one that takes no longer than usual may end."""
        overdue_at = self._runner.overdue_at
        if overdue_at <= now:
            self._runner.abandon()
        else:
            self._alarm.set(overdue_at)

    def _died(self) -> None:
        self._door.dead = self._door.busy = True
        self._window.clear()
        self._running = ()
        self._arrived = None
        self._give_up(list(self._open), _dead)
        self._change.happened()

    # -- what the engine asks ----------------------------------------------------------------------

    async def quiet(self, deadline: float) -> bool:
        """Until nothing is under way; False if `deadline` (loop time) came first."""
        return await self._change.until(lambda: not (self._open or self._running), deadline)

    def close(self) -> None:
        """Stop at once; whoever still waits is told."""
        self._supervisor.stop()
        self._alarm.stop()
        self._runner.close()
        self._desk.drop(list(self._open), Draining)

    def stats(self) -> LaneStats:
        counters = self._counters
        return LaneStats(
            predictions=counters.predictions,
            batches=counters.batches,
            errors=counters.errors,
            refused=counters.refused,
            expired=counters.expired,
            unlogged=counters.unlogged,
            restarts=self._supervisor.restarts,
            queue_rows=self._window.rows,
            running_rows=sum(waiter.rows for waiter in self._running),
            batch_rows=counters.batch_rows,
            latency=counters.latency(),
            healthy=self._supervisor.alive and not self._runner.stuck,
            dropped=self._runner.dropped,
            jobs=counters.jobs,
            answer_seconds=counters.answer_seconds,
            queue_seconds=counters.queue_seconds,
            compute_seconds=counters.compute_seconds,
        )


def _count(tensors: Tensors) -> int:
    """A job's rows. Counted once, here: a tensor of another length would shift its neighbours."""
    rows = len(tensors[0]) if tensors else 0
    if not rows:
        raise RowInvalid("there is no row to predict")
    if len(tensors) > 1 and any(len(array) != rows for array in tensors):
        raise RowInvalid("the arrays do not have the same number of rows")
    return rows


def _dead() -> ModelUnavailable:
    return ModelUnavailable("the model's lane died and is restarting", retry_after=1.0)
