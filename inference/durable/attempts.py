"""One try of a request whose ids are fixed, and what follows from how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterator
from typing import Any, Final, TypeVar

from inference.core import perseverance
from inference.core.errors import (
    Draining,
    InputError,
    RoutingError,
    StorageUnavailable,
    WeirError,
)
from inference.core.perseverance import LEASE
from inference.durable.ledger import Ledger
from inference.durable.requests import Lasting
from inference.gateway import Gateway
from inference.services import outbox, receipts, standings
from inference.services.outbox import Held, Hopeless, Refused, Taken
from inference.services.standings import Found, Standing

log = logging.getLogger(__name__)

T = TypeVar("T")

# A try that took longer may have been taken for dead and repeated by somebody else.
_SURE: Final = LEASE / 2


class Attempts:
    """Tries requests; `keys` and `held` are those under way, with the time since when."""

    def __init__(self, gateway: Gateway, ledger: Ledger) -> None:
        self.keys: dict[str, float] = {}
        self.held: dict[Held, float] = {}
        self._gateway = gateway
        self._ledger = ledger
        self._clock = gateway.loop.time
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Work that nobody's hanging up ends."""
        task = self._gateway.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def drain(self, deadline: float) -> bool:
        """Until nothing is under way; False if `deadline` (loop time) came first."""
        while self._tasks and (left := deadline - self._clock()) > 0:
            await asyncio.wait(self._tasks, timeout=left)
        return not self._tasks

    async def waited_for(self, request: Lasting, found: Found) -> Found:
        """A try whose caller is told how it ended; raises what it ended with."""
        with _under_way(self.keys, request.key, self._clock()):
            try:
                return await self._answered(request, found)
            except WeirError as error:
                await self._released(request.key, found, error)
                raise

    async def accepted(self, request: Lasting, taken: Taken, found: Found) -> Found:
        """A try of what was promised an answer: if it has none yet, another try will follow."""
        with _under_way(self.held, taken.held, self._clock()):
            try:
                done = await self._answered(request, found)
            except WeirError as error:
                return await self._put_off(taken, found, error)
            # Nobody has to wait for that; if it fails, the sweeper will find the rows.
            self.start(self._ledger.call(outbox.finish, taken.id))
            return done

    async def given_up(self, taken: Taken, found: Found, error: WeirError) -> Found:
        """Its rows say why."""
        log.error("request %s is given up: %s", taken.id, error.message)
        await self._ledger.call(outbox.give_up, Hopeless(taken.id, error))
        return await self.logged(found)

    async def logged(self, found: Found) -> Found:
        """With the answers that the log has for it; raises StorageUnavailable if it has none."""
        texts = await self._ledger.call(standings.answers_of, found.ids)
        if not texts:
            raise StorageUnavailable
        return found._replace(standing=Standing.DONE, texts=texts)

    async def _answered(self, request: Lasting, found: Found) -> Found:
        """By this try; if there may have been another, by whichever was the first."""
        begun = self._clock()
        pending = self._gateway.repeat(request.ask, request.rows, found.ids)
        await pending.done
        if found.standing is Standing.OURS and self._clock() - begun < _SURE:
            return found._replace(standing=Standing.DONE, texts=pending.texts)
        return await self.logged(found)

    async def _released(self, key: str, found: Found, error: WeirError) -> None:
        """So that the next try need not wait; its ids stay, for rows may yet come under them."""
        nothing_begun = isinstance(error, InputError | RoutingError)
        first = found.standing is Standing.OURS
        with contextlib.suppress(StorageUnavailable):  # then it has to wait
            await self._ledger.call(
                receipts.drop if first and nothing_begun else receipts.free, key
            )

    async def _put_off(self, taken: Taken, found: Found, error: WeirError) -> Found:
        queued = found._replace(standing=Standing.QUEUED)
        if perseverance.enough(error, taken.age):
            with contextlib.suppress(StorageUnavailable):  # then it is taken up once more
                return await self.given_up(taken, found, error)
            return queued
        seconds = 0.0 if isinstance(error, Draining) else perseverance.pause(taken.refusals)
        log.warning("request %s is tried again in %s s: %s", taken.id, seconds, error.message)
        with contextlib.suppress(StorageUnavailable):  # then it is due when the lease is over
            await self._ledger.call(outbox.postpone, Refused(taken, seconds))
        return queued

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """What a request ended with is its callers' to hear; only the unexpected is ours to say."""
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, WeirError):
            log.error("a request failed", exc_info=error)


@contextlib.contextmanager
def _under_way(those: dict[Any, float], one: Any, since: float) -> Iterator[None]:
    those[one] = since
    try:
        yield
    finally:
        del those[one]
