"""What each live topic says now: operations, an experiment, or the latest results."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from channels.db import database_sync_to_async
from django.core.exceptions import ObjectDoesNotExist

from inference.core.routing import Endpoint
from inference.core.types import PredictionRow
from inference.engine.base import Engine
from inference.operations import Operations, Registered

OPERATIONS: Final = "operations"
KEPT: Final = 50  # results of an endpoint that a newcomer is shown
SLOW: Final = 5.0  # seconds after which the database is given up
_MOST_DIGITS: Final = 18

Json = dict[str, Any]


class Registry(Protocol):
    """Where what is served now can be read."""

    @property
    def snapshot(self) -> Registered: ...


def _nobody(experiment_id: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Where snapshots come from. Two of these go to the database, in a thread.

    `experiment` reads a test, and the path that it has come if it is wanted; `keep` writes down a
    point of that path, by a snapshot. `changed` is told on the event loop of each test whose
    tallies moved, here or elsewhere.
    """

    engine: Engine
    registry: Registry
    sockets: Callable[[], int]
    experiment: Callable[[int, bool], Json]
    keep: Callable[[Json], None]
    changed: Callable[[int], None] = _nobody


class Snapshots:
    """Builds them, and keeps the little past that a newcomer is shown. Lives on the event loop."""

    def __init__(self, sources: Sources, started: float) -> None:
        self._sources = sources
        self._operations = Operations(started)
        self._results: dict[int, deque[PredictionRow]] = defaultdict(lambda: deque(maxlen=KEPT))
        self._fresh: dict[int, Json] = {}
        self._changes: Counter[int] = Counter()
        self._due: set[int] = set()
        self._read = database_sync_to_async(sources.experiment, thread_sensitive=False)
        self._keep = database_sync_to_async(sources.keep, thread_sensitive=False)

    async def of(self, topic: str, *, first: bool) -> Json | None:
        """None if there is no such topic; a first one brings the past along."""
        kind, _, name = topic.partition(":")
        if topic == OPERATIONS:
            return self.operations(history=first)
        if kind == "results" and name in self._registered.endpoints:
            return {"results": self._latest(self._registered.endpoints[name])}
        if kind == "experiment" and _is_id(name):
            return await self._experiment(int(name), first=first)
        return None

    def operations(self, *, history: bool) -> Json:
        body = self._operations.snapshot(self._registered, history=history)
        return body | {"sockets": self._sources.sockets()}

    def moved(self, experiment_id: int) -> None:
        """Its tallies have changed, and what was read before says so no longer."""
        self._changes[experiment_id] += 1
        self._fresh.pop(experiment_id, None)
        self._due.add(experiment_id)

    def due(self) -> set[int]:
        """The tests to be followed: all that have moved, or were looked at, since it was asked."""
        due, self._due = self._due, set()
        return due

    async def follow(self, experiment_id: int) -> None:
        """Write down where a test stands; it is read for that if nobody else wanted to know."""
        body = self._fresh.pop(experiment_id, None)
        async with asyncio.timeout(SLOW):
            await self._keep(body or await self._read(experiment_id, False))

    def tick(self, now: float, moment: int) -> None:
        """Take the second's measure; see `Operations.tick`."""
        self._operations.tick(now, moment, self._sources.engine.stats(), self._registered)

    def predicted(self, rows: Sequence[PredictionRow]) -> set[str]:
        """Remember what was written down; returns the topics it belongs to."""
        for row in rows:
            self._results[row.algorithm_id].append(row)
        arms = {row.arm_id for row in rows}
        algorithms = {row.algorithm_id for row in rows}
        topics = set()
        for endpoint in self._registered.endpoints.values():
            if not algorithms.isdisjoint(each.id for each in endpoint.algorithms):
                topics.add(f"results:{endpoint.name}")
            test = endpoint.experiment
            if test is not None and not arms.isdisjoint(arm.id for arm in test.arms):
                topics.add(f"experiment:{test.id}")
        return topics

    @property
    def _registered(self) -> Registered:
        return self._sources.registry.snapshot

    async def _experiment(self, experiment_id: int, *, first: bool) -> Json | None:
        changes = self._changes[experiment_id]
        try:
            async with asyncio.timeout(SLOW):
                body = await self._read(experiment_id, first)
        except ObjectDoesNotExist:
            return None
        if changes == self._changes[experiment_id]:  # else it may be from before the change
            self._fresh[experiment_id] = body
        self._due.add(experiment_id)
        return body

    def _latest(self, endpoint: Endpoint) -> list[Json]:
        """Newest first, of all its algorithms together."""
        versions = {algorithm.id: algorithm.version for algorithm in endpoint.algorithms}
        rows = [row for each in versions for row in self._results.get(each, ())]
        newest = sorted(rows, key=lambda row: row.id, reverse=True)[:KEPT]
        return [_result(row, versions[row.algorithm_id]) for row in newest]


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS


def _result(row: PredictionRow, version: str) -> Json:
    return {
        "request_id": row.id,
        "algorithm": row.algorithm_id,
        "version": version,
        "label": row.response,
        "probability": json.loads(row.full_response).get("probability"),
        "latency_ms": row.latency_us / 1000,
        "at": row.created_at.isoformat(),
    }
