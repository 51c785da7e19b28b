"""The engine that computes in this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Any

from inference.core.batching import BatchPolicy
from inference.core.errors import Draining
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.engine.base import EngineStats
from inference.engine.commit import GroupCommit
from inference.engine.lane import Lane
from inference.engine.serving import Observer
from inference.engine.thread import Caller, Thread

logger = logging.getLogger(__name__)


class LocalEngine:
    """One lane per model key, opened by its first job; no lane ever waits for another's model.

    `log` is shared by all lanes and is closed with the engine; without one nothing is logged,
    whatever a job's mode says.
    """

    def __init__(
        self,
        policy: BatchPolicy,
        log: GroupCommit | None = None,
        *,
        observer: Observer | None = None,
        thread: Callable[[str], Caller] = Thread,
    ) -> None:
        self._policy = policy
        self._log = log
        self._observer = observer
        self._thread = thread
        self._lanes: dict[Hashable, Lane] = {}
        self._draining = False

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        if self._draining:
            raise Draining(retry_after=1.0)
        key = job.model.key
        lane = self._lanes.get(key)
        if lane is None:
            lane = Lane(key, self._policy, self._log, self._observer, self._thread)
            self._lanes[key] = lane
        return lane.submit(job)

    def record(self, ticket: Ticket, mode: LogMode, rows: int = 1) -> asyncio.Future[None]:
        at_once: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        at_once.set_result(None)
        if self._log is None or mode is LogMode.OFF:
            return at_once
        committed = self._log.settle(ticket, rows, patient=mode is LogMode.FAST)
        if mode is LogMode.STRICT:
            return committed
        committed.add_done_callback(unlogged)
        return at_once

    async def retire(self, key: Hashable, deadline: float) -> bool:
        lane = self._lanes.get(key)
        if lane is None:
            return True
        return await lane.quiet(deadline) and self._end(key, lane)

    def stats(self) -> EngineStats:
        lanes = {key: lane.stats() for key, lane in self._lanes.items()}
        log = self._log.stats() if self._log else None
        healthy = all(lane.healthy for lane in lanes.values()) and (log is None or log.healthy)
        return EngineStats(lanes, log, self._draining, healthy)

    async def drain(self, deadline: float) -> bool:
        self._draining = True
        quiet = [await lane.quiet(deadline) for lane in list(self._lanes.values())]
        logged = await self._log.drain(deadline) if self._log else True
        return all(quiet) and logged

    async def close(self) -> None:
        self._draining = True
        for lane in self._lanes.values():
            lane.close()
        self._lanes.clear()
        if self._log is not None:
            self._log.close()

    def _end(self, key: Hashable, lane: Lane) -> bool:
        lane.close()
        if self._lanes.get(key) is lane:
            del self._lanes[key]
        return True


def unlogged(committed: asyncio.Future[Any]) -> None:
    """Say that a row was answered and could not be logged."""
    if not committed.cancelled() and committed.exception() is not None:
        logger.error("answered but not logged", exc_info=committed.exception())
