"""Jobs on their way to Redis: whatever came while the last parcel was being taken goes together."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Final

from inference.core import parcels
from inference.core.admission import pause
from inference.core.errors import DeadlineExceeded, ModelError, Overloaded, QueueUnavailable
from inference.core.parcels import KEEP, Item, Keys
from inference.engine.backoff import Backoff
from inference.engine.book import Book, Sent
from inference.engine.link import Away, Full, Link, Refused, Script
from inference.engine.scripts import ADMIT, PROBE
from inference.engine.supervisor import Supervisor

logger = logging.getLogger(__name__)

PATIENCE: Final = 2.0  # seconds that a job waits for Redis to come back
MOST_BYTES: Final = 1 << 20  # in one parcel, unless a single job is larger

Packed = list[tuple[Sent, Item]]


@dataclass(frozen=True, slots=True)
class Post:
    """What a parcel may hold, and how many rows may wait for one model in all of Redis."""

    keys: Keys
    to: str
    parcel_rows: int
    queue_rows: int


class Outbound:
    """Sends parcels one round after the other; what a round could not send is in the next."""

    def __init__(self, link: Link, post: Post, book: Book, rate: Callable[[int], float]) -> None:
        """`rate` says how many rows of a model are answered a second, 0 if it does not know."""
        self.refused: Counter[int] = Counter()  # jobs, by model
        self._link = link
        self._post = post
        self._book = book
        self._rate = rate
        self._waiting: list[Sent] = []
        self._filled: asyncio.Future[None] | None = None
        self._away_since = inf
        self._backoff = Backoff()
        self._loop = asyncio.get_running_loop()
        self._supervisor = Supervisor("weir-outbound", self._live, lambda: None)

    @property
    def away(self) -> bool:
        """Whether Redis has been away for longer than a job waits for it."""
        return monotonic() - self._away_since > PATIENCE

    @property
    def healthy(self) -> bool:
        return self._supervisor.alive and self._away_since == inf

    def put(self, sent: Sent) -> None:
        self._waiting.append(sent)
        filled, self._filled = self._filled, None
        if filled is not None and not filled.done():
            filled.set_result(None)

    def close(self) -> None:
        self._supervisor.stop()

    async def _live(self) -> None:
        while True:
            if not self._waiting:
                await self._idle()
            # One turn of the loop: whoever comes in it travels along.
            await asyncio.sleep(0)
            round_, self._waiting = self._waiting, []
            if jobs := self._wanted(round_):
                await self._send(jobs)

    async def _idle(self) -> None:
        """Until somebody comes. While Redis is away nobody may, so its return is looked for."""
        if self._away_since < inf:
            await self._probe()
            return
        self._filled = self._loop.create_future()
        await self._filled

    async def _probe(self) -> None:
        try:
            await self._link.script(PROBE, ())
        except (Away, Refused) as error:
            logger.debug("Redis is still away: %s", error)
            await self._backoff.pause()
        else:
            self._returned()

    def _returned(self) -> None:
        self._away_since = inf
        self._backoff.reset()

    def _wanted(self, jobs: Sequence[Sent]) -> list[Sent]:
        """Those that somebody waits for; the others are struck out."""
        self._book.fail([sent for sent in jobs if sent.gone], DeadlineExceeded)
        return [sent for sent in jobs if not sent.gone]

    async def _send(self, jobs: Sequence[Sent]) -> None:
        packed = list(self._packed(jobs))
        if not packed:
            return
        try:
            answers = await self._link.scripts([self._admission(each) for each in packed])
        except Away as error:
            await self._wait(jobs, error)
            return
        self._returned()
        for each, answer in zip(packed, answers, strict=True):
            self._sent([sent for sent, _ in each], answer)

    def _packed(self, jobs: Sequence[Sent]) -> Iterator[Packed]:
        now = self._loop.time()
        by_model: dict[int, Packed] = {}
        for sent in jobs:
            if (item := self._item(sent, now)) is not None:
                by_model.setdefault(sent.model, []).append((sent, item))
        for each in by_model.values():
            yield from _cut(each, self._post.parcel_rows)

    def _item(self, sent: Sent, now: float) -> Item | None:
        try:
            return parcels.item(sent.part, sent.number, sent.deadline - now)
        except Exception:
            # One that cannot be packed must not cost its neighbours their answers.
            logger.exception("a job could not be packed")
            self._book.fail([sent], ModelError)
            return None

    def _admission(self, packed: Packed) -> Script:
        keys, model = self._post.keys, packed[0][0].model
        items = [item for _, item in packed]
        data = parcels.parcel(self._post.to, items)
        words = (self._post.queue_rows, parcels.rows(items), KEEP, data)
        return ADMIT, (keys.jobs(model), keys.rows(model)), words

    def _sent(self, jobs: Sequence[Sent], answer: object) -> None:
        if isinstance(answer, list) and answer[0] == 1:
            for sent in jobs:
                sent.entry, sent.missed = answer[1], False
            return
        self.refused[jobs[0].model] += len(jobs)
        if isinstance(answer, list):
            message, later = f"{answer[1]} rows are waiting", self._later(jobs[0].model, answer[1])
            self._book.fail(jobs, lambda: Overloaded(message, retry_after=later))
        elif isinstance(answer, Full):
            self._book.fail(jobs, lambda: Overloaded("Redis is full", retry_after=1.0))
        else:
            logger.error("Redis does not take jobs: %s", answer)
            self._book.fail(jobs, lambda: QueueUnavailable(retry_after=1.0))

    def _later(self, model: int, waiting: int) -> float:
        return pause(waiting, self._rate(model))

    async def _wait(self, jobs: Sequence[Sent], error: Away) -> None:
        """Whether the parcels were taken is not known; sent twice, they are logged once."""
        now = monotonic()
        if self._away_since == inf:
            logger.warning("Redis is away: %s", error)
        self._away_since = min(self._away_since, now)
        late = [sent for sent in jobs if now - max(sent.since, self._away_since) > PATIENCE]
        self._book.fail(late, lambda: QueueUnavailable(retry_after=1.0))
        self._waiting = self._wanted(jobs) + self._waiting
        await self._backoff.pause()


def _cut(packed: Packed, most_rows: int) -> Iterator[Packed]:
    """At most so many rows and bytes together; a job is never cut."""
    parcel: Packed = []
    rows = size = 0
    for sent, item in packed:
        weight = parcels.weight(item)
        if parcel and (rows + sent.rows > most_rows or size + weight > MOST_BYTES):
            yield parcel
            parcel, rows, size = [], 0, 0
        parcel.append((sent, item))
        rows += sent.rows
        size += weight
    yield parcel
