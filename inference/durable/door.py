"""The door beside the gateway, for requests whose answers outlive their connection."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final, NamedTuple

from inference.core.errors import (
    Draining,
    IdempotencyMismatch,
    InProgress,
    ModelUnavailable,
    Overloaded,
)
from inference.durable.attempts import Attempts
from inference.durable.ledger import Ledger
from inference.durable.requests import Lasting
from inference.durable.sweeper import Sweeper
from inference.gateway import Gateway
from inference.services import receipts, standings
from inference.services.outbox import Taken
from inference.services.receipts import Opening, Queued
from inference.services.standings import TO_RUN, Found, Standing

LOOK_SECONDS: Final = 0.05  # after which it is looked for answers first,
LONGEST_LOOK: Final = 1.0  # and less and less often up to this


class Run(NamedTuple):
    """A request on its way: `opened` once it is written down, `done` once it is answered.

    What is QUEUED when it is done will be answered by another try.
    """

    fingerprint: str
    later: bool
    opened: asyncio.Task[Found]
    done: asyncio.Task[Found]


class Answer(NamedTuple):
    """How far a request has come, and whether it had come to us before."""

    found: Found
    replayed: bool


class Durable:
    """Knows what runs in this process; the database knows the rest.

    `most` is how many accepted requests may wait for their answers, in all processes together.
    """

    def __init__(self, gateway: Gateway, ledger: Ledger, most: int) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._most = most
        self._running: dict[str, Run] = {}
        self._attempts = Attempts(gateway, ledger)
        self.sweeper = Sweeper(gateway, ledger, self._attempts)

    async def answer(self, request: Lasting) -> Answer:
        """The answers, or as much as is known when its caller has waited enough.

        Raises what the gateway raises, InProgress, IdempotencyMismatch or NotLogged.
        """
        joined = request.key in self._running
        run = self.begin(request)
        opened = await asyncio.shield(run.opened)
        if opened.standing not in TO_RUN:
            return Answer(opened, replayed=True)
        if request.ask.wait is not None and run.later:
            wait = min(request.ask.wait, self._gateway.limits.deadline)
            await asyncio.wait({run.done}, timeout=wait)
            return Answer(_so_far(run, opened), joined)
        return Answer(await asyncio.shield(run.done), joined)

    def begin(self, request: Lasting) -> Run:
        """`answer` without the waiting; what runs here already is joined."""
        run = self._running.get(request.key)
        if run is None:
            return self._begun(request)
        if run.fingerprint != request.fingerprint:
            raise IdempotencyMismatch
        return run

    async def answered(self, ids: Sequence[int]) -> Sequence[str]:
        """The answers to an accepted request, as soon as they are there; raises Draining."""
        looks = 0
        while not (texts := await self._ledger.call(standings.answers_of, ids)):
            looks = await self._pause(looks)
        return texts

    async def resumed(self, keys: Iterable[str]) -> AsyncIterator[tuple[str, Found]]:
        """Of each, once it has come to an end: DONE, or GONE without an answer; raises Draining."""
        left, looks = list(keys), 0
        while left:
            ended = [(key, found) for key, found in await self._looked(left) if _has_ended(found)]
            for key, found in ended:
                left.remove(key)
                yield key, found
            if left:
                looks = await self._pause(looks)

    async def drain(self, deadline: float) -> bool:
        """Until what was begun has ended and is written down; False if `deadline` came first."""
        return await self._attempts.drain(deadline) and await self._ledger.drain(deadline)

    def close(self) -> None:
        self._ledger.close()

    def _begun(self, request: Lasting) -> Run:
        opened = self._attempts.start(self._opened(request))
        done = self._attempts.start(self._done(request, opened))
        run = Run(request.fingerprint, request.later, opened, done)
        if request.key:
            self._running[request.key] = run
            done.add_done_callback(lambda _: self._running.pop(request.key))
        return run

    async def _opened(self, request: Lasting) -> Found:
        """Written down, or found to be so already; raises what keeps it from being run."""
        ids = await self._gateway.reserve(request.ask, request.rows)
        queued = self._queued(request, ids) if request.later else None
        opening = Opening(
            request.ask.endpoint, ids, request.batch, request.key, request.fingerprint, queued
        )
        found = await self._ledger.call(receipts.open_all, opening)
        if found.standing is Standing.OTHER:
            raise IdempotencyMismatch
        if found.standing is Standing.HELD:
            raise InProgress(retry_after=1.0)
        if found.standing is Standing.FULL:
            raise Overloaded("Too many requests wait to be answered later.", retry_after=5.0)
        return found

    def _queued(self, request: Lasting, ids: Sequence[int]) -> Queued:
        """What is refused is refused now, and not after it was accepted."""
        algorithm = self._gateway.foresee(request.ask, request.rows, ids)
        return Queued(algorithm.id, request.ask.as_dict(), request.body, self._most)

    async def _done(self, request: Lasting, opened: asyncio.Task[Found]) -> Found:
        found = await asyncio.shield(opened)
        if found.standing not in TO_RUN:
            return found
        if not request.later:
            return await self._attempts.waited_for(request, found)
        taken = Taken(found.ids, request.ask.endpoint, request.ask.as_dict(), request.body)
        return await self._attempts.accepted(request, taken, found)

    async def _looked(self, keys: Sequence[str]) -> list[tuple[str, Found]]:
        looks = [self._ledger.call(standings.look, key) for key in keys]
        found = zip(keys, await asyncio.gather(*looks), strict=True)
        # What runs here may not be written down yet.
        return [(key, each) for key, each in found if key not in self._running]

    async def _pause(self, looks: int) -> int:
        if self._gateway.draining:
            raise Draining(retry_after=1.0)
        await asyncio.sleep(min(LOOK_SECONDS * 2.0 ** min(looks, 10), LONGEST_LOOK))
        return looks + 1


def _has_ended(found: Found) -> bool:
    return found.standing in {Standing.DONE, Standing.GONE}


def _so_far(run: Run, opened: Found) -> Found:
    """Once accepted, whatever went wrong since will be put right by another try."""
    if run.done.done() and run.done.exception() is None:
        return run.done.result()
    return opened._replace(standing=Standing.QUEUED)


_current: Durable | None = None


def install(durable: Durable | None) -> None:
    """Called by the composition root when serving starts and stops."""
    global _current  # noqa: PLW0603  # as the gateway: adapters cannot be handed it
    _current = durable


def current() -> Durable:
    """That of this process; raises ModelUnavailable where nothing is served."""
    if _current is None:
        raise ModelUnavailable("This process serves no models.", retry_after=1.0)
    return _current
