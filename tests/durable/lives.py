"""Processes that share a database: each with a gateway, an engine and a ledger of its own."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from asgiref.sync import sync_to_async
from django.db import connection

from inference.core.asking import Ask
from inference.core.batching import BatchPolicy
from inference.core.routing import Algorithm, Arm, Endpoint, Experiment
from inference.core.tensors import Tensors
from inference.core.tickets import Part
from inference.core.types import LogMode, Ticket
from inference.durable import requests
from inference.durable.door import Durable
from inference.durable.ledger import Ledger, Writer
from inference.durable.requests import Claim, Lasting
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from inference.gateway import Gateway, Limits, Wiring
from inference.ids import Ids
from inference.models import ArmTally, MLAlgorithm, MLRequest
from inference.registry import Snapshot
from inference.services import predictions
from tests.inference import registered
from tests.inference.gateways import Echo, served

T = TypeVar("T")

MOST = 5


@dataclass
class Shared:
    """What every process serves: the same models, whose answers depend on nothing but the row."""

    snapshot: Snapshot
    models: Sequence[Echo]

    def log(self, mode: LogMode) -> None:
        """What the endpoint does from now on."""
        endpoint = replace(self.snapshot.endpoints["e"], log_mode=mode)
        self.snapshot = replace(self.snapshot, endpoints={"e": endpoint})


class Life:
    """One process, on the loop that runs; `name` is its shard."""

    def __init__(self, one: Shared, name: str, deadline: float) -> None:
        self.broken_log: Exception | None = None
        self.name = name
        self.engine = LocalEngine(BatchPolicy(), GroupCommit(self._write, thread=Writer))
        wiring = Wiring(
            snapshot=lambda: one.snapshot,
            submit=self.engine.submit,
            record=lambda part: self.engine.record(part, part.context.mode, len(part.ids)),
            ids=Ids(_reserve, block=100),
        )
        self.gateway = Gateway(wiring, Limits(deadline=deadline))
        self.durable = Durable(self.gateway, Ledger(), MOST)

    def _write(self, tickets: Sequence[Ticket]) -> None:
        if self.broken_log is not None:
            raise self.broken_log
        parts = cast("Sequence[Part]", tickets)
        predictions.record([row for part in parts for row in part.log], self.name)

    async def end(self) -> None:
        """In order."""
        soon = asyncio.get_running_loop().time() + 5
        await self.engine.drain(soon)
        await self.durable.drain(soon)
        self.durable.close()
        await self.engine.close()


def shared(mode: LogMode = LogMode.STRICT, *, experiment: bool = False) -> Shared:
    """One endpoint `e`, with a forest in production and trees in testing, or both in a test."""
    pair = registered.pair(endpoint="e")
    running = _running(pair) if experiment else None
    statuses = ("ab_testing", "ab_testing") if running else ("production", "testing")
    algorithms = tuple(
        Algorithm(row.pk, row.name, row.version, status)
        for row, status in zip(pair, statuses, strict=True)
    )
    models = [Echo(1), Echo(2)]
    endpoint = Endpoint(1, "e", mode, algorithms, running)
    pairs = zip(algorithms, models, strict=True)
    return Shared(Snapshot(1, {"e": endpoint}, {a.id: served(a, m) for a, m in pairs}, {}), models)


def _running(pair: Sequence[MLAlgorithm]) -> Experiment:
    test = registered.started(pair)
    arms = [
        Arm(
            arm.pk,
            Algorithm(arm.algorithm_id, arm.algorithm.name, arm.algorithm.version, "ab_testing"),
            arm.weight,
        )
        for arm in test.arms.select_related("algorithm")
    ]
    return Experiment(test.pk, test.salt, tuple(arms))


async def _reserve(count: int) -> range:
    return await database(lambda: predictions.reserve_ids(count))


@asynccontextmanager
async def process(one: Shared, name: str = "a", deadline: float = 5.0) -> AsyncIterator[Life]:
    life = Life(one, name, deadline)
    try:
        yield life
    finally:
        await life.end()


class Gate:
    """A model that answers when it is opened; meanwhile it holds its thread."""

    def __init__(self, model: Echo) -> None:
        self.entered = threading.Event()
        self._opened = threading.Event()
        model.inline_ok = False
        model.fails = self._wait

    def open(self) -> None:
        self._opened.set()

    async def reached(self) -> None:
        """Until the model has something to compute."""
        assert await asyncio.to_thread(self.entered.wait, 5)

    def _wait(self, _: Tensors) -> None:
        self.entered.set()
        assert self._opened.wait(5)


def request(
    key: str = "",
    body: bytes = b'{"a": 0.75}',
    *,
    wait: float | None = None,
    strict: bool = False,
) -> Lasting:
    """As both doors of REST would make it."""
    ask = Ask("e", lenient=not strict, wait=wait)
    return requests.from_json(Claim("ann", key or None, ""), ask, body)


async def database(ask: Callable[[], T]) -> T:
    """What the database says, from a thread."""
    return await sync_to_async(_closing(ask))()


def _closing(ask: Callable[[], T]) -> Callable[[], T]:
    def asked() -> T:
        try:
            return ask()
        finally:
            connection.close()

    return asked


def logged() -> list[int]:
    """The ids in the log."""
    return list(MLRequest.objects.order_by("pk").values_list("pk", flat=True))


def tallies() -> tuple[Counter[int], Counter[int]]:
    """Exposures of each arm, as counted and as recounted from the log."""
    counted = {arm: tally.exposures for arm, tally in ArmTally.objects.all().by_arm().items()}
    arms = MLRequest.objects.exclude(arm=None).values_list("arm_id", flat=True)
    return Counter(counted), Counter(arms)
