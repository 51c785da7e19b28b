"""The engine of a process that holds no model: it carries jobs to the workers over Redis."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, NamedTuple, cast

from inference.core.admission import RemoteAdmission, pause
from inference.core.errors import (
    DeadlineExceeded,
    Draining,
    ModelUnavailable,
    Overloaded,
    QueueUnavailable,
)
from inference.core.parcels import Keys
from inference.core.presence import NO_LANE, Lane, Roster, Seen
from inference.core.tensors import Tensors
from inference.core.tickets import Part
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.engine.base import EngineStats, LaneStats
from inference.engine.book import Book
from inference.engine.inbound import Inbound
from inference.engine.link import Away, Full, Link, Refused
from inference.engine.local import unlogged
from inference.engine.lookout import Lookout
from inference.engine.outbound import Outbound, Post

logger = logging.getLogger(__name__)

FOLLOW: Final = 10.0  # seconds that a change waits for a worker to have loaded it
_GLANCE: Final = 0.02  # seconds between two looks while somebody waits for a worker
_RECORD: Final = 25.0  # seconds that a row which is only to be logged may take


class Lines(NamedTuple):
    """The connections: one to send, one that waits for answers, one to look around."""

    out: Link
    back: Link
    look: Link


@dataclass(frozen=True, slots=True)
class Distance:
    """What a job may hold on its way, in rows, and how long who is in a hurry waits for an answer.

    See `outbound.Post`, `admission.RemoteAdmission`.
    """

    parcel_rows: int = 256
    queue_rows: int = 8192
    standing_seconds: float = 0.05


class RemoteLane(NamedTuple):
    """A worker's lane for an algorithm, or what this process itself counted for it."""

    worker: str
    algorithm_id: int


class RemoteEngine:
    """Batches form twice: in parcels while Redis is busy, in the worker while the model is.

    Tickets must be Parts: what is answered and logged is made in the worker, from what a Part
    carries.
    """

    def __init__(self, lines: Lines, keys: Keys, distance: Distance) -> None:
        self.name = secrets.token_hex(8)
        self._lines = lines
        self._most_rows = distance.queue_rows
        self._loop = asyncio.get_running_loop()
        self._draining = False
        self._refused: Counter[int] = Counter()
        replies = keys.replies(self.name)
        post = Post(keys, replies, distance.parcel_rows, distance.queue_rows)
        self._admission = RemoteAdmission(distance.parcel_rows, distance.standing_seconds)
        self._book = Book(self._answered)
        self._out = Outbound(lines.out, post, self._book, self._rate)
        self._back = Inbound(lines.back, replies, self._book)
        self._look = Lookout(lines.look, keys, self._book, self._out.put)

    @property
    def roster(self) -> Roster:
        return self._look.roster

    async def start(self) -> None:
        """Know the workers, if Redis can be reached."""
        try:
            await self._look.look()
        except (Away, Refused) as error:
            logger.warning("Redis is away: %s", error)

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        return self._sent(cast("Part", job.ticket), job.deadline, hurried=job.hurried)

    def record(self, ticket: Ticket, mode: LogMode, rows: int = 1) -> asyncio.Future[None]:
        sent = self._sent(cast("Part", ticket), self._loop.time() + _RECORD)
        if mode is LogMode.STRICT:
            return cast("asyncio.Future[None]", sent)
        sent.add_done_callback(unlogged)
        at_once: asyncio.Future[None] = self._loop.create_future()
        at_once.set_result(None)
        return at_once

    async def retire(self, key: Hashable, deadline: float) -> bool:
        """At once: the workers finish what they hold, whoever sent it."""
        return True

    async def follow(self, version: int) -> None:
        """Wait until a worker serves this version of the registry, or there is none to wait for."""
        roster, deadline = self._look.roster, self._loop.time() + FOLLOW
        try:
            await self._look.tell("look")
            while roster.alive and roster.version < version and self._loop.time() < deadline:
                await asyncio.sleep(_GLANCE)
                await self._look.look()
        except (Away, Full, Refused) as error:
            logger.warning("the workers could not be told of a change: %s", error)

    def stats(self) -> EngineStats:
        lanes: dict[Hashable, LaneStats] = {
            RemoteLane(name, model): _stats(lane, seen, model)
            for name, seen in self.roster.alive.items()
            for model, lane in seen.beat.lanes.items()
        }
        refused, expired = self._refused + self._out.refused, self._book.expired
        for model in refused.keys() | expired.keys():
            lanes[RemoteLane("", model)] = _refusing(refused[model], expired[model])
        ailing = self._ailing()
        return EngineStats(
            lanes,
            log=None,
            draining=self._draining,
            healthy=not ailing,
            ailing=ailing,
            workers={name: seen.beat for name, seen in self.roster.alive.items()},
            failures=self.roster.failures,
            sent_rows=self._book.rows_by_model(),
        )

    def _ailing(self) -> str:
        """Why jobs cannot be answered now; empty if they can."""
        if self._look.forgetful:
            return f"Redis must not evict keys: maxmemory-policy is {self._look.policy}"
        if not (self._look.healthy and self._out.healthy and self._back.alive):
            return "Redis cannot be reached"
        if not self.roster.alive:
            return "no worker is alive"
        beats = [seen.beat for seen in self.roster.alive.values()]
        if not any(beat.healthy for beat in beats):
            return "no worker is healthy"
        if not any(beat.loaded for beat in beats):
            return "no worker has loaded its models yet"
        return ""

    async def drain(self, deadline: float) -> bool:
        self._draining = True
        return await self._book.empty(deadline)

    async def close(self) -> None:
        self._draining = True
        for part in (self._out, self._back, self._look):
            part.close()
        self._book.close(Draining)
        for link in self._lines:
            await link.close()

    def _sent(
        self, part: Part, deadline: float, *, hurried: bool = False
    ) -> asyncio.Future[Outcome]:
        model = part.served.algorithm.id
        try:
            self._admit(model, len(part.ids), deadline)
            if hurried:
                self._hurry(model)
        except (Overloaded, ModelUnavailable, QueueUnavailable):
            self._refused[model] += 1
            raise
        sent = self._book.enter(part, deadline, hurried=hurried)
        self._out.put(sent)
        return sent.answer

    def _admit(self, model: int, rows: int, deadline: float) -> None:
        if self._draining:
            raise Draining(retry_after=1.0)
        if deadline <= self._loop.time():
            raise DeadlineExceeded("the deadline had passed when the job came")
        if self._out.away:
            raise QueueUnavailable(retry_after=1.0)
        waiting = self._book.rows_of(model)  # a slow one keeps no other from being asked
        if waiting and waiting + rows > self._most_rows:
            later = pause(waiting, self._rate(model))
            raise Overloaded(f"{waiting} rows are waiting", retry_after=later)
        self._look_for(model)

    def _hurry(self, model: int) -> None:
        """Raises Overloaded for who would rather not stand in a queue that does not get shorter."""
        hurried = self._book.hurried_of(model)
        if not hurried:
            return
        workers, rate = len(self.roster.serving(model)), self._rate(model)
        refusal = self._admission.refusal(model, hurried, workers, rate, self._loop.time())
        if refusal is not None:
            raise refusal

    def _answered(self, model: int, seconds: float) -> None:
        self._admission.answered(model, seconds, self._loop.time())

    def _rate(self, model: int) -> float:
        return self.roster.rate(model)

    def _look_for(self, model: int) -> None:
        """Raises ModelUnavailable if no worker takes jobs for it, nor may be about to."""
        roster = self._look.roster
        if roster.serving(model) or roster.looked is None:
            return
        if not roster.alive:
            raise ModelUnavailable("No worker is alive.", retry_after=1.0)
        if not all(seen.beat.loaded for seen in roster.alive.values()):
            return
        raise ModelUnavailable(
            roster.failures.get(model) or "No worker has loaded this model.", retry_after=1.0
        )


def _stats(lane: Lane, seen: Seen, model: int) -> LaneStats:
    """What the worker did since it was seen first: the rest is history, not traffic."""
    before = seen.first.get(model, NO_LANE)
    return LaneStats(
        predictions=lane.predictions - before.predictions,
        batches=lane.batches - before.batches,
        errors=lane.errors - before.errors,
        refused=lane.refused - before.refused,
        expired=lane.expired - before.expired,
        unlogged=0,
        restarts=0,
        queue_rows=lane.queue_rows,
        running_rows=lane.running_rows,
        batch_rows=lane.batch_rows,
        latency=lane.latency,
        healthy=seen.beat.healthy,
        jobs=lane.jobs - before.jobs,
        answer_seconds=lane.answer_seconds - before.answer_seconds,
        queue_seconds=lane.queue_seconds - before.queue_seconds,
        compute_seconds=lane.compute_seconds - before.compute_seconds,
    )


def _refusing(refused: int, expired: int) -> LaneStats:
    """What never came to a worker."""
    return LaneStats(0, 0, 0, refused, expired, 0, 0, 0, 0, 0.0, None, healthy=True)


@dataclass(frozen=True, slots=True)
class Distant:
    """A model that a worker has, as the process knows it that only sends it jobs."""

    algorithm_id: int
    kind: str

    @property
    def key(self) -> Hashable:
        return self.algorithm_id

    @property
    def inline_ok(self) -> bool:
        return False

    @property
    def free_form(self) -> bool:
        return True  # its worker has looked

    def predict(self, tensors: Tensors) -> Tensors:
        """Only a worker can."""
        raise ModelUnavailable("This process holds no models.")
