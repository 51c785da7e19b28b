"""Everything that lives while this process serves, put together in one place.

Start: log writer, engine, registry, gateway, background. Stop, each step before the next: take
nothing more, finish and answer what was accepted, close the sockets, stop the background, close the
engine.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import Final, cast

from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from asgi_project import engines, spans, watched
from asgi_project.env import Environment
from asgi_project.families import Now
from asgi_project.figures import Figures
from asgi_project.sink import sink
from asgi_project.tidying import Tidying
from consumers.sockets import SOCKETS
from inference import calls, gateway, live, readouts
from inference.core.types import Model
from inference.durable import door
from inference.durable.door import Durable
from inference.durable.ledger import Ledger
from inference.engine.base import Engine
from inference.engine.remote import Distant, RemoteEngine
from inference.gateway import Gateway, Limits, Wiring
from inference.ids import Ids
from inference.models import MLAlgorithm
from inference.opening import Opened, open_algorithm
from inference.registry import Hooks, Registry, Snapshot
from inference.relay import Relay
from inference.services import paths, predictions, stewardship
from inference.steward import Steward
from inference.watching import Watching

log = logging.getLogger(__name__)

RETIRE_SECONDS: Final = 60.0
# One process writes the log in this mode, so its tallies need no more than one shard.
SHARD: Final = "embedded"


class Serving:
    """The running parts of this process; made and used on its event loop."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._loop = asyncio.get_running_loop()
        self.figures = Figures()
        self._tidying = Tidying()
        self.watching: Watching | None = None
        self.engine, self.registry = self._distant() if env.redis_url else self._local()
        self._ids = Ids(sync_to_async(predictions.reserve_ids, thread_sensitive=False))
        self.gateway = Gateway(self._wiring(), Limits(env.deadline_ms / 1000, env.max_request_rows))
        self.durable = Durable(self.gateway, Ledger(env.max_queue_rows), env.max_queue_rows)
        self.steward = Steward(stewardship.attend, self._tests)
        self._background: list[asyncio.Task[None]] = []
        SOCKETS.most = env.max_sockets

    @property
    def snapshot(self) -> Snapshot:
        return self.registry.snapshot

    @property
    def ailing(self) -> str:
        """Why this process should get no traffic, or empty; asks nobody, so it answers at once."""
        if self.gateway.draining:
            return "it is shutting down"
        if not self.snapshot.ready:
            return "the database was not read yet"
        stats = self.engine.stats()
        return "" if stats.healthy else stats.ailing or "a model or the log is stuck"

    def now(self) -> Now:
        """What a scrape finds, but for the tests; on the event loop."""
        role, ready = "web" if self._env.redis_url else "embedded", not self.ailing
        stats, mirrored = self.engine.stats(), self.gateway.shadowing.mirrored
        return Now(role, ready, self.snapshot, stats, len(SOCKETS), mirrored=mirrored)

    async def start(self) -> None:
        """Serve what the database says, as soon as it can be asked."""
        if isinstance(self.engine, RemoteEngine):
            await self.engine.start()
        self._background.append(self._loop.create_task(self.registry.run()))
        self._background.append(self._loop.create_task(live.publish(self._sources(), relay())))
        self._background.append(self._loop.create_task(self.durable.sweeper.run()))
        self._background.append(self._loop.create_task(self.steward.run()))
        for each in (self.watching, watched.looking(self._env)):
            if each is not None:
                self._background.append(self._loop.create_task(each.run()))
        await self.registry.looked()
        self._ids.ready(1)
        gateway.install(self.gateway)
        door.install(self.durable)
        calls.install(lambda name: name in self.snapshot.endpoints, spans.onlooker())
        _quiet_collector()

    async def drain(self) -> None:
        """Refuse what is new and answer what was accepted, within the time that is set for it."""
        self.gateway.draining = True
        seconds = self._env.drain_seconds
        await SOCKETS.drain(seconds)
        if not await self.engine.drain(self._loop.time() + seconds):
            log.warning("not everything was answered within %s s", seconds)
        await self.durable.drain(self._loop.time() + seconds)

    async def stop(self) -> None:
        gateway.install(None)
        door.install(None)
        self._tidying.stop()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        # A server without our drain comes here first; what was answered must still be logged.
        await self.engine.drain(self._loop.time() + self._env.drain_seconds)
        await self.durable.drain(self._loop.time() + self._env.drain_seconds)
        self.durable.close()
        await self.engine.close()
        if self.watching is not None:
            await self.watching.flush()
        await sync_to_async(predictions.give_back_ids, thread_sensitive=False)(self._ids.left)

    def _local(self) -> tuple[Engine, Registry]:
        """Models, batches and log in this process."""
        write = sink(lambda: SHARD, self.figures.wrote)
        self.watching = watched.watching(self._env, lambda: self.snapshot, lambda: SHARD)
        told = watched.observer(self.figures, self.watching)
        engine = engines.local(self._env, write, told)
        return engine, Registry(open_algorithm, self._retire)

    def _distant(self) -> tuple[Engine, Registry]:
        """All of that in workers. What they have not loaded yet is not routed to."""
        engine = engines.distant(self._env)

        async def follow(new: Snapshot) -> None:
            await engine.follow(new.version)

        return engine, Registry(_distant_model, _forget, Hooks(before=follow))

    def _wiring(self) -> Wiring:
        return Wiring(
            snapshot=lambda: self.registry.snapshot,
            submit=self.engine.submit,
            record=lambda part: self.engine.record(part, part.context.mode, len(part.ids)),
            ids=self._ids,
        )

    def _sources(self) -> live.Sources:
        return live.Sources(
            engine=self.engine,
            registry=self.registry,
            experiment=readouts.experiment_snapshot,
            keep=paths.keep,
            sockets=lambda: len(SOCKETS),
            changed=self.steward.touch,
        )

    def _tests(self) -> list[int]:
        """That run, as far as this process knows."""
        endpoints = self.snapshot.endpoints.values()
        return [each.experiment.id for each in endpoints if each.experiment is not None]

    async def _retire(self, model: Model) -> None:
        opened = cast("Opened", model)
        while not await self.engine.retire(opened.key, self._loop.time() + RETIRE_SECONDS):
            log.warning("a model still has work after %s s; it stays loaded", RETIRE_SECONDS)
        opened.runtime.close()
        self._tidying.soon()


def relay() -> Relay | None:
    """The way to other processes, if there are any."""
    return Relay(get_channel_layer("shared")) if "shared" in settings.CHANNEL_LAYERS else None


def _distant_model(row: MLAlgorithm) -> Model:
    return Distant(row.pk, row.runtime)


async def _forget(model: Model) -> None:
    """Nothing of it is here."""


def _quiet_collector() -> None:
    """What was loaded stays: looking through it again and again costs milliseconds at a time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
