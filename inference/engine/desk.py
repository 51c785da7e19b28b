"""Hands each job what became of it: to its ticket first, then to the log, then to the caller."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from math import inf
from time import monotonic

from inference.core.errors import DeadlineExceeded, ModelError, StorageUnavailable, WeirError
from inference.core.types import LogMode
from inference.engine.commit import GroupCommit
from inference.engine.counters import Counters
from inference.engine.waiter import Waiter

logger = logging.getLogger(__name__)


class Desk:
    """Knows everybody who still waits: in the queue, for the model, or for the commit.

    One book of them, kept apart from the queue and the batch, is what makes "nobody waits for
    ever" true: whatever breaks elsewhere, those in the book can be told.
    """

    def __init__(self, log: GroupCommit | None, counters: Counters, left: Callable[[], None]):
        """`left` is called when jobs have left the book outside of the lane's own turn."""
        self.open: dict[Waiter, None] = {}
        self.log = log
        self._counters = counters
        self._left = left

    def hand_out(self, batch: Sequence[Waiter]) -> None:
        """Settle, log and answer jobs whose outcome is known."""
        settled = self._settled(batch)
        if self.log is None:
            self._answer(settled)
            return
        logged = [waiter for waiter in settled if waiter.job.mode is not LogMode.OFF]
        self._answer([waiter for waiter in settled if waiter.job.mode is not LogMode.STRICT])
        for alike in _alike(logged):
            self._commit(alike)

    def drop(self, waiters: Iterable[Waiter], error: Callable[[], WeirError]) -> None:
        """These will get no outcome."""
        for waiter in waiters:
            self.open.pop(waiter, None)
            waiter.fail(error())

    def expire(self, now: float) -> float:
        """Tell those whose deadline has come; the next deadline of those who stay in the book.

        Their work goes on, it is shared; so they stay until it is handed out.
        """
        upcoming = inf
        for waiter in self.open:
            if waiter.deadline > now:
                upcoming = min(upcoming, waiter.deadline)
            elif not waiter.gone:
                where = "its log row was written" if waiter.committing else "the model answered"
                waiter.fail(DeadlineExceeded(f"the deadline passed before {where}"))
                self._counters.expired += 1
        return upcoming

    def _settled(self, batch: Sequence[Waiter]) -> list[Waiter]:
        settled = []
        for waiter in batch:
            try:
                waiter.job.ticket.settle(waiter.outcome)
            except Exception:
                # A ticket is its submitter's code: what it raises is that one job's failure.
                logger.exception("a ticket could not be settled")
                self.drop([waiter], lambda: ModelError("the answer could not be made"))
            else:
                settled.append(waiter)
        return settled

    def _answer(self, waiters: Sequence[Waiter]) -> None:
        now, book = monotonic(), self.open
        for waiter in waiters:
            # Its caller may have hung up meanwhile; its neighbours must not notice.
            if not waiter.answer.done():
                waiter.answer.set_result(waiter.outcome)
            book.pop(waiter, None)
        self._counters.answered([now - waiter.since for waiter in waiters])

    def _commit(self, waiters: list[Waiter]) -> None:
        assert self.log is not None
        if self.log.full:
            waiters = self._shed(waiters)
        if not waiters:
            return
        for waiter in waiters:
            waiter.committing = True
        tickets = [waiter.job.ticket for waiter in waiters]
        rows = sum(waiter.rows for waiter in waiters)
        done, first = partial(self._committed, waiters), waiters[0].job
        patient, leisurely = first.mode is LogMode.FAST, first.leisurely
        try:
            self.log.add(tickets, rows, done, patient=patient, leisurely=leisurely)
        except Exception:
            # Whatever is the matter with the log, those who wait for it must be told.
            logger.exception("the log took nothing")
            self._committed(waiters, range(len(waiters)))

    def _shed(self, waiters: list[Waiter]) -> list[Waiter]:
        """In fast mode an overloaded log never holds up predictions; in strict mode it must."""
        strict = [waiter for waiter in waiters if waiter.job.mode is LogMode.STRICT]
        shed = sum(w.rows for w in waiters) - sum(w.rows for w in strict)
        if shed:
            self._counters.unlogged += shed
            logger.error("the log is full: rows answered but not logged", extra={"rows": shed})
        return strict

    def _committed(self, waiters: Sequence[Waiter], failed: Collection[int]) -> None:
        for index in failed:
            waiter = waiters[index]
            if waiter.job.mode is LogMode.FAST:
                self._counters.unlogged += waiter.rows
            self.drop([waiter], StorageUnavailable)
        if failed:
            waiters = [waiter for index, waiter in enumerate(waiters) if index not in failed]
        self._answer([waiter for waiter in waiters if waiter.job.mode is LogMode.STRICT])
        self._left()


def _alike(waiters: Sequence[Waiter]) -> Iterator[list[Waiter]]:
    """Those whose rows are written in the same way, the strict ones first."""
    for mode in (LogMode.STRICT, LogMode.FAST):
        for leisurely in (False, True):
            jobs = [w for w in waiters if w.job.mode is mode and w.job.leisurely is leisurely]
            if jobs:
                yield jobs
