"""The worker's side of the queue: parcels in, batches by the local engine, answers out.

It reads for a model only while the model's lane has room, so that what it cannot compute yet stays
where other workers find it, and a slow model keeps nothing from the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from inference.core.parcels import FIELD, GROUP, KEEP, Keys
from inference.core.skew import Skew
from inference.core.tickets import Served
from inference.engine.backoff import Backoff
from inference.engine.base import Engine
from inference.engine.finisher import Entry, Finisher
from inference.engine.hand import Hand
from inference.engine.intake import Intake
from inference.engine.link import Away, Full, Link, Refused
from inference.engine.quarantine import Quarantine, open_entry
from inference.engine.scripts import LEAVE, MINE
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

BLOCK: Final = 1000  # milliseconds; the connection itself must be given longer
MOST: Final = 64  # parcels of one stream at once
QUIET: Final = 0.5  # seconds without anything to do, after which a stop may end
GLANCE: Final = 0.05  # seconds between two looks at whether a stop may end
MORE: Final = "more"  # in one's own mail: a model that was left out has room again
NEWEST: Final = 0.1  # how much the newest parcel moves the mean


class Lines(NamedTuple):
    """The connections: one that waits for work, one for everything else."""

    read: Link
    write: Link


@dataclass(frozen=True, slots=True)
class Station:
    """Where a worker stands: its name, the keys, how many rows of one model it may have in hand."""

    name: str
    keys: Keys
    in_hand: int = 512  # two batches: one runs, one is ready

    @property
    def mailbox(self) -> str:
        return self.keys.mail(self.name)

    def streams(self, model: int) -> tuple[str, str]:
        return self.keys.jobs(model), self.keys.suspects(model)


class Pump:
    """Carries; batches, threads and the log are the engine's. `mail` hears words sent to us."""

    def __init__(
        self, lines: Lines, station: Station, engine: Engine, mail: Callable[[str], None]
    ) -> None:
        self.station = station
        self.hand = Hand()
        self.skew = Skew()
        self.letters: list[bytes] = []  # read from the mail, to be taken out of it
        self.finisher = Finisher(lines.write, station.keys, self._left)
        self.intake = Intake(engine, self.finisher.put)
        self._lines = lines
        self._mail = mail
        self._shut: set[int] = set()  # models that the read under way leaves out
        self._parcel_rows = 1.0
        self._stopping = self._rejoined = False
        self._stopped = asyncio.Event()
        self._nudging: asyncio.Task[None] | None = None
        self._backoff = Backoff()
        self._loop = asyncio.get_running_loop()
        self._quarantine = Quarantine(lines.write, station.keys, station.name, self)
        self._supervisor = Supervisor("weir-pump", self._live, self._died)

    @property
    def healthy(self) -> bool:
        return self._supervisor.alive and self.finisher.alive

    # -- what it serves ----------------------------------------------------------------------------

    def serve(self, served: Mapping[int, Served]) -> None:
        """From now on these; all of them are loaded."""
        self.intake.served = {**served}
        self._rejoined = False
        self._nudge()

    def models(self) -> Collection[int]:
        return list(self.intake.served)

    async def idle(self, model: int) -> bool:
        """Whether nothing waits for this model, here or in Redis; raises Away."""
        streams = self.station.streams(model)
        waiting = [await self._lines.write.call("XLEN", stream) for stream in streams]
        return not (self.hand.rows_of(model) or any(waiting))

    # -- reading -----------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not self._stopping:
            try:
                if not self._rejoined:
                    await self._rejoin()
                await self._read()
                self._backoff.reset()
            except (Away, Full, Refused) as error:
                _say(error)
                self._rejoined = False
                await self._backoff.pause()
        self._stopped.set()
        await self._loop.create_future()  # at an end, its supervisor would start it again

    async def _rejoin(self) -> None:
        """Make the groups, and take what was delivered to us and got lost on the way."""
        await self.groups()
        self._rejoined = True
        streams = {self.station.keys.jobs(model): model for model in self.models()}
        for stream, model in {self.station.mailbox: None, **streams}.items():
            given = await self._lines.write.script(MINE, (stream,), GROUP, self.station.name)
            self._take(model, stream, [(entry_id, _fields(words)) for entry_id, words in given])

    async def groups(self) -> None:
        """Streams and groups as if they had always been there."""
        streams = [stream for model in self.models() for stream in self.station.streams(model)]
        for stream in (self.station.mailbox, *streams):
            try:
                await self._lines.write.call("XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM")
                await self._lines.write.call("EXPIRE", stream, KEEP)  # it is made again if need be
            except Refused as error:
                if error.code != "BUSYGROUP":
                    raise

    async def _read(self) -> None:
        names = self._readable()
        words = ("GROUP", GROUP, self.station.name, "COUNT", self._count(), "BLOCK", BLOCK)
        news = (">",) * len(names)
        found = await self._lines.read.call("XREADGROUP", *words, "STREAMS", *names, *news)
        self._shut = set()
        for stream, entries in found or ():
            self._take(names[stream.decode()], stream.decode(), entries)

    def _readable(self) -> dict[str, int | None]:
        """The streams that are read now, by the model they are for; one's own mail has none."""
        models = self.models()
        self._shut = {model for model in models if not self._has_room(model)}
        jobs = {self.station.keys.jobs(model): model for model in models if model not in self._shut}
        return {self.station.mailbox: None, **jobs}

    def _has_room(self, model: int) -> bool:
        return self.hand.rows_of(model) < self.station.in_hand

    def _count(self) -> int:
        """So many parcels as fill the hand, by what parcels held lately."""
        return max(1, min(MOST, int(self.station.in_hand / self._parcel_rows)))

    def _take(self, model: int | None, stream: str, entries: Sequence[Any]) -> None:
        for entry_id, fields in entries:
            if model is None:
                self._heard(entry_id, fields)
            elif entry := open_entry(model, stream, entry_id, fields.get(FIELD, b"")):
                self._parcel_rows += NEWEST * (entry.rows - self._parcel_rows)
                self._begin(entry)

    def _heard(self, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        self.letters.append(entry_id)
        word = fields.get(FIELD, b"").decode(errors="replace")
        if word != MORE:
            self._mail(word)

    def _died(self) -> None:
        """What it had read and not begun is in Redis still, under our name."""
        self._rejoined = False

    # -- what is in hand ---------------------------------------------------------------------------

    def age(self, entry_id: bytes) -> float:
        """Seconds since Redis took it."""
        return self.skew.age(entry_id, self._loop.time())

    def _begin(self, entry: Entry, *, alone: bool = False) -> None:
        if entry not in self.hand and entry.model in self.intake.served:
            self.hand.take(entry)
            self.intake.start(entry, self.age(entry.id), alone=alone)

    async def run_alone(self, entry: Entry) -> None:
        """See `Quarantine`."""
        self._begin(entry, alone=True)
        await self.hand.without(entry)
        await self.intake.quiet_alone(entry.model, self._loop.time() + GLANCE)

    async def give_up(self, entry: Entry) -> None:
        """See `Quarantine`."""
        if entry not in self.hand and entry.model in self.intake.served:
            self.hand.take(entry)
            self.intake.give_up(entry)
        await self.hand.without(entry)

    def _left(self, entry: Entry) -> None:
        self.hand.drop(entry)
        if entry.model in self._shut and self._has_room(entry.model):
            self._shut.discard(entry.model)
            self._nudge()

    def _nudge(self) -> None:
        """Wake the read under way, which waits for everybody but whom it left out."""
        self._nudging = self._loop.create_task(self._write_to_ourselves())

    async def _write_to_ourselves(self) -> None:
        try:
            await self._lines.write.call("XADD", self.station.mailbox, "*", FIELD, MORE)
        except (Away, Full, Refused) as error:
            logger.debug("the read under way was not woken: %s", error)

    # -- the end -----------------------------------------------------------------------------------

    async def drain(self, deadline: float, relieved: Callable[[], bool]) -> bool:
        """Read until somebody else does or nothing comes any more, then finish what is in hand.

        Everybody may have been told to stop at once; whoever leaves first must not leave requests
        behind that were accepted. False if `deadline` (loop time) came first.
        """
        while (  # noqa: ASYNC110  # what is waited for is in Redis, where only looking tells
            self._loop.time() < deadline and not (relieved() or await self._nothing_comes())
        ):
            await asyncio.sleep(GLANCE)
        self._stopping = True
        self._nudge()
        await self._stopped.wait()
        finished = await self.hand.empty(deadline)
        return await self.finisher.empty(deadline) and finished

    async def _nothing_comes(self) -> bool:
        if self.hand.idle_seconds < QUIET:
            return False
        try:
            return all([await self.idle(model) for model in self.models()])
        except (Away, Refused):
            return False

    async def forget(self, name: str) -> None:
        """Take a worker's name out of Redis, unless it has something in hand; raises Away."""
        for model in self.models():
            for stream in self.station.streams(model):
                await self._lines.write.script(LEAVE, (stream,), GROUP, name)
        await self._lines.write.call("DEL", self.station.keys.mail(name))

    def close(self) -> None:
        self._supervisor.stop()
        self._quarantine.close()
        self.finisher.close()


def _fields(words: Sequence[bytes]) -> Mapping[bytes, bytes]:
    """The fields of an entry, as a script says them."""
    return dict(zip(words[::2], words[1::2], strict=True))


def _say(error: Exception) -> None:
    """That Redis is away is no news each second; that it refuses is somebody's mistake."""
    if isinstance(error, Refused) and error.code != "NOGROUP":
        logger.error("there is no work: %s", error)
    else:
        logger.debug("there is no work: %s", error)
