"""Answers on their way back: one message for each web process and all that finished meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from inference.core import parcels
from inference.core.parcels import GROUP, Item, Keys, Result
from inference.engine.backoff import Backoff
from inference.engine.change import Change
from inference.engine.link import Away, Link, Refused, Script, Word
from inference.engine.scripts import FINISH
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

TWICE: Final = 2
KEEP_REPLIES: Final = 60_000  # milliseconds that a reply waits for a web process


@dataclass(slots=True, eq=False)
class Entry:
    """A parcel in hand: where it lies, who sent it, what became of its jobs so far."""

    model: int
    stream: str
    id: bytes
    to: str
    items: Sequence[Item]
    results: list[Result] = field(default_factory=list)
    stopped: int = 0  # how often saying it went wrong in a way that nobody foresaw

    @property
    def rows(self) -> int:
        return parcels.rows(self.items)

    @property
    def done(self) -> bool:
        return len(self.results) == len(self.items)


class Finisher:
    """Tries until Redis has heard it: what was computed and logged is not computed again.

    `left` hears of each entry that is out of this worker's hands. `late` counts those that somebody
    else had finished before.
    """

    def __init__(self, link: Link, keys: Keys, left: Callable[[Entry], None]) -> None:
        self.late = 0
        self._link = link
        self._keys = keys
        self._left = left
        self._waiting: list[Entry] = []
        self._saying: list[Entry] = []
        self._filled = asyncio.Event()
        self._change = Change()
        self._backoff = Backoff()
        self._supervisor = Supervisor("weir-finisher", self._live, self._died)

    @property
    def alive(self) -> bool:
        return self._supervisor.alive

    def put(self, entry: Entry) -> None:
        self._waiting.append(entry)
        self._filled.set()

    async def empty(self, deadline: float) -> bool:
        """Until everything was said; False if `deadline` (loop time) came first."""
        return await self._change.until(lambda: not (self._waiting or self._saying), deadline)

    def close(self) -> None:
        self._supervisor.stop()

    async def _live(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            # One turn of the loop: whatever is done in it is said together.
            await asyncio.sleep(0)
            self._saying, self._waiting = self._waiting, []
            await self._finish(self._saying)
            self._saying = []
            self._change.happened()

    async def _finish(self, entries: Sequence[Entry]) -> None:
        by_stream: dict[str, list[Entry]] = {}
        for entry in entries:
            by_stream.setdefault(entry.stream, []).append(entry)
        answers = await self._said([self._script(each) for each in by_stream.values()])
        for each, answer in zip(by_stream.values(), answers, strict=True):
            if isinstance(answer, int):
                self.late += len(each) - answer
            else:
                logger.error("Redis does not take answers: %s", answer)
            for entry in each:
                self._left(entry)

    async def _said(self, calls: Sequence[Script]) -> list[object]:
        while True:
            try:
                answers = await self._link.scripts(calls)
            except (Away, Refused) as error:
                logger.debug("answers wait for Redis: %s", error)
                await self._backoff.pause()
            else:
                self._backoff.reset()
                return answers

    def _script(self, entries: Iterable[Entry]) -> Script:
        first = next(iter(entries))
        names = [first.stream, self._keys.rows(first.model)]
        words: list[Word] = [GROUP, KEEP_REPLIES]
        for entry in entries:
            if entry.to not in names:
                names.append(entry.to)
            said = parcels.reply(entry.results)
            words += (entry.id, entry.rows, names.index(entry.to) + 1, said)
        return FINISH, names, words

    def _died(self) -> None:
        """What was being said is said once more: whoever heard it already does nothing.

        What stops us twice is let go: nobody holds it any more, so another worker will take it.
        """
        saying, self._saying = self._saying, []
        for entry in saying:
            entry.stopped += 1
            if entry.stopped < TWICE:
                self._waiting.append(entry)
            else:
                self._left(entry)
        self._filled.set()
