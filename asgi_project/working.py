"""Everything that lives while this process is a worker, put together in one place.

Start: log writer, engine, registry, pump, heartbeat. Stop, each step before the next: read until
somebody else does or nothing comes, finish and answer what is in hand, say goodbye, close.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Final, cast

from channels.layers import get_channel_layer

from asgi_project import engines, watched
from asgi_project.env import Environment
from asgi_project.families import Now
from asgi_project.figures import Figures
from asgi_project.metrics import Metrics, Scraped, Source
from asgi_project.side_port import SidePort
from asgi_project.sink import sink
from asgi_project.tidying import Tidying
from inference import live, models
from inference.access import Access
from inference.core.presence import NO_LANE, Beat, Lane
from inference.core.tickets import Served
from inference.core.traffic import Rate
from inference.core.types import Model
from inference.engine.base import BatchReport, LaneStats
from inference.engine.link import Away, Refused
from inference.engine.pulse import Pulse
from inference.engine.pump import Pump, Station
from inference.opening import LaneKey, Opened, open_algorithm
from inference.operations import resident_megabytes
from inference.registry import Hooks, Registry, Snapshot
from inference.relay import Relay

log = logging.getLogger(__name__)

IDLE_LOOKS: Final = 2  # times in a row that nothing waits for a model before it is let go
LOOK_SECONDS: Final = 1.0
RETIRE_SECONDS: Final = 60.0


@dataclass(slots=True)
class Totals:
    """What this worker has done so far."""

    rows: int = 0
    batches: int = 0
    errors: int = 0
    per_second: Rate = field(default_factory=Rate)

    def ran(self, report: BatchReport) -> None:
        self.rows += report.rows
        self.batches += 1
        self.errors += report.errors


class Working:
    """The running parts of this process; made and used on its event loop.

    `endpoints` limits it to those; none means all.
    """

    def __init__(self, env: Environment, endpoints: Collection[str] = ()) -> None:
        self._env = env
        self._endpoints = frozenset(endpoints)
        self._loop = asyncio.get_running_loop()
        self.totals = Totals()
        self.figures = Figures()
        self._tidying = Tidying()
        self.watching = watched.watching(env, self._snapshot, self._shard)
        self._told = watched.observer(self.figures, self.watching)
        self.engine = engines.local(env, sink(self._shard, self.figures.wrote), self._ran)
        hooks = Hooks(after=self._serve)
        self.registry = Registry(self._open, self._retire, hooks)
        self._lines = engines.worker_lines(env)
        station = Station(worker_name(), engines.keys(env), 2 * env.max_batch_rows)
        self.pump = Pump(self._lines, station, self.engine, self._mail)
        self.pulse = Pulse(self._lines.write, self.pump, self._beat)
        self._leaving: dict[int, Served] = {}
        self._last: dict[int, Served] = {}
        self._draining = False
        self._background: list[asyncio.Task[None]] = []
        self._side = SidePort(env.host, env.metrics_port) if env.metrics_port else None

    def now(self) -> Now:
        """What a scrape finds; on the event loop. Of the tests any web process tells."""
        stats, snapshot = self.engine.stats(), self.registry.snapshot
        ready = snapshot.ready and self.pump.healthy and stats.healthy and not self._draining
        return Now("worker", ready, snapshot, stats)

    async def start(self) -> None:
        """Take work as soon as Redis and the database can be asked."""
        if self._side is not None:
            await self._side.start(self._scraped())
        await self.pulse.start()
        relay = Relay(get_channel_layer("shared"))
        self._background.append(self._loop.create_task(self.registry.run()))
        self._background.append(self._loop.create_task(live.carry(relay)))
        if self.watching is not None:
            self._background.append(self._loop.create_task(self.watching.run()))
        await self.registry.looked()
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)

    async def drain(self) -> bool:
        """Finish; whether everything was, within the time that is set for it."""
        self._draining = True
        self.pulse.soon()
        deadline = self._loop.time() + self._env.drain_seconds
        carried = await self.pump.drain(deadline, self.pulse.relieved)
        return await self.engine.drain(self._loop.time() + 1.0) and carried

    async def stop(self) -> None:
        self._tidying.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        if self._side is not None:
            await self._side.stop()
        await self.engine.close()
        if self.watching is not None:
            await self.watching.flush()
        try:
            await self.pulse.stop()
        except (Away, Refused) as error:
            log.warning("left without a goodbye: %s", error)
        self.pump.close()
        for link in self._lines:
            await link.close()

    # -- what is served ----------------------------------------------------------------------------

    def _open(self, row: models.MLAlgorithm) -> Model | None:
        if self._endpoints and row.parent_endpoint.name not in self._endpoints:
            return None
        return open_algorithm(row)

    def _serve(self, new: Snapshot) -> None:
        for name in sorted(self._endpoints - new.endpoints.keys()):
            log.warning("there is no endpoint %s to work for", name)
        known = {**self._leaving, **self._last}
        self._leaving = {model: one for model, one in known.items() if model not in new.served}
        self._last = {model: each for model, each in new.served.items() if each.model is not None}
        self.pump.serve(self._leaving | self._last)
        self.pulse.soon()

    async def _retire(self, model: Model) -> None:
        """Others may still send what was routed a moment ago: first that is answered."""
        opened = cast("Opened", model)
        algorithm_id = opened.key.algorithm_id
        looks = 0
        while looks < IDLE_LOOKS:
            await asyncio.sleep(LOOK_SECONDS)
            looks = looks + 1 if await self._idle(algorithm_id) else 0
        if self._leaving.pop(algorithm_id, None) is not None:
            self.pump.serve(self._leaving | self._last)
        while not await self.engine.retire(opened.key, self._loop.time() + RETIRE_SECONDS):
            log.warning("a model still has work after %s s; it stays loaded", RETIRE_SECONDS)
        opened.runtime.close()
        self._tidying.soon()

    async def _idle(self, algorithm_id: int) -> bool:
        try:
            return await self.pump.idle(algorithm_id)
        except (Away, Refused):
            return False

    def _mail(self, word: str) -> None:
        """The registry changed, says a web process that waits for us to have seen it."""
        self._looking = self._loop.create_task(self.registry.look())

    # -- what is counted ---------------------------------------------------------------------------

    def _ran(self, report: BatchReport) -> None:
        self.totals.ran(report)
        self._told(report)

    def _scraped(self) -> Scraped:
        metrics = Metrics(Source(self.now, self.figures, tests=False))
        return Scraped(lambda: metrics, Access(self._snapshot, is_open=self._env.is_open))

    def _snapshot(self) -> Snapshot:
        return self.registry.snapshot

    # -- what is said ------------------------------------------------------------------------------

    def _shard(self) -> str:
        return f"worker {self.pulse.shard}"

    def _beat(self, number: int) -> Beat:
        snapshot = self.registry.snapshot
        return Beat(
            number=number,
            version=snapshot.version,
            host=socket.gethostname(),
            pid=os.getpid(),
            rss_mb=resident_megabytes(),
            rate=self.totals.per_second.of(self.totals.rows, self._loop.time()),
            shard=self.pulse.shard,
            draining=self._draining,
            healthy=self.pump.healthy and self.engine.stats().healthy,
            dead=self.pump.intake.dead,
            lanes=self._lanes(),
            failures={model: s.failure for model, s in snapshot.served.items() if s.failure},
        )

    def _lanes(self) -> dict[int, Lane]:
        lanes = dict.fromkeys(self.pump.models(), NO_LANE)
        for key, stats in self.engine.stats().lanes.items():
            if isinstance(key, LaneKey) and key.algorithm_id in lanes:
                lanes[key.algorithm_id] = _lane(stats)
        return lanes


def worker_name() -> str:
    """Where it runs, and which of all that ever ran there it is."""
    return f"{socket.gethostname()}.{os.getpid()}.{os.urandom(3).hex()}"


def _lane(stats: LaneStats) -> Lane:
    return Lane(
        predictions=stats.predictions,
        batches=stats.batches,
        errors=stats.errors,
        refused=stats.refused,
        expired=stats.expired,
        queue_rows=stats.queue_rows,
        running_rows=stats.running_rows,
        batch_rows=stats.batch_rows,
        latency=stats.latency,
        jobs=stats.jobs,
        answer_seconds=stats.answer_seconds,
        queue_seconds=stats.queue_seconds,
        compute_seconds=stats.compute_seconds,
    )
