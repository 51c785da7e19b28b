"""Answers from the workers: read from this process's list as they come."""

from __future__ import annotations

import logging
from typing import Final

from inference.core import parcels
from inference.engine.backoff import Backoff
from inference.engine.book import Book
from inference.engine.link import Away, Link, Refused
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

BLOCK: Final = 2.0  # seconds; the connection itself must be given longer
MOST: Final = 64  # replies at once


class Inbound:
    """A reply that is taken from the list and lost on the way is missed by `Lookout`."""

    def __init__(self, link: Link, key: str, book: Book) -> None:
        self.garbled = 0
        self._link = link
        self._key = key
        self._book = book
        self._backoff = Backoff()
        self._supervisor = Supervisor("weir-inbound", self._live, lambda: None)

    @property
    def alive(self) -> bool:
        return self._supervisor.alive

    def close(self) -> None:
        self._supervisor.stop()

    async def _live(self) -> None:
        while True:
            try:
                found = await self._link.call("BLMPOP", BLOCK, 1, self._key, "LEFT", "COUNT", MOST)
            except (Away, Refused) as error:
                logger.debug("no replies: %s", error)
                await self._backoff.pause()
                continue
            self._backoff.reset()
            for data in found[1] if found else ():
                self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            reply = parcels.received(data)
        except ValueError:
            self.garbled += 1
            logger.exception("a reply could not be read")
            return
        self._book.hold(reply.held)
        for result in reply.results:
            self._book.settle(result)
