"""The door that every adapter goes through: rows in, answers out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from inference.core import asking
from inference.core import rows as payload
from inference.core.answers import Answer
from inference.core.asking import Ask, too_many
from inference.core.errors import (
    Ambiguous,
    Draining,
    ModelUnavailable,
    NotLogged,
    NotServed,
    Overloaded,
    RowInvalid,
    StorageUnavailable,
)
from inference.core.routing import Algorithm, Arm, Endpoint, Unit, Wanted
from inference.core.rows import Rows
from inference.core.tickets import Context, Part, Served, Table
from inference.core.types import Job, LogMode, Model, Outcome
from inference.ids import Ids
from inference.registry import Snapshot
from inference.shadowing import Shadowing

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """`deadline` in seconds, for callers that name none; `rows` of one request."""

    deadline: float = 25.0
    rows: int = 4096


class Pending(NamedTuple):
    """A request that was begun; what it says may be read once `done` is done and did not fail."""

    parts: Sequence[Part]
    done: asyncio.Future[Any]
    rows: int

    @property
    def texts(self) -> Sequence[str]:
        """For each row, in order, the complete JSON object."""
        if len(self.parts) == 1:
            return self.parts[0].texts
        return _in_order(self.rows, [(part.positions, part.texts) for part in self.parts])

    @property
    def answers(self) -> Sequence[Answer]:
        """The same with ids and errors as values."""
        return _in_order(self.rows, [(part.positions, part.answers) for part in self.parts])

    @property
    def table(self) -> Table:
        """The same as arrays, for one who asked for a table: he has one part."""
        return self.parts[0].table


class Answered(NamedTuple):
    """A request that is done; `batch` says whether the caller sent a list."""

    pending: Pending
    batch: bool

    @property
    def texts(self) -> Sequence[str]:
        return self.pending.texts

    @property
    def answers(self) -> Sequence[Answer]:
        return self.pending.answers


class Seen(Protocol):
    """Somebody who looks on, and is shown what was begun; see `inference.calls`."""

    begun: Any


@dataclass(frozen=True, slots=True)
class Wiring:
    """What the gateway is given: where the snapshot is, who predicts, who logs."""

    snapshot: Callable[[], Snapshot]
    submit: Callable[[Job], asyncio.Future[Outcome]]
    record: Callable[[Part], asyncio.Future[None]]
    ids: Ids


class Gateway:
    """Routes, reads, submits and waits; holds no state but its wiring."""

    def __init__(self, wiring: Wiring, limits: Limits) -> None:
        self.limits = limits
        self.draining = False
        self._wiring = wiring
        self._submit = wiring.submit
        self.loop = asyncio.get_running_loop()
        self.shadowing = Shadowing(wiring.submit, self._loaded)
        self._clock = self.loop.time

    @property
    def snapshot(self) -> Snapshot:
        return self._wiring.snapshot()

    def endpoint(self, name: str) -> Endpoint:
        """Raises NotServed for a name that nobody serves."""
        endpoint = self.snapshot.endpoints.get(name)
        if endpoint is None:
            raise NotServed
        return endpoint

    def schema_hash(self, endpoint: str) -> str:
        """Of what answers in production; empty while nothing does. Raises NotServed."""
        snapshot = self.snapshot
        try:
            algorithm, _ = self.endpoint(endpoint).route(asking.DEFAULT, Unit("", lasting=False))
        except Ambiguous:
            return ""
        served = snapshot.served.get(algorithm.id)
        return served.reader.hash if served else ""

    async def predict_json(self, ask: Ask, body: bytes, seen: Seen | None = None) -> Answered:
        """A record as a JSON object, or a batch of them as an array."""
        rows, batch = payload.from_json(body)
        return Answered(await self.predict(ask, rows, seen), batch)

    async def predict_record(
        self, ask: Ask, record: Mapping[str, object], seen: Seen | None = None
    ) -> Answered:
        """A record that is a mapping already."""
        return Answered(await self.predict(ask, payload.ValueRows([record]), seen), batch=False)

    async def predict(self, ask: Ask, rows: Rows, seen: Seen | None = None) -> Pending:
        """One answer for each row, in order.

        Raises what concerns the request as a whole; what concerns one row is in its answer, unless
        the row does not fit the schema and the caller is not lenient (RowInvalid, row and field).
        """
        count = self._admitted(rows)  # first: what is refused must not use up ids
        if not self._wiring.ids.ready(count):
            await self._reserved(count, ask)
        pending = self.begin(ask, rows)
        if seen is not None:
            seen.begun = pending
        await pending.done
        return pending

    def ready(self, rows: Rows) -> bool:
        """Whether `begin` may be called: there are ids for that many rows, or it refuses them."""
        return self._wiring.ids.ready(min(len(rows), self.limits.rows))

    def begin(self, ask: Ask, rows: Rows) -> Pending:
        """`predict` without the waiting, for callers with a loop of their own."""
        count = self._admitted(rows)
        parts = self._parts(ask, rows, self._wiring.ids.take(count))
        return self._begun(ask, parts, hurried=ask.hurried)

    async def reserve(self, ask: Ask, rows: Rows) -> Sequence[int]:
        """Ids for a request that may be begun more than once. Raises NotLogged as well."""
        count = self._admitted(rows)
        if self.endpoint(ask.endpoint).log_mode is LogMode.OFF:
            raise NotLogged
        if not self._wiring.ids.ready(count):
            await self._reserved(count, ask)
        return list(self._wiring.ids.take(count))

    def foresee(self, ask: Ask, rows: Rows, ids: Sequence[int]) -> Algorithm:
        """Who would answer the first row now; raises what would be raised before any work."""
        parts = self._parts(ask, rows, ids, LogMode.STRICT)
        if not ask.lenient:
            _insist(parts)
        return parts[0].served.algorithm

    def repeat(self, ask: Ask, rows: Rows, ids: Sequence[int]) -> Pending:
        """`begin` with ids of an earlier `reserve`; what has a row in the log keeps that row.

        Raises InputError or RoutingError only before anything was begun. Logged first and answered
        then, whatever the endpoint does otherwise.
        """
        self._admitted(rows)
        return self._begun(ask, self._parts(ask, rows, ids, LogMode.STRICT), hurried=False)

    def _begun(self, ask: Ask, parts: Sequence[Part], *, hurried: bool) -> Pending:
        if not ask.lenient:
            _insist(parts)
        deadline = self._clock() + (self.limits.deadline if ask.deadline is None else ask.deadline)
        if len(parts) == 1:
            done = self._started(parts[0], deadline, hurried=hurried)
            return Pending(parts, done, len(parts[0].ids))
        done = _all([self._started(part, deadline, hurried=hurried) for part in parts])
        return Pending(parts, done, sum(len(part.ids) for part in parts))

    def _admitted(self, rows: Rows) -> int:
        if self.draining:
            raise Draining(retry_after=1.0)
        count = len(rows)
        if not 0 < count <= self.limits.rows:
            if count:
                raise too_many(self.limits.rows, count)
            raise RowInvalid("The request has no rows.")
        return count

    async def _reserved(self, count: int, ask: Ask) -> None:
        try:
            async with asyncio.timeout(ask.deadline or self.limits.deadline):
                await self._wiring.ids.wait(count)
        except Exception as error:  # whatever the database raises, nothing can be logged now
            raise StorageUnavailable(retry_after=1.0) from error

    def _parts(
        self, ask: Ask, rows: Rows, ids: Sequence[int], mode: LogMode | None = None
    ) -> list[Part]:
        snapshot = self.snapshot
        endpoint = snapshot.endpoints.get(ask.endpoint)
        if endpoint is None:
            raise NotServed
        mode = mode or endpoint.log_mode
        subject = ask.subject or _table_of(endpoint, ask, ids)
        context = Context(rows, subject, mode, datetime.now(UTC), ask.table, ask.level)
        if len(ids) == 1 or endpoint.experiment is None or subject:
            unit = Unit(subject or str(ids[0]), lasting=ask.subject != "")
            algorithm, arm = endpoint.route(ask.wanted, unit)
            return [Part(_served(snapshot, algorithm), arm, range(len(ids)), ids, context)]
        return [
            Part(_served(snapshot, algorithm), arm, places, [ids[p] for p in places], context)
            for (algorithm, arm), places in _drawn(endpoint, ask.wanted, ids).items()
        ]

    def _loaded(self, algorithm_id: int) -> Served | None:
        return self.snapshot.served.get(algorithm_id)

    def _started(self, part: Part, deadline: float, *, hurried: bool) -> asyncio.Future[Any]:
        tensors, mode = part.tensors, part.context.mode
        if tensors is None:
            # No row fits the schema: nothing to compute, but the errors are logged like answers.
            part.settle(Outcome(None))
            return _nothing() if mode is LogMode.OFF else self._wiring.record(part)
        level = part.context.level
        job = Job(_model(part.served), tensors, deadline, mode, part, hurried, level)
        try:
            done = self._submit(job)
        except Overloaded:
            self.shadowing.strained()
            raise
        if part.arm is not None and part.arm.shadows:
            self.shadowing.follow(part, part.arm.shadows, done)
        return done


def _table_of(endpoint: Endpoint, ask: Ask, ids: Sequence[int]) -> str:
    """The subject of a table that names none: its rows are one unit, and must count as one."""
    if ask.table and len(ids) > 1 and endpoint.experiment is not None:
        return f"request:{ids[0]}"
    return ""


def _drawn(
    endpoint: Endpoint, wanted: Wanted, ids: Sequence[int]
) -> Mapping[tuple[Algorithm, Arm | None], Sequence[int]]:
    """Without a subject each row is a unit of its own and draws its own arm."""
    groups: dict[tuple[Algorithm, Arm | None], list[int]] = {}
    for position, request_id in enumerate(ids):
        drawn = endpoint.route(wanted, Unit(str(request_id), lasting=False))
        groups.setdefault(drawn, []).append(position)
    return groups


def _served(snapshot: Snapshot, algorithm: Algorithm) -> Served:
    served = snapshot.served.get(algorithm.id)
    if served is None or served.model is None:
        raise ModelUnavailable(served.failure if served else None, retry_after=1.0)
    return served


def _model(served: Served) -> Model:
    assert served.model is not None  # `_served` has seen to that
    return served.model


def _insist(parts: Sequence[Part]) -> None:
    """Before anything is started: one row that does not fit refuses the request."""
    for part in parts:
        if part.refused is not None:
            raise part.refused


def _all(started: Sequence[asyncio.Future[Any]]) -> asyncio.Future[Any]:
    """Done when every part is; fails as the first of them that did."""
    return asyncio.ensure_future(_first_failure(started))


async def _first_failure(started: Sequence[asyncio.Future[Any]]) -> None:
    for result in await asyncio.gather(*started, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result


def _nothing() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.set_result(None)
    return future


def _in_order(count: int, parts: Iterable[tuple[Sequence[int], Sequence[T]]]) -> Sequence[T]:
    """What the parts say, by the positions of their rows in the request."""
    said = {p: each for positions, all_ in parts for p, each in zip(positions, all_, strict=True)}
    return [said[position] for position in range(count)]


_current: Gateway | None = None


def install(gateway: Gateway | None) -> None:
    """Called by the composition root when serving starts and stops."""
    global _current  # noqa: PLW0603  # a process has one door, and adapters cannot be handed it
    _current = gateway


def current() -> Gateway:
    """The gateway of this process; raises ModelUnavailable where nothing is served."""
    if _current is None:
        raise ModelUnavailable("This process serves no models.", retry_after=1.0)
    return _current
