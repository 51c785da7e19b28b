"""Takes up what others left behind, says that this process is at what it is at, and forgets."""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from inference.core import asking, perseverance
from inference.core import rows as payload
from inference.core.errors import WeirError
from inference.durable.attempts import Attempts
from inference.durable.ledger import Ledger
from inference.durable.requests import Lasting
from inference.gateway import Gateway
from inference.services import outbox, receipts, standings
from inference.services.outbox import Taken
from inference.services.standings import Found, Standing

log = logging.getLogger(__name__)

TICK: Final = 1.0  # seconds; a lease is ten of them
MOST: Final = 256  # requests of others that one process is at
PRUNE_SECONDS: Final = 600.0


class Sweeper:
    """A background task of each process that serves; which one takes a request, the row decides."""

    def __init__(self, gateway: Gateway, ledger: Ledger, attempts: Attempts) -> None:
        self._gateway = gateway
        self._ledger = ledger
        self._attempts = attempts
        self._clock = gateway.loop.time
        self._prune_at = 0.0

    async def run(self) -> None:
        """Until cancelled; a database that is away changes nothing."""
        while True:
            try:
                await self.sweep()
            except WeirError as error:
                log.warning("the queue could not be looked at: %s", error.message)
            except Exception:  # a background task
                log.exception("the queue could not be looked at")
            await asyncio.sleep(TICK)

    async def sweep(self) -> None:
        """Once."""
        await self._renew()
        room = MOST - len(self._attempts.held)
        if room > 0 and not self._gateway.draining:
            for taken in await self._ledger.call(outbox.take, room):
                self._attempts.start(self._tried(taken))
        if self._clock() >= self._prune_at:
            self._prune_at = self._clock() + PRUNE_SECONDS
            await self._ledger.call(receipts.prune, perseverance.KEPT)

    async def _renew(self) -> None:
        """What has been under way for longer than a tick; nearly nothing is."""
        since = self._clock() - TICK
        keys = [key for key, begun in self._attempts.keys.items() if begun < since]
        held = [each for each, begun in self._attempts.held.items() if begun < since]
        if keys:
            await self._ledger.call(receipts.renew, keys)
        if held:
            await self._ledger.call(outbox.renew, held)

    async def _tried(self, taken: Taken) -> Found:
        """As long as no row says that it was answered by whoever had it before."""
        rows, batch = payload.from_json(taken.body.encode())
        found = Found(Standing.AGAIN, taken.ids, batch=batch)
        if await self._ledger.call(standings.answers_of, taken.ids):
            await self._ledger.call(outbox.finish, taken.id)
            return found
        suspicion = perseverance.suspicion(taken.attempts, taken.refusals)
        if suspicion is not None:
            return await self._attempts.given_up(taken, found, suspicion)
        request = Lasting(asking.from_dict(taken.endpoint, taken.ask), rows, batch)
        return await self._attempts.accepted(request, taken, found)
