"""What a worker does with parcels that another one had in hand when it died.

Nobody knows what killed it, so whatever it held is suspected: first the parcel runs alone; if that
kills a second worker, each of its jobs runs alone; a job that kills a third is answered with an
error. One at a time in each worker, so that the innocent are never counted with the guilty.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection
from typing import Any, Final, Protocol

from inference.core import parcels
from inference.core.parcels import FIELD, GROUP, KEEP, Keys
from inference.engine.finisher import KEEP_REPLIES, Entry
from inference.engine.link import Away, Full, Link, Refused
from inference.engine.scripts import CLAIM, SPLIT
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

DEAD_AFTER: Final = (
    5000  # milliseconds without a sign of life: three times `pulse.INTERVAL` and more
)
LOOK: Final = 1.0  # seconds
DEADLY: Final = 3  # workers that one job may end
START: Final = "0-0"


class Hands(Protocol):
    """The pump, as the quarantine needs it."""

    def models(self) -> Collection[int]: ...

    async def run_alone(self, entry: Entry) -> None:
        """Until it is finished."""
        ...

    async def give_up(self, entry: Entry) -> None: ...

    async def groups(self) -> None: ...

    def age(self, entry_id: bytes) -> float: ...


class Quarantine:
    """Looks for the dead's parcels, and takes them one by one."""

    def __init__(self, link: Link, keys: Keys, consumer: str, hands: Hands) -> None:
        self._link = link
        self._keys = keys
        self._consumer = consumer
        self._hands = hands
        self._supervisor = Supervisor("weir-quarantine", self._live, lambda: None)

    def close(self) -> None:
        self._supervisor.stop()

    async def _live(self) -> None:
        while True:
            try:
                for model in self._hands.models():
                    await self._take_over(model)
                    await self._suspects(model)
            except (Away, Full) as error:
                logger.debug("the dead were not looked for: %s", error)
            except Refused as error:
                if error.code != "NOGROUP":
                    logger.error("the dead cannot be looked for: %s", error)  # noqa: TRY400  # expected
                await self._groups()
            await asyncio.sleep(LOOK)

    async def _groups(self) -> None:
        try:
            await self._hands.groups()
        except (Away, Full, Refused) as error:
            logger.debug("no groups yet: %s", error)

    async def _take_over(self, model: int) -> None:
        for stream, killed_before in ((self._keys.jobs(model), 0), (self._keys.suspects(model), 2)):
            cursor: Any = START
            while True:
                found = await self._link.script(
                    CLAIM, (stream,), GROUP, self._consumer, DEAD_AFTER, cursor
                )
                cursor = found[0]
                if len(found) > 1:
                    _, entry_id, data, deliveries = found
                    killed = killed_before + deliveries - 1
                    await self._claimed(model, stream, entry_id, data, killed=killed)
                if cursor in (START, START.encode()):
                    break

    async def _claimed(
        self, model: int, stream: str, entry_id: bytes, data: bytes, *, killed: int
    ) -> None:
        """An entry that has ended so many workers, or was in their hands when they ended."""
        entry = open_entry(model, stream, entry_id, data)
        if entry is None:
            await self._link.call("XACK", stream, GROUP, entry_id)
            await self._link.call("XDEL", stream, entry_id)
            return
        if killed < DEADLY - 1:  # the single jobs of a parcel that was said to be split are no news
            extra = {"model": model, "jobs": len(entry.items), "killed": killed}
            logger.warning("taking over from a worker that is gone", extra=extra)
        if killed >= DEADLY:
            await self._hands.give_up(entry)
        elif killed == DEADLY - 1 and len(entry.items) > 1:
            await self._split(entry)
        else:
            await self._hands.run_alone(entry)

    async def _split(self, entry: Entry) -> None:
        age = self._hands.age(entry.id)
        for item in entry.items:
            item.remaining_ms = max(0, item.remaining_ms - round(age * 1000))
        singles = [parcels.parcel(entry.to, [item]) for item in entry.items]
        held = parcels.reply([], [item.number for item in entry.items])
        names = (entry.stream, self._keys.suspects(entry.model), entry.to)
        await self._link.script(SPLIT, names, GROUP, entry.id, KEEP, KEEP_REPLIES, held, *singles)

    async def _suspects(self, model: int) -> None:
        """Single jobs, whose parcels have ended two workers."""
        stream = self._keys.suspects(model)
        words = ("XREADGROUP", "GROUP", GROUP, self._consumer, "COUNT", 1, "STREAMS", stream, ">")
        while found := await self._link.call(*words):
            [[_, [(entry_id, fields)]]] = found
            await self._claimed(model, stream, entry_id, fields[FIELD], killed=DEADLY - 1)


def open_entry(model: int, stream: str, entry_id: bytes, data: bytes) -> Entry | None:
    """None for what is no parcel of this release."""
    try:
        parcel = parcels.opened(data)
    except ValueError:
        logger.exception("a parcel could not be read")
        return None
    return Entry(model, stream, entry_id, parcel.to, parcel.items)
