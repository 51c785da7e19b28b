"""Who may join a queue, and when those who may not should come back."""

from __future__ import annotations

from typing import NamedTuple

from inference.core.batching import BatchPolicy
from inference.core.errors import Overloaded
from inference.core.latency import LatencyModel
from inference.core.standing import Standing

# Seconds. Sooner than the one only adds load; later than the other is a guess. (HTTP's header has
# whole seconds, at least one; bodies and frames say it to the millisecond.)
SOONEST = 0.05
LATEST = 30.0
_BATCHES = 2  # full ones
UNKNOWN = 1.0  # while nobody knows how fast the queue is worked off


class Ahead(NamedTuple):
    """What is in the way: `rows` that wait, `hurried` of them in a hurry, and the batch under way.

    `running` is how many seconds that still needs.
    """

    rows: int
    running: float = 0.0
    hurried: int = 0


class Admission:
    """The door of one lane: bounded by rows, and by the age the last row would reach."""

    __slots__ = ("_latency", "_policy", "_standing")

    def __init__(self, policy: BatchPolicy, latency: LatencyModel) -> None:
        self._policy = policy
        self._latency = latency
        self._standing = Standing()

    def refusal(
        self, rows: int, ahead: Ahead, patience: float, now: float, *, hurried: bool = False
    ) -> Overloaded | None:
        """Why `rows` more may not wait behind what is `ahead`, or None if they may.

        `patience` is what the caller still has, in seconds. Who is `hurried` would rather ask again
        than stand in a long queue of his like. A stream that fills the queue is no reason to turn
        him away, for it will fill it again. An idle lane takes any job, be it larger than the queue
        or forecast to be late: only running it can mend a wrong forecast.
        """
        waiting, running = ahead.rows, ahead.running
        if not waiting and not running:
            return None
        if hurried and (wait := self._seconds(ahead.hurried)) > self.wait(ahead.hurried, now):
            message = f"{ahead.hurried} rows are waiting in a hurry, which takes {wait:.3f} s"
            return self._later(message, waiting, running)
        if waiting and waiting + rows > self._policy.max_queue_rows:
            return self._later(
                f"{waiting} rows are waiting; {rows} more do not fit", waiting, running
            )
        wait = running + self._seconds(waiting + rows)
        if wait > patience:
            message = f"the answer would take {wait:.1f} s, but is wanted within {patience:.1f} s"
            return self._later(message, waiting, running)
        return None

    def wait(self, hurried: int, now: float) -> float:
        """How many seconds whoever is in a hurry waits for the `hurried` rows of others who are.

        For as long as it takes to swallow a burst; no longer than it takes to keep the model busy
        if the queue stands anyway.
        """
        policy = self._policy
        batches = _BATCHES * self._seconds(policy.max_rows)
        short = max(batches, policy.standing_seconds)
        if self._standing.look(now, long=self._seconds(hurried) > short):
            return short
        return max(batches, policy.wait_seconds)

    def horizon(self) -> float:
        """Patience in seconds that no queue of an otherwise idle lane can outlast."""
        return self._seconds(self._policy.max_queue_rows)

    def _later(self, message: str, waiting: int, running: float) -> Overloaded:
        known = self._latency.seconds(self._policy.max_rows) is not None
        seconds = running + self._seconds(waiting) if known else UNKNOWN
        return Overloaded(message, retry_after=_bounded(seconds))

    def _seconds(self, rows: int) -> float:
        """How long so many rows take in batches as large as the policy allows."""
        full = self._latency.seconds(self._policy.max_rows)
        if full is None:
            return 0.0
        batches, rest = divmod(rows, self._policy.max_rows)
        return batches * full + ((self._latency.seconds(rest) or 0.0) if rest else 0.0)


class RemoteAdmission:
    """The door to queues elsewhere, which are known by how long their answers take, and no more."""

    __slots__ = ("_batch_rows", "_models", "_standing_seconds")

    def __init__(self, batch_rows: int, standing_seconds: float) -> None:
        """`batch_rows` is how many a worker takes at once."""
        self._batch_rows = batch_rows
        self._standing_seconds = standing_seconds
        self._models: dict[int, Standing] = {}

    def answered(self, model: int, seconds: float, now: float) -> None:
        """Somebody in a hurry had his answer after so many seconds."""
        standing = self._models.setdefault(model, Standing())
        standing.look(now, long=seconds > self._standing_seconds)

    def refusal(
        self, model: int, hurried: int, workers: int, rate: float, now: float
    ) -> Overloaded | None:
        """Why somebody in a hurry may not wait behind `hurried` rows of others who are, or None.

        He may as long as they are two full batches for each worker, which keep it busy, and as long
        as the queue does not stand. `rate` is how many rows a second all workers answer.
        """
        if hurried <= _BATCHES * self._batch_rows * max(1, workers):
            return None
        standing = self._models.get(model)
        if standing is None or not standing.stands(now):
            return None
        message = f"{hurried} rows are waiting in a hurry, and the queue does not get shorter"
        return Overloaded(message, retry_after=pause(hurried, rate))


def pause(waiting: int, rate: float) -> float:
    """When to come back, in seconds, to a queue that others work off at so many rows a second."""
    return _bounded(waiting / rate) if rate > 0.0 else UNKNOWN


def _bounded(seconds: float) -> float:
    return min(max(seconds, SOONEST), LATEST)
