"""Looks every second who is alive, and whether what was sent is still there.

Redis may come back without what it had acknowledged, or empty. A parcel that is gone was answered,
or lost. The answer is written in the same step that deletes the parcel, so if it is not here by the
next look there is none, and its jobs are sent again: computed twice at worst, logged once.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

from inference.core.parcels import FIELD, Keys
from inference.core.presence import Roster
from inference.engine.book import Book, Sent
from inference.engine.link import Away, Full, Link, Refused, Script
from inference.engine.news import News
from inference.engine.scripts import MISSING
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

LOOK: Final = 0.5  # seconds
STALE: Final = 3.0  # seconds after which what was seen is not known any more
POLICY_LOOKS: Final = 20
KEEPS: Final = "noeviction"  # what Redis must do when it is full: refuse, not forget


class Lookout:
    """`again` is given the jobs that were lost, those that nobody waits for any more among them."""

    def __init__(self, link: Link, keys: Keys, book: Book, again: Callable[[Sent], None]) -> None:
        self.roster = Roster()
        self.policy = KEEPS
        self.lost = 0
        self._link = link
        self._keys = keys
        self._book = book
        self._again = again
        self._looks = 0
        self._news = News(logger, "Redis is not seen: %s")
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor("weir-lookout", self._live, lambda: None)

    @property
    def healthy(self) -> bool:
        """Whether Redis answered lately."""
        looked = self.roster.looked
        fresh = looked is not None and self._loop.time() - looked < STALE
        return fresh and self._supervisor.alive

    @property
    def forgetful(self) -> bool:
        """Whether Redis drops keys by itself when it is full: requests, for one."""
        return self.policy != KEEPS

    def close(self) -> None:
        self._supervisor.stop()

    async def look(self) -> None:
        """At the workers, now; raises Away or Refused."""
        self._observe(await self._link.call("HGETALL", self._keys.workers))

    async def tell(self, word: str) -> None:
        """Put a word into the mail of every worker that is alive."""
        for name in self.roster.alive:
            key = self._keys.mail(name)
            await self._link.call("XADD", key, "MAXLEN", "~", 100, "*", FIELD, word)
            await self._link.call("EXPIRE", key, 60)

    async def _live(self) -> None:
        while True:
            try:
                await self.look()
                await self._sweep()
                await self._ask_policy()
            except (Away, Full, Refused) as error:
                self._news.failed(error)
            else:
                self._news.worked()
            await asyncio.sleep(LOOK)

    def _observe(self, found: Any) -> None:
        beats = {name.decode(): beat for name, beat in found.items()}
        self.roster.observe(self._loop.time(), beats)

    async def _ask_policy(self) -> None:
        self._looks += 1
        if self._looks % POLICY_LOOKS != 1:
            return
        info = await self._link.call("INFO", "memory")
        self.policy = str(info.get("maxmemory_policy", KEEPS))
        if self.policy != KEEPS:
            logger.error("Redis evicts keys (%s); maxmemory-policy must be %s", self.policy, KEEPS)

    async def _sweep(self) -> None:
        by_model: dict[int, dict[bytes, list[Sent]]] = defaultdict(lambda: defaultdict(list))
        for sent in self._book:
            if sent.entry and not sent.held:
                by_model[sent.model][sent.entry].append(sent)
        if not by_model:
            return
        calls: list[Script] = [
            (MISSING, (self._keys.jobs(model),), list(entries))
            for model, entries in by_model.items()
        ]
        answers = await self._link.scripts(calls)
        for entries, missing in zip(by_model.values(), answers, strict=True):
            if isinstance(missing, list):
                self._miss(sent for entry in missing for sent in entries[entry])

    def _miss(self, jobs: Iterable[Sent]) -> None:
        for sent in jobs:
            if sent.held:
                continue
            if not sent.missed:
                sent.missed = True
                continue
            self.lost += not sent.gone
            sent.entry = b""
            self._again(sent)
