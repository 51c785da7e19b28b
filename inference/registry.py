"""What this process serves: compared with the database four times a second, swapped as one value.

Nobody is notified. A change bumps the version in the database; each process sees the new number,
loads what is new beside what is old, flips to the new snapshot in one assignment and lets the old
models drain. A model that cannot be loaded changes nothing else: what served before goes on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from django.db import Error, connection

from inference import models, running
from inference.core.answers import Renderer, TableRenderer
from inference.core.errors import ModelUnavailable, StorageUnavailable, WeirError
from inference.core.graphanswers import GraphRenderer
from inference.core.graphs import GRAPH, Graph, GraphReader
from inference.core.lifecycle import AT_REST
from inference.core.reader import Reader, RowReader
from inference.core.routing import Algorithm, Endpoint
from inference.core.schema import Schema
from inference.core.tickets import Served
from inference.core.types import LogMode, Model

log = logging.getLogger(__name__)

TICK: Final = 0.25  # seconds between two looks at the version: one row by its key
LATER: Final = 1.0  # seconds after a look that failed, or that could not fetch a model
MOST_READS: Final = 5  # of one snapshot, while others keep changing what is read
SETTLE: Final = 10.0  # seconds that a change waits for this process to have noticed it
Load = Callable[[models.MLAlgorithm], Model | None]  # None: not for this process
Retire = Callable[[Model], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Key:
    """An API key as the doors check it; the secret itself is known to nobody."""

    hashed: str
    name: str
    scopes: frozenset[str]
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a request needs to know, as of one version of the registry."""

    version: int = -1
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    served: Mapping[int, Served] = field(default_factory=dict)
    keys: Mapping[str, Key] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it was read from the database at all; failed models do not count."""
        return self.version >= 0


async def _nothing_before(new: Snapshot) -> None:
    """Nobody has to be waited for."""


def _nothing_after(new: Snapshot) -> None:
    """Nobody has to be told."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """`before` is awaited when a snapshot is complete, `after` is called once it is in force."""

    before: Callable[[Snapshot], Awaitable[None]] = _nothing_before
    after: Callable[[Snapshot], None] = _nothing_after


NO_HOOKS: Final = Hooks()


class Registry:
    """Keeps the snapshot. `load` runs in a thread of the registry's own, one at a time."""

    def __init__(self, load: Load, retire: Retire, hooks: Hooks = NO_HOOKS) -> None:
        self.snapshot = Snapshot()
        self._load = load
        self._retire = retire
        self._hooks = hooks
        self._lock = asyncio.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="registry")
        self._loop = asyncio.get_running_loop()
        self._draining: set[asyncio.Task[None]] = set()
        self._looked = asyncio.Event()
        self._unread = False  # whether one could not be fetched or asked, which may pass

    async def run(self) -> None:
        """Reconcile until cancelled; a database that is away changes nothing."""
        global _current  # noqa: PLW0603  # `changed` is called from wherever a transaction ends
        _current = self
        try:
            while True:
                well = await self.look()
                self._looked.set()
                await asyncio.sleep(TICK if well and not self._unread else LATER)
        finally:
            _current = None
            self._thread.submit(_hang_up)
            self._thread.shutdown(wait=False)

    async def looked(self) -> None:
        """Until the database was asked for the first time, with whatever success."""
        await self._looked.wait()

    async def reconcile(self) -> None:
        """Make the snapshot what the database says now; raises what the database raises."""
        async with self._lock:
            new = await self._loop.run_in_executor(self._thread, self._read, self.snapshot)
            if new is not None:
                await self._hooks.before(new)
                self._flip(new)
                self._hooks.after(new)

    def settle(self) -> None:
        """From any thread: reconcile now. Waits for it, except on the loop's own thread."""
        future = asyncio.run_coroutine_threadsafe(self.look(), self._loop)
        if not _on(self._loop):
            try:
                future.result(SETTLE)
            except TimeoutError:
                log.warning("the registry did not settle within %s s", SETTLE)

    async def look(self) -> bool:
        """Reconcile now; False if the database is away, which changes nothing."""
        try:
            await self.reconcile()
        except Exception:  # a background task: serving goes on with what it has
            log.exception("the registry could not be read; serving goes on unchanged")
            return False
        return True

    def _flip(self, new: Snapshot) -> None:
        old, self.snapshot = self.snapshot, new
        kept = {id(served.model) for served in new.served.values()}
        for served in old.served.values():
            if served.model is not None and id(served.model) not in kept:
                self._drain(served.model)

    def _drain(self, model: Model) -> None:
        task = self._loop.create_task(_retired(self._retire, model))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    def _read(self, old: Snapshot) -> Snapshot | None:
        """In the registry's thread: a new snapshot, or None if nothing has changed."""
        try:
            version = _version()
            unchanged = version == old.version and not self._unread
            return None if unchanged else self._settled(version, old)
        except Error:
            # A new connection costs more than the question, so one is kept until it fails.
            connection.close()
            raise

    def _settled(self, version: int, old: Snapshot) -> Snapshot:
        """Read again if somebody changed something between two of the queries."""
        new = self._snapshot(version, old)
        for _ in range(MOST_READS):
            if (version := _version()) == new.version:
                break
            new = self._snapshot(version, new)
        return new

    def _snapshot(self, version: int, old: Snapshot) -> Snapshot:
        self._unread = False
        rows = models.MLAlgorithm.objects.exclude(current_status__in=AT_REST)
        rows = rows.select_related("parent_endpoint")
        algorithms = {row.pk: row for row in rows.order_by("id")}
        return Snapshot(
            version=version,
            endpoints=_endpoints(algorithms.values(), old.endpoints),
            served={pk: self._served(row, old.served.get(pk)) for pk, row in algorithms.items()},
            keys=_keys(),
        )

    def _served(self, row: models.MLAlgorithm, old: Served | None) -> Served:
        ours = running.algorithm(row)
        if old is not None and old.model is not None:
            # An artefact never changes under its id; only what is said about it does.
            _, renderer = _sides(row, ours)
            return Served(ours, old.reader, renderer, old.model)
        return self._opened(row, ours, "" if old is None else old.failure)

    def _opened(self, row: models.MLAlgorithm, algorithm: Algorithm, before: str) -> Served:
        """`before` is what kept it from being opened the last time, which is not said again."""
        reader, renderer = _sides(row, algorithm)
        try:
            return Served(algorithm, reader, renderer, self._load(row))
        except WeirError as error:
            self._unread |= isinstance(error, StorageUnavailable | ModelUnavailable)
            if error.message != before:
                log.warning("algorithm %s cannot be served: %s", row.pk, error.message)
            return Served(algorithm, reader, renderer, None, error.message)
        except Exception:  # around the model's own code, which may raise anything
            log.exception("algorithm %s cannot be served", row.pk)
            return Served(algorithm, reader, renderer, None, "The model could not be loaded.")


_current: Registry | None = None


def changed() -> None:
    """Called after a change was committed: this process follows at once, others within a tick.

    From a thread it returns when the change is in force here, so that whoever started a test and
    then asks for a prediction gets an arm. Where nothing is served it does nothing.
    """
    registry = _current
    if registry is None:
        return
    registry.settle()


def _hang_up() -> None:
    """Of whichever thread runs it: `connection.close` is the method of the one that looks it up."""
    connection.close()


def _on(loop: asyncio.AbstractEventLoop) -> bool:
    try:
        return asyncio.get_running_loop() is loop
    except RuntimeError:
        return False


async def _retired(retire: Retire, model: Model) -> None:
    try:
        await retire(model)
    except Exception:  # a background task
        log.exception("a model did not drain")


def _sides(row: models.MLAlgorithm, algorithm: Algorithm) -> tuple[Reader, Renderer]:
    """What reads its rows, and what renders its answers."""
    if GRAPH in row.schema:
        graph = Graph.from_json(row.schema)
        return GraphReader(graph), GraphRenderer(graph, algorithm)
    schema = Schema.from_json(row.schema)
    return RowReader(schema), TableRenderer(schema.target, algorithm)


def _version() -> int:
    state = models.RegistryState.objects.filter(pk=1).values_list("version", flat=True).first()
    return 0 if state is None else state


def _endpoints(
    rows: Iterable[models.MLAlgorithm], old: Mapping[str, Endpoint]
) -> dict[str, Endpoint]:
    algorithms: dict[int, list[Algorithm]] = defaultdict(list)
    for row in rows:
        algorithms[row.parent_endpoint_id].append(running.algorithm(row))
    known = [each.experiment for each in old.values() if each.experiment is not None]
    experiments = running.experiments({test.id: test for test in known})
    aliases = running.aliases()
    return {
        endpoint.name: Endpoint(
            id=endpoint.pk,
            name=endpoint.name,
            log_mode=LogMode(endpoint.log_mode),
            algorithms=tuple(algorithms[endpoint.pk]),
            experiment=experiments.get(endpoint.pk),
            aliases=aliases.get(endpoint.pk, {}),
        )
        for endpoint in models.Endpoint.objects.all()
    }


def _keys() -> dict[str, Key]:
    keys = models.ApiKey.objects.filter(revoked_at=None)
    return {k.prefix: Key(k.hashed, k.name, frozenset(k.scopes), k.expires_at) for k in keys}
