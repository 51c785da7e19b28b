"""A gateway over a real engine, with a model that is a function and a log that is a list."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from inference.core.answers import TableRenderer
from inference.core.batching import BatchPolicy
from inference.core.reader import RowReader
from inference.core.routing import Algorithm, Arm, Endpoint, Experiment
from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Tensors
from inference.core.tickets import Served
from inference.core.types import LogMode, PredictionRow, Ticket
from inference.engine.base import Engine
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from inference.gateway import Gateway, Limits, Wiring
from inference.ids import Ids
from inference.registry import Snapshot

SCHEMA = Schema(
    (Feature("a", "number"), Feature("b", "category", ("x", "y"))),
    Target("y", "binary", ("no", "yes")),
)
FOREST = Algorithm(1, "forest", "1.0", "production")
TREES = Algorithm(2, "trees", "1.1", "testing")


@dataclass(eq=False)
class Echo:
    """Says `a` as the probability; what it was given stays to be looked at."""

    key: int
    inline_ok: bool = True
    free_form: bool = False
    fails: Callable[[Tensors], None] = lambda _: None
    seen: list[int] = field(default_factory=list)

    def predict(self, tensors: Tensors) -> Tensors:
        self.fails(tensors)
        matrix = np.asarray(tensors[0], dtype=np.float64)
        self.seen.append(len(matrix))
        return (np.column_stack([1 - matrix[:, 0], matrix[:, 0]]),)


@dataclass
class World:
    """Everything a test may want to turn or look at."""

    snapshot: Snapshot
    log: list[PredictionRow] = field(default_factory=list)
    broken_log: Exception | None = None
    broken_ids: Exception | None = None

    def write(self, tickets: Sequence[Ticket]) -> None:
        if self.broken_log is not None:
            raise self.broken_log
        for ticket in tickets:
            self.log.extend(ticket.log)  # type: ignore[attr-defined]  # the gateway's own


def served(algorithm: Algorithm, model: Echo | None, schema: Schema = SCHEMA) -> Served:
    failure = "" if model else "It would not load."
    reader, renderer = RowReader(schema), TableRenderer(schema.target, algorithm)
    return Served(algorithm, reader, renderer, model, failure)


def world(mode: LogMode = LogMode.STRICT, *models: Echo | None, experiment: bool = False) -> World:
    """One endpoint `e` with a forest in production and trees in testing."""
    algorithms = (FOREST, TREES)
    running = None
    if experiment:
        algorithms = (replace(FOREST, status="ab_testing"), replace(TREES, status="ab_testing"))
        running = Experiment(7, "salt", (Arm(70, algorithms[0], 1), Arm(71, algorithms[1], 1)))
    endpoint = Endpoint(1, "e", mode, algorithms, running)
    found = models or (Echo(1), Echo(2))
    pairs = zip(algorithms, found, strict=False)
    return World(Snapshot(1, {"e": endpoint}, {a.id: served(a, m) for a, m in pairs}, {}))


@asynccontextmanager
async def gateway(one: World, limits: Limits | None = None) -> AsyncIterator[Gateway]:
    """Its gateway; everything is closed after."""
    engine = LocalEngine(BatchPolicy(), GroupCommit(one.write))
    try:
        yield wired(one, engine, lambda: one.snapshot, limits)
    finally:
        await engine.drain(asyncio.get_running_loop().time() + 5)
        await engine.close()


def wired(
    one: World, engine: Engine, snapshot: Callable[[], Snapshot], limits: Limits | None = None
) -> Gateway:
    """A gateway before any engine, with the ids of this world."""
    numbers = itertools.count(1)

    async def reserve(size: int) -> range:
        if one.broken_ids is not None:
            raise one.broken_ids
        return range(start := next(numbers) * 1000, start + size)

    wiring = Wiring(
        snapshot=snapshot,
        submit=engine.submit,
        record=lambda part: engine.record(part, part.context.mode, len(part.ids)),
        ids=Ids(reserve, block=100),
    )
    return Gateway(wiring, limits or Limits())
