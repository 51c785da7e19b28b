"""A job inside the engine, with the future its caller holds."""

from __future__ import annotations

import asyncio

from inference.core.errors import WeirError
from inference.core.precedence import Level
from inference.core.types import Job, Outcome


class Waiter:
    """Settled at most once: its caller may have hung up, its deadline may have answered first."""

    __slots__ = ("answer", "committing", "deadline", "job", "outcome", "rows", "since")

    # Set when its rows have run, before it is handed out.
    outcome: Outcome

    def __init__(self, job: Job, rows: int, answer: asyncio.Future[Outcome], since: float) -> None:
        self.job = job
        self.rows = rows
        self.deadline = job.deadline
        self.answer = answer
        self.since = since
        self.committing = False

    @property
    def gone(self) -> bool:
        """Whether nobody waits for it any more."""
        return self.answer.done()

    @property
    def hurried(self) -> bool:
        return self.job.hurried

    @property
    def level(self) -> Level:
        return self.job.level

    def fail(self, error: WeirError) -> None:
        if not self.answer.done():
            self.answer.set_exception(error)
