"""When a batch leaves, and which jobs are in it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from math import inf
from operator import attrgetter
from typing import Generic, NamedTuple, Protocol, TypeVar

from inference.core.latency import NO_LIMIT, LatencyModel
from inference.core.precedence import Level


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """How large a batch, how long a queue (both in rows), how many seconds on the loop itself.

    Whoever is in a hurry waits `wait_seconds` for others in a burst, `standing_seconds` in a queue
    that does not get shorter; or two full batches if they take longer, for two keep a model busy,
    and with more behind them everybody only waits longer.
    """

    max_rows: int = 512
    max_queue_rows: int = 8192
    inline_seconds: float = 0.001
    wait_seconds: float = 1.0
    standing_seconds: float = 0.05


_DEADLINE = attrgetter("deadline")


class Waiting(Protocol):
    """What the window asks of a job. `gone`: nobody waits for its answer any more.

    See `Admission` for who is `hurried`.
    """

    @property
    def rows(self) -> int: ...

    @property
    def deadline(self) -> float: ...

    @property
    def gone(self) -> bool: ...

    @property
    def hurried(self) -> bool: ...

    @property
    def level(self) -> Level: ...


W = TypeVar("W", bound=Waiting)


class Taken(NamedTuple, Generic[W]):
    """The next batch, and the jobs met on the way to it that must not run: late or gone."""

    batch: list[W]
    dropped: list[W]


class Window(Generic[W]):
    """Jobs waiting for company, by level and the oldest first.

    There is no due time: the batch that is ready leaves as soon as the model is free, and grows
    only for as long as it is not. `hurried` are those of the `rows` that are in a hurry.
    """

    __slots__ = ("_first", "_last", "_max_rows", "_waiting", "hurried", "rows")

    def __init__(self, policy: BatchPolicy) -> None:
        self._max_rows = policy.max_rows
        self._waiting: deque[W] = deque()
        self._first = self._last = 0  # jobs of these levels, at either end
        self.rows = self.hurried = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, job: W) -> None:
        """Let it wait; whether it may is `admission`'s question."""
        self._place(job)
        self.rows += job.rows
        if job.hurried:
            self.hurried += job.rows

    def _place(self, job: W) -> None:
        level = job.level
        if level is Level.USUAL and not self._last:  # as nearly always
            self._waiting.append(job)
        elif level is Level.FIRST:
            self._waiting.insert(self._first, job)
            self._first += 1
        elif level is Level.LAST:
            self._waiting.append(job)
            self._last += 1
        else:
            self._waiting.insert(len(self._waiting) - self._last, job)

    def take(self, now: float, latency: LatencyModel) -> Taken[W]:
        """The oldest jobs that fit one batch and still make the tightest deadline among them.

        At most `max_rows` rows, except for one job that is larger than that by itself: it runs
        alone.
        """
        waiting, total, cap, tightest = self._waiting, 0, self._max_rows, inf
        if self._all_fit(now, latency):
            return self._take_all()
        taken: Taken[W] = Taken([], [])
        while waiting:
            job = waiting[0]
            if job.gone or job.deadline <= now:
                taken.dropped.append(self._next())
                continue
            if job.deadline < tightest:
                tightest = job.deadline
                cap = min(cap, _reach(job, now, latency))
            if taken.batch and total + job.rows > cap:
                break
            taken.batch.append(self._next())
            total += job.rows
        return taken

    def _next(self) -> W:
        job = self._waiting.popleft()
        self._discount(job)
        return job

    def _discount(self, job: W) -> None:
        self.rows -= job.rows
        if job.hurried:
            self.hurried -= job.rows
        if job.level is Level.FIRST:
            self._first -= 1
        elif job.level is Level.LAST:
            self._last -= 1

    def clear(self) -> None:
        """Forget everybody; whoever calls this tells them."""
        self._waiting.clear()
        self._first = self._last = 0
        self.rows = self.hurried = 0

    def _all_fit(self, now: float, latency: LatencyModel) -> bool:
        """The usual case, asked at the speed of C; if in doubt, one by one tells."""
        if not self._waiting or self.rows > self._max_rows:
            return False
        tightest = min(map(_DEADLINE, self._waiting))
        return tightest > now and self.rows <= latency.rows_within(tightest - now)

    def _take_all(self) -> Taken[W]:
        batch = [job for job in self._waiting if not job.gone]
        dropped = [] if len(batch) == len(self._waiting) else [j for j in self._waiting if j.gone]
        self.clear()
        return Taken(batch, dropped)

    def expired(self, now: float) -> list[W]:
        """Take out those whose deadline has come."""
        return self._remove([job for job in self._waiting if job.deadline <= now])

    def sweep(self) -> list[W]:
        """Take out those nobody waits for: abandoned work must not keep others out."""
        return self._remove([job for job in self._waiting if job.gone])

    def _remove(self, jobs: list[W]) -> list[W]:
        if jobs:
            unwanted = {id(job) for job in jobs}
            self._waiting = deque(job for job in self._waiting if id(job) not in unwanted)
            for job in jobs:
                self._discount(job)
        return jobs


def _reach(job: Waiting, now: float, latency: LatencyModel) -> int:
    """How many rows a batch with this job may have.

    A job that is lost even if it runs alone must not shrink the batch of its neighbours too.
    """
    reach = latency.rows_within(job.deadline - now)
    return reach if reach >= job.rows else NO_LIMIT
