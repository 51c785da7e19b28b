"""A small world for what shows it: one endpoint with two algorithms, and counters one can turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from channels.layers import channel_layers
from django.core.exceptions import ObjectDoesNotExist

from inference import live
from inference.core.routing import Algorithm, Arm, Endpoint, Experiment
from inference.core.tickets import Served
from inference.core.types import LogMode, PredictionRow
from inference.engine.base import Engine, EngineStats, LaneStats
from inference.live import Publisher
from inference.opening import LaneKey
from inference.snapshots import Sources

FOREST = Algorithm(1, "forest", "0.0.1", "ab_testing")
TREES = Algorithm(2, "trees", "0.0.2", "ab_testing")
TEST = Experiment(7, "salt", (Arm(11, FOREST, 1), Arm(12, TREES, 1)))
INCOME = Endpoint(5, "income", LogMode.STRICT, (FOREST, TREES), TEST)
IDLE = LaneStats(
    predictions=0,
    batches=0,
    errors=0,
    refused=0,
    expired=0,
    unlogged=0,
    restarts=0,
    queue_rows=0,
    running_rows=0,
    batch_rows=0.0,
    latency=None,
    healthy=True,
)


@dataclass
class World:
    """What is served, what the engine counted, what the database says of test 7."""

    endpoints: dict[str, Endpoint] = field(default_factory=lambda: {"income": INCOME})
    lanes: dict[Hashable, LaneStats] = field(default_factory=dict)
    labelled: int = 0
    reads: int = 0
    asked: threading.Event = field(default_factory=threading.Event)
    away: bool = False
    path: list[int] = field(default_factory=list)

    @property
    def served(self) -> Mapping[int, Served]:
        algorithms = [a for endpoint in self.endpoints.values() for a in endpoint.algorithms]
        nothing = cast("Any", None)
        return {a.id: Served(a, nothing, nothing, None, "not loaded") for a in algorithms}

    @property
    def snapshot(self) -> World:
        return self

    def stats(self) -> EngineStats:
        return EngineStats(lanes=dict(self.lanes), log=None, draining=False, healthy=True)

    def ran(self, algorithm: Algorithm, generation: int = 0, **counters: Any) -> None:
        self.lanes[LaneKey(algorithm.id, generation)] = replace(IDLE, **counters)

    def experiment(self, experiment_id: int, with_history: bool = False) -> dict[str, Any]:
        self.reads += 1
        self.asked.set()
        if self.away:
            raise OSError("the database is away")
        if experiment_id != TEST.id:
            raise ObjectDoesNotExist
        evidence = {"log_e": self.labelled / 10, "difference": 0.1, "interval": (-0.1, 0.3)}
        body = {
            "experiment": {"id": TEST.id},
            "arms": [{"labelled": self.labelled}, {"labelled": self.labelled}],
            "evidence": evidence if self.labelled else None,
        }
        return body | {"history": {"n": self.path}} if with_history else body

    def keep(self, body: dict[str, Any]) -> None:
        self.path.append(sum(arm["labelled"] for arm in body["arms"]))

    def sources(self) -> Sources:
        return Sources(
            engine=cast("Engine", self),
            registry=self,
            experiment=self.experiment,
            keep=self.keep,
            sockets=lambda: 3,
        )


@asynccontextmanager
async def publishing(world: World) -> AsyncIterator[Publisher]:
    """A publisher that runs, on a layer of this loop's own."""
    channel_layers.backends.clear()
    running = asyncio.ensure_future(live.publish(world.sources()))
    await asyncio.sleep(0)
    try:
        yield live.current()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def row(request_id: int, algorithm: Algorithm = FOREST, arm: int | None = 11) -> PredictionRow:
    return PredictionRow(
        id=request_id,
        algorithm_id=algorithm.id,
        arm_id=arm,
        input_data="{}",
        full_response='{"probability":0.75,"label":"yes","status":"OK"}',
        response="yes",
        error_code="",
        subject="",
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        latency_us=1500,
    )
