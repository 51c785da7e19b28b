"""Who waits for a worker's answer: found by number, told once, never later than his deadline."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from math import inf
from time import monotonic

from inference.core import parcels
from inference.core.errors import DeadlineExceeded, WeirError
from inference.core.parcels import Result
from inference.core.tickets import Part
from inference.core.types import Outcome
from inference.engine.alarm import Alarm
from inference.engine.change import Change

_NOTHING = Outcome(None)


class Sent:
    """A job on its way: with a worker, with Redis, or not even there yet.

    `entry` names the parcel that it is in. `missed` says that the parcel was not there at the last
    look; `held`, that it is no longer in a parcel but will be answered all the same.
    """

    __slots__ = (
        "answer",
        "deadline",
        "entry",
        "held",
        "hurried",
        "missed",
        "model",
        "number",
        "part",
        "since",
    )

    def __init__(
        self,
        number: int,
        part: Part,
        answer: asyncio.Future[Outcome],
        deadline: float,
        *,
        hurried: bool,
    ) -> None:
        self.number = number
        self.hurried = hurried
        self.model = part.served.algorithm.id
        self.part = part
        self.answer = answer
        self.deadline = deadline
        self.since = monotonic()
        self.entry = b""
        self.missed = self.held = False

    @property
    def rows(self) -> int:
        return len(self.part.ids)

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.answer.done()


class Book:
    """Knows everybody who waits. `late` counts answers to nobody: told before, or asked twice.

    `answered` is told of each answer to somebody in a hurry: the model, the seconds that it took.
    """

    def __init__(self, answered: Callable[[int, float], None] | None = None) -> None:
        self._answered = answered
        self._rows: Counter[int] = Counter()  # by model
        self._hurried: Counter[int] = Counter()  # of them, by model
        self.late = 0
        self.expired: Counter[int] = Counter()  # by model
        self._open: dict[int, Sent] = {}
        self._number = 0
        self._loop = asyncio.get_running_loop()
        self._alarm = Alarm(self._ring)
        self._change = Change()

    def __len__(self) -> int:
        return len(self._open)

    @property
    def rows(self) -> int:
        """Of all models."""
        return self._rows.total()

    def rows_by_model(self) -> dict[int, int]:
        return dict(self._rows)

    def rows_of(self, model: int) -> int:
        return self._rows[model]

    def hurried_of(self, model: int) -> int:
        """Rows of those who would rather be refused than wait long."""
        return self._hurried[model]

    def __iter__(self) -> Iterator[Sent]:
        return iter(self._open.values())

    def enter(self, part: Part, deadline: float, *, hurried: bool = False) -> Sent:
        """`deadline` is in seconds of the loop's clock."""
        self._number += 1
        sent = Sent(self._number, part, self._loop.create_future(), deadline, hurried=hurried)
        self._open[sent.number] = sent
        self._count(sent, sent.rows)
        if deadline < self._alarm.at:
            self._alarm.set(deadline)
        return sent

    def settle(self, result: Result) -> None:
        """An answer came; one for nobody is counted and dropped."""
        sent = self._open.get(result.number)
        if sent is None:
            self.late += 1
            return
        self._leave(sent)
        if sent.hurried and self._answered is not None:
            self._answered(sent.model, monotonic() - sent.since)
        if sent.gone:
            return
        if result.failure is not None:
            sent.answer.set_exception(parcels.error(result.failure))
            return
        errors = parcels.errors(result.errors)
        sent.part.told(result.texts, errors, parcels.outputs(result))
        sent.answer.set_result(_NOTHING)

    def hold(self, numbers: Iterable[int]) -> None:
        """These are not in their parcel any more."""
        for number in numbers:
            if (sent := self._open.get(number)) is not None:
                sent.held = True

    def fail(self, jobs: Iterable[Sent], error: Callable[[], WeirError]) -> None:
        """These will get no answer."""
        for sent in jobs:
            if self._open.get(sent.number) is sent:
                self._leave(sent)
                if not sent.gone:
                    sent.answer.set_exception(error())

    async def empty(self, deadline: float) -> bool:
        """Until nobody waits; False if `deadline` (loop time) came first."""
        return await self._change.until(lambda: not self._open, deadline)

    def close(self, error: Callable[[], WeirError]) -> None:
        self._alarm.stop()
        self.fail(list(self._open.values()), error)

    def _leave(self, sent: Sent) -> None:
        del self._open[sent.number]
        self._count(sent, -sent.rows)
        self._change.happened()

    def _count(self, sent: Sent, rows: int) -> None:
        self._rows[sent.model] += rows
        if sent.hurried:
            self._hurried[sent.model] += rows

    def _ring(self) -> None:
        """Tell those whose deadline has come; whatever still comes for them is for nobody."""
        now, upcoming = self._loop.time(), inf
        due = []
        for sent in self._open.values():
            if sent.deadline <= now:
                due.append(sent)
            else:
                upcoming = min(upcoming, sent.deadline)
        self.expired.update(sent.model for sent in due if not sent.gone)
        self.fail(due, lambda: DeadlineExceeded("the deadline passed before a worker answered"))
        self._alarm.set(upcoming)
