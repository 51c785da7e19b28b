"""The worker's side of the queue: parcels in, batches by the local engine, answers out.

It reads for a model only while the model's lane has room, so that what it cannot compute yet stays
where other workers find it, and a slow model keeps nothing from the others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from inference.core.parcels import FIELD, GROUP, Keys
from inference.core.skew import Skew
from inference.core.tickets import Served
from inference.engine.backoff import Backoff
from inference.engine.base import Engine
from inference.engine.change import Change
from inference.engine.finisher import Entry, Finisher
from inference.engine.intake import Intake
from inference.engine.link import Away, Full, Link, Refused, Script
from inference.engine.quarantine import Quarantine, open_entry
from inference.engine.scripts import HOLD, LEAVE
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

BLOCK: Final = 1000  # milliseconds; the connection itself must be given longer
MOST: Final = 64  # parcels of one stream at once
QUIET: Final = 0.5  # seconds without anything to do, after which a stop may end
_GLANCE: Final = 0.05
MORE: Final = "more"  # in one's own mail: a model that was left out has room again


class Lines(NamedTuple):
    """The connections: one that waits for work, one for everything else."""

    read: Link
    write: Link


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows of one model may be in hand; two batches keep it busy while one is read."""

    batch_rows: int = 256

    @property
    def in_hand(self) -> int:
        return 2 * self.batch_rows


class Pump:
    """Carries; batches, threads and the log are the engine's. `mail` hears words sent to it."""

    def __init__(
        self,
        lines: Lines,
        keys: Keys,
        name: str,
        engine: Engine,
        pace: Pace,
        mail: Callable[[str], None],
    ) -> None:
        self.name = name
        self.skew = Skew()
        self.letters: list[bytes] = []  # read from the mail, to be taken out of it
        self.intake = Intake(engine, self._done)
        self._lines = lines
        self._keys = keys
        self._pace = pace
        self._mail = mail
        self._mailbox = keys.mail(name)
        self._held: dict[tuple[str, bytes], Entry] = {}
        self._rows: Counter[int] = Counter()
        self._shut: set[int] = set()  # models that the read under way leaves out
        self._parcel_rows = 1.0
        self._stopping = self._stopped = self._rejoined = False
        self._nudging: asyncio.Task[None] | None = None
        self._change = Change()
        self._backoff = Backoff()
        self._loop = asyncio.get_running_loop()
        self._busy_at = self._loop.time()
        self.finisher = Finisher(lines.write, keys, self._left)
        self._quarantine = Quarantine(lines.write, keys, name, self)
        self._supervisor = Supervisor("weir-pump", self._live, self._died)

    # -- what it serves ----------------------------------------------------------------------------

    def serve(self, served: Mapping[int, Served]) -> None:
        """From now on these; models that are not loaded are not read."""
        self.intake.served = {**served}
        self._rejoined = False

    def models(self) -> Collection[int]:
        return list(self.intake.served)

    @property
    def healthy(self) -> bool:
        return self._supervisor.alive and self.finisher.alive

    @property
    def rows(self) -> int:
        """In hand, of all models."""
        return self._rows.total()

    def holds(self) -> list[Script]:
        """What tells Redis that the entries in hand are looked after."""
        by_stream: dict[str, list[bytes]] = {}
        for stream, entry_id in self._held:
            by_stream.setdefault(stream, []).append(entry_id)
        return [(HOLD, (stream,), (GROUP, self.name, *ids)) for stream, ids in by_stream.items()]

    async def idle(self, model: int) -> bool:
        """Whether nothing waits for this model, here or in Redis; raises Away."""
        streams = (self._keys.jobs(model), self._keys.suspects(model))
        waiting = [await self._lines.write.call("XLEN", stream) for stream in streams]
        return not (self._rows[model] or any(waiting))

    # -- reading -----------------------------------------------------------------------------------

    async def _live(self) -> None:
        while not self._stopping:
            try:
                if not self._rejoined:
                    await self._rejoin()
                await self._read(">", BLOCK)
            except (Away, Full) as error:
                logger.debug("no work: %s", error)
                self._rejoined = False
                await self._backoff.pause()
            except Refused as error:
                if error.code != "NOGROUP":
                    logger.error("no work: %s", error)  # noqa: TRY400  # said by Redis, no trace helps
                self._rejoined = False
                await self._backoff.pause()
        self._stopped = True
        self._change.happened()
        await self._loop.create_future()  # its supervisor would start it again

    async def _rejoin(self) -> None:
        """Make the groups, and take what was delivered to us and got lost on the way."""
        await self.groups()
        self._rejoined = True
        await self._read("0", None)

    async def groups(self) -> None:
        """Streams and groups as if they had always been there."""
        streams = [self._mailbox]
        for model in self.models():
            streams += (self._keys.jobs(model), self._keys.suspects(model))
        for stream in streams:
            try:
                await self._lines.write.call("XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM")
            except Refused as error:
                if error.code != "BUSYGROUP":
                    raise

    async def _read(self, start: str, block: int | None) -> None:
        names = self._readable()
        patience = () if block is None else ("BLOCK", block)
        count = max(1, min(MOST, int(self._pace.in_hand / self._parcel_rows)))
        found = await self._lines.read.call(
            "XREADGROUP", "GROUP", GROUP, self.name, "COUNT", count, *patience,
            "STREAMS", *names, *[start] * len(names),
        )  # fmt: skip
        self._shut = set()
        self._backoff.reset()
        for stream, entries in found or ():
            self._take(names[stream.decode()], stream.decode(), entries)

    def _readable(self) -> dict[str, int | None]:
        """The streams that are read now, by the model they are for; one's own mail has none."""
        models = self.models()
        self._shut = {model for model in models if self._rows[model] >= self._pace.in_hand}
        open_ = {self._keys.jobs(model): model for model in models if model not in self._shut}
        return {self._mailbox: None, **open_}

    def _take(self, model: int | None, stream: str, entries: Any) -> None:
        for entry_id, fields in entries:
            if (stream, entry_id) in self._held or not fields:
                continue
            data = fields[FIELD]
            if model is None:
                self._heard(entry_id, data.decode())
            elif (entry := open_entry(model, stream, entry_id, data)) is not None:
                self._parcel_rows += 0.1 * (entry.rows - self._parcel_rows)
                self._begin(entry)

    def _heard(self, entry_id: bytes, word: str) -> None:
        self.letters.append(entry_id)
        if word != MORE:
            self._mail(word)

    # -- entries in hand ---------------------------------------------------------------------------

    def age(self, entry_id: bytes) -> float:
        """Seconds since Redis took it."""
        return self.skew.age(entry_id, self._loop.time())

    def _begin(self, entry: Entry, *, alone: bool = False) -> None:
        self._hold(entry)
        self.intake.start(entry, self.age(entry.id), alone=alone)

    async def run_alone(self, entry: Entry) -> None:
        """See `Quarantine`; nothing if it is in our own hands."""
        if (entry.stream, entry.id) in self._held or entry.model not in self.intake.served:
            return
        self._begin(entry, alone=True)
        await self._change.until(lambda: (entry.stream, entry.id) not in self._held)

    async def give_up(self, entry: Entry) -> None:
        """Answer with an error what ends whoever computes it."""
        if (entry.stream, entry.id) in self._held or entry.model not in self.intake.served:
            return
        self._hold(entry)
        self.intake.give_up(entry)
        await self._change.until(lambda: (entry.stream, entry.id) not in self._held)

    def _hold(self, entry: Entry) -> None:
        self._held[entry.stream, entry.id] = entry
        self._rows[entry.model] += entry.rows
        self._busy_at = self._loop.time()

    def _done(self, entry: Entry) -> None:
        self.finisher.put(entry)

    def _left(self, entry: Entry) -> None:
        self._held.pop((entry.stream, entry.id), None)
        self._rows[entry.model] -= entry.rows
        self._busy_at = self._loop.time()
        if entry.model in self._shut and self._rows[entry.model] < self._pace.in_hand:
            self._shut.discard(entry.model)
            self._nudge()
        self._change.happened()

    def _nudge(self) -> None:
        """Wake the read under way, which waits for everybody but whom it left out."""
        self._nudging = self._loop.create_task(self._write_to_ourselves())

    async def _write_to_ourselves(self) -> None:
        try:
            await self._lines.write.call("XADD", self._mailbox, "*", FIELD, MORE)
        except (Away, Full, Refused) as error:
            logger.debug("the read under way was not woken: %s", error)

    def _died(self) -> None:
        """What it had read and not begun is in Redis still, under our name."""
        self._rejoined = False

    # -- the end -----------------------------------------------------------------------------------

    async def drain(self, deadline: float, relieved: Callable[[], bool]) -> bool:
        """Read until somebody else does or nothing comes any more, then finish what is in hand.

        Everybody may have been told to stop at once; whoever leaves first must not leave requests
        behind that were accepted. False if `deadline` (loop time) came first.
        """
        while self._loop.time() < deadline and not (relieved() or await self._nothing_comes()):
            await asyncio.sleep(_GLANCE)
        self._stopping = True
        self._nudge()
        await self._change.until(lambda: self._stopped, deadline)
        finished = await self._change.until(lambda: not self._held, deadline)
        return await self.finisher.empty(deadline) and finished

    async def _nothing_comes(self) -> bool:
        if self._held or self._loop.time() - self._busy_at < QUIET:
            return False
        try:
            return all([await self.idle(model) for model in self.models()])
        except (Away, Refused):
            return False

    async def forget(self, name: str) -> None:
        """Take a worker's name out of Redis, unless it has something in hand; raises Away."""
        write = self._lines.write
        for model in self.models():
            for stream in (self._keys.jobs(model), self._keys.suspects(model)):
                await write.script(LEAVE, (stream,), GROUP, name)
        await write.call("DEL", self._keys.mail(name))

    def close(self) -> None:
        self._supervisor.stop()
        self._quarantine.close()
        self.finisher.close()
