"""What an engine promises to the rooms above it, whichever side of a queue it lives on."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from inference.core.presence import Beat
from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome, Ticket


class BatchReport(NamedTuple):
    """One batch that was computed, told to the observer: live figures, metrics.

    `queue_seconds` is the wait of the oldest job, `errors` counts rows. `inputs` and `outputs` are
    those of the rows that came out, for whoever only looks at them; of outputs that do not fit each
    other there are none.
    """

    key: Hashable
    jobs: int
    rows: int
    errors: int
    queue_seconds: float
    compute_seconds: float
    inputs: Tensors = ()
    outputs: Tensors = ()


@dataclass(frozen=True, slots=True)
class LaneStats:
    """One model's lane: counts since it was opened, and how it is now.

    `predictions` and `errors` count rows that ran; `refused` and `expired` count jobs;
    `unlogged` counts rows answered in fast mode whose log row could not be written;
    `dropped` counts batches that came back when nobody waited for them any more. `latency` is
    p50, p95 and p99 of the recent answers in seconds, None before the first. `jobs` were answered,
    in `answer_seconds` all together; `queue_seconds` are those before a batch, of all jobs that
    ran, `compute_seconds` those of the batches.
    """

    predictions: int
    batches: int
    errors: int
    refused: int
    expired: int
    unlogged: int
    restarts: int
    queue_rows: int
    running_rows: int
    batch_rows: float
    latency: tuple[float, float, float] | None
    healthy: bool
    dropped: int = 0
    jobs: int = 0
    answer_seconds: float = 0.0
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LogStats:
    """The writer behind the lanes. `written` and `failed` count tickets: one per job."""

    waiting_rows: int
    writes: int
    written: int
    failed: int
    healthy: bool


@dataclass(frozen=True, slots=True)
class EngineStats:
    """The engine now. `healthy` is what readiness asks: nothing is dead, stuck or unwritable.

    Where others hold the models, `workers` are those that are alive, `ailing` says why, if it is
    not healthy, `failures` which models, by algorithm, they could not load, and `sent_rows` how
    many rows, by algorithm, are on their way there or back.
    """

    lanes: Mapping[Hashable, LaneStats]
    log: LogStats | None
    draining: bool
    healthy: bool
    ailing: str = ""
    workers: Mapping[str, Beat] | None = None
    failures: Mapping[int, str] = field(default_factory=dict)
    sent_rows: Mapping[int, int] = field(default_factory=dict)


class Engine(Protocol):
    """Jobs in, outcomes out. To be used from the thread of the event loop."""

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        """Promise an outcome, or a WeirError, by the job's deadline.

        Raises at once: Overloaded (with `retry_after`), Draining, DeadlineExceeded,
        ModelUnavailable, RowInvalid (no rows). Cancelling the future is always allowed: a job that
        has not started is dropped, one that has is finished for its neighbours' sake.

        The job's ticket is settled exactly once if the job gets an outcome, and never if it has
        not run; errors of single rows are part of an outcome.
        """
        ...

    def record(self, ticket: Ticket, mode: LogMode, rows: int = 1) -> asyncio.Future[None]:
        """Log a ticket that never was a job; done when `mode` says the caller may be answered."""
        ...

    async def retire(self, key: Hashable, deadline: float) -> bool:
        """Wait until nothing of this model is under way; False if the deadline came first.

        Jobs may still be submitted meanwhile. After True the model may be unloaded.
        """
        ...

    def stats(self) -> EngineStats: ...

    async def drain(self, deadline: float) -> bool:
        """Refuse new jobs, finish those accepted; False if the deadline came first."""
        ...

    async def close(self) -> None:
        """Stop; whoever still waits gets an error."""
        ...
