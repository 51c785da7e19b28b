"""Both sides of the queue on one loop: engines that send, and workers that compute."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, cast

import numpy as np

from asgi_project import engines
from inference.core.presence import NO_LANE, Beat
from inference.core.rows import JsonRows, Rows
from inference.core.tensors import Tensors
from inference.core.tickets import Context, Part, Served
from inference.core.types import Job, LogMode, Model, Outcome, PredictionRow, Ticket
from inference.engine.pulse import Pulse
from inference.engine.pump import Pump, Station
from inference.engine.remote import Distant, RemoteEngine
from inference.gateway import Gateway, Limits
from tests.inference.gateways import FOREST, TREES, Echo, World, served, wired
from tests.queues import Place

SECONDS: Final = 10.0
GLANCE: Final = 0.002
STREAM: Final = FOREST.id
_numbers = itertools.count(1)


async def until(so: Callable[[], object], seconds: float = SECONDS) -> None:
    """What is waited for may be in Redis or in another task; that it comes in time is the test."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while not so():
        assert loop.time() < deadline, "it did not come about in time"
        await asyncio.sleep(GLANCE)


class Log:
    """As the table of predictions: a row whose id is there already is not written again."""

    def __init__(self) -> None:
        self.rows: dict[int, PredictionRow] = {}
        self.again = 0
        self.broken: Exception | None = None

    def write(self, tickets: Sequence[Ticket]) -> None:
        if self.broken is not None:
            raise self.broken
        for row in (row for ticket in tickets for row in cast("Part", ticket).log):
            self.again += row.id in self.rows
            self.rows.setdefault(row.id, row)


def models(*found: Echo) -> dict[int, Served]:
    """What a worker has loaded, by algorithm."""
    by_id = {FOREST.id: FOREST, TREES.id: TREES}
    return {model.key: served(by_id[model.key], model) for model in found or (Echo(1), Echo(2))}


class Gate:
    """Holds a model up until it is opened; with a value, only where that is among the rows."""

    def __init__(self, value: float | None = None) -> None:
        self.value = value
        self.entered = 0
        self._open = threading.Event()

    def __call__(self, tensors: Tensors) -> None:
        if self.value is None or (np.asarray(tensors[0])[:, 0] == self.value).any():
            self.entered += 1
            assert self._open.wait(2 * SECONDS)

    def open(self) -> None:
        self._open.set()


def slow(gate: Gate, key: int = FOREST.id) -> Echo:
    """A model that stands before the gate, in a thread of its own."""
    return Echo(key, inline_ok=False, fails=gate)


class Worker:
    """A worker as `manage.py worker` puts it together, without a database."""

    def __init__(
        self,
        place: Place,
        has: Mapping[int, Served],
        write: Callable[[Sequence[Ticket]], None],
        in_hand: int = 512,
    ) -> None:
        self.name = f"worker{next(_numbers)}"
        self.heard: list[str] = []
        self.version = 1
        self.draining = False
        self.engine = engines.local(place.env, write)
        self.lines = engines.worker_lines(place.env)
        station = Station(self.name, place.keys, in_hand)
        self.pump = Pump(self.lines, station, self.engine, self.heard.append)
        self.pulse = Pulse(self.lines.write, self.pump, self._beat)
        self.pump.serve(has)

    async def stop(self) -> bool:
        """As after SIGTERM; whether everything was finished."""
        self.draining = True
        self.pulse.soon()
        deadline = asyncio.get_running_loop().time() + SECONDS
        finished = await self.pump.drain(deadline, self.pulse.relieved)
        await self.pulse.stop()
        await self.die()
        return finished

    async def die(self) -> None:
        """As after SIGKILL: it says nothing more, and leaves everything as it is."""
        for supervisor in (self.pulse._supervisor, self.pump._supervisor):
            if supervisor is not None:
                supervisor.stop()
        self.pump.close()
        await self.engine.close()
        for link in self.lines:
            await link.close()

    def _beat(self, number: int) -> Beat:
        return Beat(
            number=number,
            version=self.version,
            host="here",
            pid=1,
            rss_mb=1.0,
            rate=0.0,
            shard=self.pulse.shard,
            draining=self.draining,
            healthy=self.pump.healthy,
            dead=self.pump.intake.dead,
            lanes=dict.fromkeys(self.pump.models(), NO_LANE),
            failures={},
        )


@asynccontextmanager
async def working(
    place: Place,
    has: Mapping[int, Served] | None = None,
    log: Log | World | None = None,
    in_hand: int = 512,
) -> AsyncIterator[Worker]:
    """A worker that is known; it leaves nothing behind but what is in Redis."""
    worker = Worker(place, models() if has is None else has, (log or Log()).write, in_hand)
    try:
        await worker.pulse.start()
        yield worker
    finally:
        await worker.die()


@asynccontextmanager
async def sending(place: Place) -> AsyncIterator[RemoteEngine]:
    """An engine that knows the workers."""
    engine = engines.distant(place.env)
    try:
        await engine.start()
        yield engine
    finally:
        for sent in engine._book:
            sent.answer.cancel()  # nobody asks what became of it
        await engine.close()


def part(
    *values: float,
    mode: LogMode = LogMode.STRICT,
    of: Served | None = None,
    rows: Rows | None = None,
) -> Part:
    """A request with a row for each value, as the process sees it that took it in."""
    known = of or distant(served(FOREST, Echo(FOREST.id)))
    rows = rows or JsonRows([json.dumps({"a": value}).encode() for value in values])
    ids = [next(_numbers) for _ in range(len(rows))]
    return Part(known, None, range(len(rows)), ids, Context(rows, "", mode, datetime.now(UTC)))


def distant(one: Served) -> Served:
    """As it is known where it is not loaded."""
    if one.model is None:
        return one
    model = Distant(one.algorithm.id, "echo")
    return Served(one.algorithm, one.reader, one.renderer, model, one.failure)


def job(ticket: Part, patience: float = 20.0) -> Job:
    assert ticket.tensors is not None
    model = cast("Model", ticket.served.model)
    deadline = asyncio.get_running_loop().time() + patience
    return Job(model, ticket.tensors, deadline, ticket.context.mode, ticket)


def said(ticket: Part) -> list[float]:
    """What a settled request was answered, row by row."""
    return [json.loads(text)["probability"] for text in ticket.texts]


async def ask(engine: RemoteEngine, *values: float, patience: float = 20.0) -> list[float]:
    ticket = part(*values)
    await engine.submit(job(ticket, patience))
    return said(ticket)


async def one_parcel_each(engine: RemoteEngine, count: int) -> list[asyncio.Future[Outcome]]:
    """So many jobs, none of which travels with another."""
    answers = []
    for n in range(count):
        answers.append(engine.submit(job(part(n / count))))
        await until(lambda: all(sent.entry for sent in engine._book))
    return answers


@asynccontextmanager
async def gateway(place: Place, one: World, limits: Limits | None = None) -> AsyncIterator[Gateway]:
    """The gateway of a process that holds no models; a worker that has them is beside it."""
    loaded = {model: each for model, each in one.snapshot.served.items() if each.model is not None}
    known = {model: distant(each) for model, each in one.snapshot.served.items()}
    snapshot = replace(one.snapshot, served=known)
    async with working(place, loaded, one) as worker, sending(place) as engine:
        yield wired(one, engine, lambda: snapshot, limits)
        await engine.drain(asyncio.get_running_loop().time() + SECONDS)
        await worker.engine.drain(asyncio.get_running_loop().time() + SECONDS)
