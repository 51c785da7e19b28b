"""Everything that lives while this process serves, put together in one place.

Start: log writer, engine, registry, gateway, background. Stop, each step before the next: take
nothing more, finish and answer what was accepted, close the sockets, stop the background, close the
engine.
"""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Sequence
from typing import Final, cast

from asgiref.sync import sync_to_async

from asgi_project.env import Environment
from consumers.sockets import SOCKETS
from inference import gateway, live, selectors
from inference.core.batching import BatchPolicy
from inference.core.tickets import Part
from inference.core.types import Model, Ticket
from inference.durable import door
from inference.durable.door import Durable
from inference.durable.ledger import Ledger
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from inference.gateway import Gateway, Limits, Wiring
from inference.ids import Ids
from inference.opening import Opened, open_algorithm
from inference.registry import Registry, Snapshot
from inference.services import predictions

log = logging.getLogger(__name__)

RETIRE_SECONDS: Final = 60.0
# A batch that the model is expected to answer faster runs on the loop; a thread would wait longer
# than that for the interpreter when the loop is busy (measured: a tenth more per answer).
INLINE_SECONDS: Final = 0.003
# One process writes the log in this mode, so its tallies need no more than one shard.
SHARD: Final = "embedded"


class Serving:
    """The running parts of this process; made and used on its event loop."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._loop = asyncio.get_running_loop()
        self._commit = GroupCommit(_write, max_rows=env.max_queue_rows)
        policy = BatchPolicy(env.max_batch_rows, env.max_queue_rows, INLINE_SECONDS)
        self.engine = LocalEngine(policy, self._commit)
        self.registry = Registry(open_algorithm, self._retire)
        self._ids = Ids(sync_to_async(predictions.reserve_ids, thread_sensitive=False))
        self.gateway = Gateway(self._wiring(), Limits(env.deadline_ms / 1000, env.max_request_rows))
        self.durable = Durable(self.gateway, Ledger(env.max_queue_rows), env.max_queue_rows)
        self._background: list[asyncio.Task[None]] = []
        SOCKETS.most = env.max_sockets

    @property
    def snapshot(self) -> Snapshot:
        return self.registry.snapshot

    @property
    def ready(self) -> bool:
        """Whether this process should get traffic: asks nobody, so that it answers at once."""
        if self.gateway.draining or not self.snapshot.ready:
            return False
        return self.engine.stats().healthy

    async def start(self) -> None:
        """Serve what the database says, as soon as it can be asked."""
        self._background.append(self._loop.create_task(self.registry.run()))
        self._background.append(self._loop.create_task(live.publish(self._sources())))
        self._background.append(self._loop.create_task(self.durable.sweeper.run()))
        await self.registry.looked()
        self._ids.ready(1)
        gateway.install(self.gateway)
        door.install(self.durable)
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
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        # A server without our drain comes here first; what was answered must still be logged.
        await self.engine.drain(self._loop.time() + self._env.drain_seconds)
        await self.durable.drain(self._loop.time() + self._env.drain_seconds)
        self.durable.close()
        await self.engine.close()
        await sync_to_async(predictions.give_back_ids, thread_sensitive=False)(self._ids.left)

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
            experiment=selectors.experiment_snapshot,
            sockets=lambda: len(SOCKETS),
        )

    async def _retire(self, model: Model) -> None:
        opened = cast("Opened", model)
        while not await self.engine.retire(opened.key, self._loop.time() + RETIRE_SECONDS):
            log.warning("a model still has work after %s s; it stays loaded", RETIRE_SECONDS)
        opened.runtime.close()


def _write(tickets: Sequence[Ticket]) -> None:
    """In the writer's thread: every row of these tickets in one transaction."""
    parts = cast("Sequence[Part]", tickets)
    predictions.record([row for part in parts for row in part.log], SHARD)
    live.predicted(parts)


def _quiet_collector() -> None:
    """What was loaded stays: looking through it again and again costs milliseconds at a time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
