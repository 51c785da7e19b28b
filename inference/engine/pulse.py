"""A worker's signs of life, once a second: for itself, and for every parcel it has in hand."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Final

from inference.core import presence
from inference.core.parcels import GROUP, KEEP
from inference.core.presence import Beat, Roster
from inference.engine.link import Away, Full, Link, Refused
from inference.engine.news import News
from inference.engine.pump import Pump
from inference.engine.scripts import BEAT, LEASE, RELEASE
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

INTERVAL: Final = 1.0  # seconds
LEASED: Final = 10_000  # milliseconds that a shard stays ours without a beat
SHARDS: Final = 1024


class Pulse:
    """`report` makes the heartbeat of that number."""

    def __init__(self, link: Link, pump: Pump, report: Callable[[int], Beat]) -> None:
        self.roster = Roster()
        self.shard = -1
        self._link = link
        self._pump = pump
        self._station = pump.station
        self._keys = pump.station.keys
        self._report = report
        self._number = 0
        self._news = News(logger, "no heartbeat: %s")
        self._loop = asyncio.get_running_loop()
        self._soon = asyncio.Event()
        self._supervisor: Supervisor | None = None

    async def start(self) -> None:
        """Have a shard of one's own and be known; waits for Redis as long as it takes."""
        news = News(logger, "waiting for Redis: %s")
        while True:
            try:
                await self._beat()
                break
            except (Away, Full, Refused) as error:
                news.failed(error)
                await asyncio.sleep(INTERVAL)
        self._supervisor = Supervisor("weir-pulse", self._live, lambda: None)

    def soon(self) -> None:
        """Something changed that others wait to see."""
        self._soon.set()

    def relieved(self) -> bool:
        """Whether another worker, which stays, takes what this one served."""
        others = [
            seen.beat
            for name, seen in self.roster.alive.items()
            if name != self._station.name and not seen.beat.draining
        ]
        mine = set(self._pump.models())
        return any(mine <= set(beat.serves) for beat in others)

    async def stop(self) -> None:
        """Say goodbye; whoever beats on takes it away later. Raises Away."""
        if self._supervisor is not None:
            self._supervisor.stop()
        await self._pump.forget(self._station.name)
        goodbye = presence.written(self._report(presence.GOODBYE))
        await self._link.script(BEAT, (self._keys.workers,), self._station.name, goodbye, KEEP)
        await self._link.script(RELEASE, (self._keys.shard(self.shard),), self._station.name)

    async def _live(self) -> None:
        while True:
            try:
                async with asyncio.timeout(INTERVAL):
                    await self._soon.wait()
            except TimeoutError:
                pass
            self._soon.clear()
            try:
                await self._beat()
            except (Away, Full, Refused) as error:
                self._news.failed(error)
            else:
                self._news.worked()

    async def _beat(self) -> None:
        await self._hold()
        await self._lease()
        self._number += 1
        beat = presence.written(self._report(self._number))
        await self._link.script(BEAT, (self._keys.workers,), self._station.name, beat, KEEP)
        await self._look()
        await self._tidy(self.roster.forgotten)

    async def _hold(self) -> None:
        """A stream that is gone has an error of its own, which says nothing of the others."""
        if scripts := self._pump.hand.holds(self._station.name):
            await self._link.scripts(scripts)
        if letters := self._pump.letters:
            self._pump.letters = []
            await self._link.call("XACK", self._station.mailbox, GROUP, *letters)
            await self._link.call("XDEL", self._station.mailbox, *letters)

    async def _lease(self) -> None:
        numbers: Iterable[int] = range(SHARDS) if self.shard < 0 else (self.shard, *range(SHARDS))
        for number in numbers:
            key = self._keys.shard(number)
            if await self._link.script(LEASE, (key,), self._station.name, LEASED):
                self.shard = number
                return

    async def _look(self) -> None:
        asked = self._loop.time()
        seconds, microseconds = await self._link.call("TIME")
        self._pump.skew.observe(seconds + microseconds / 1e6, asked, self._loop.time())
        found = await self._link.call("HGETALL", self._keys.workers)
        self.roster.observe(
            self._loop.time(), {name.decode(): beat for name, beat in found.items()}
        )

    async def _tidy(self, gone: Iterable[str]) -> None:
        """What a worker leaves that was killed."""
        for name in gone:
            logger.warning("forgetting a worker that is gone: %s", name)
            await self._pump.forget(name)
            await self._link.call("HDEL", self._keys.workers, name)
