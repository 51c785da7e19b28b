"""One commit for all that finished while the previous one was being written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from functools import partial
from time import monotonic
from typing import NamedTuple

from inference.core.errors import StorageUnavailable
from inference.core.types import Ticket
from inference.engine.base import LogStats
from inference.engine.change import Change
from inference.engine.leisure import Leisure
from inference.engine.rescue import Write, write_all
from inference.engine.spool import Spool
from inference.engine.thread import Caller, Thread

logger = logging.getLogger(__name__)

# Told, by index, which tickets could not be written; the others are committed.
Done = Callable[[Collection[int]], None]
# A write that takes longer, in seconds, is not slow but stuck.
STUCK = 10.0


class Group(NamedTuple):
    """Tickets that came together and are told together; `patient` ones were answered already."""

    tickets: Sequence[Ticket]
    rows: int
    done: Done
    patient: bool


class GroupCommit:
    """Calls `write` on a thread of its own, never twice at once, with all that came meanwhile.

    `max_rows` bounds what may wait: whoever adds looks at `full` first, or waits for `room`. While
    `write` raises StorageUnavailable, patient tickets are kept apart, and tried again and again.
    Leisurely ones are gathered, and written in portions between those that somebody waits for.
    """

    def __init__(
        self,
        write: Write,
        *,
        max_rows: int = 8192,
        patience: float = 5.0,
        thread: Callable[[str], Caller] = Thread,
    ) -> None:
        """`patience`, in seconds, bounds the search for the ticket that cannot be written."""
        self._write = write
        self._max_rows = max_rows
        self._patience = patience
        self._make_thread = thread
        self._thread: Caller | None = None
        self._waiting: list[Group] = []
        self._writing: list[Group] = []
        self._since = 0.0
        self._rows = 0
        self._spool = Spool(self._again)
        self._leisure: Leisure[Group] = Leisure(self._go_on)
        self._at_leisure = False  # the write under way
        self._change = Change()
        self._closed = False
        self._writes = self._written = self._failed = 0
        self._last_failed = False

    @property
    def full(self) -> bool:
        return self._rows >= self._max_rows

    def add(
        self,
        tickets: Sequence[Ticket],
        rows: int,
        done: Done,
        *,
        patient: bool = False,
        leisurely: bool = False,
    ) -> None:
        """Write these; `done` is called on the loop once they are, or are known not to be."""
        group = Group(tickets, rows, done, patient)
        self._rows += rows
        if self._closed:
            self._finish(group, range(len(tickets)))
        elif leisurely:
            self._leisure.add(group)
        elif patient and self._spool:
            self._keep(group)  # what has waited longer is tried first
        else:
            self._write_soon([group])

    def settle(
        self, ticket: Ticket, rows: int = 1, *, patient: bool = False
    ) -> asyncio.Future[None]:
        """Write this one; done when it is committed, StorageUnavailable if it cannot be."""
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.full:
            answer.set_exception(StorageUnavailable("the log is full", retry_after=1.0))
        else:
            self.add([ticket], rows, partial(_tell, answer), patient=patient)
        return answer

    async def room(self) -> None:
        """Until less than `max_rows` wait."""
        await self._change.until(lambda: not self.full)

    async def drain(self, deadline: float) -> bool:
        """Until nothing waits; False if `deadline` (loop time) came first."""
        self._leisure.hurry()
        return await self._change.until(lambda: not (self._rows or self._spool), deadline)

    def close(self) -> None:
        """Begin no further write; whoever waits for one is told that it was not made."""
        self._closed = True
        kept = self._spool.close()
        self._rows += sum(group.rows for group in kept)
        waiting, self._waiting = [*self._waiting, *kept, *self._leisure.close()], []
        for group in waiting:
            self._finish(group, range(len(group.tickets)))
        if self._thread is not None:
            self._thread.close()

    def stats(self) -> LogStats:
        stuck = bool(self._writing) and monotonic() - self._since > STUCK
        healthy = not (self._last_failed or stuck)
        waiting = self._rows + self._spool.rows
        return LogStats(waiting, self._writes, self._written, self._failed, healthy)

    def _again(self, groups: Sequence[Group]) -> None:
        self._rows += sum(group.rows for group in groups)
        self._write_soon(groups)

    def _write_soon(self, groups: Sequence[Group]) -> None:
        self._waiting.extend(groups)
        self._go_on()

    def _go_on(self) -> None:
        if not self._writing and (self._waiting or self._leisure.ready):
            self._next()

    def _keep(self, group: Group) -> None:
        if self._spool.keep(group):
            self._rows -= group.rows
            self._change.happened()
        else:
            self._finish(group, range(len(group.tickets)))

    def _next(self) -> None:
        if self._thread is None:
            self._thread = self._make_thread("weir-log")
        # After a portion of those at leisure, whoever waits has his turn first.
        self._at_leisure = self._leisure.ready and not (self._waiting and self._at_leisure)
        if self._at_leisure:
            self._writing = self._leisure.take()
        else:
            self._writing, self._waiting = self._waiting, []
        self._since = monotonic()
        tickets = [ticket for group in self._writing for ticket in group.tickets]
        self._thread.call(partial(write_all, self._write, tickets, self._patience), self._wrote)

    def _wrote(self, failed: frozenset[int] | None, error: BaseException | None) -> None:
        groups, self._writing = self._writing, []
        self._go_on()  # the thread gets its next work before anybody here is answered
        if failed is None:
            logger.error("the log could not be written", exc_info=error)
            failed = frozenset(range(sum(len(group.tickets) for group in groups)))
        self._writes += 1
        self._last_failed = bool(failed)
        away = isinstance(error, StorageUnavailable)
        start = 0
        for group in groups:
            stop = start + len(group.tickets)
            if away and group.patient and not self._closed:
                self._keep(group)
            else:
                lost = [i - start for i in failed if start <= i < stop] if failed else ()
                self._finish(group, lost)
            start = stop

    def _finish(self, group: Group, failed: Collection[int]) -> None:
        self._rows -= group.rows
        self._failed += len(failed)
        self._written += len(group.tickets) - len(failed)
        try:
            group.done(failed)
        except Exception:
            # One who cannot be told must not keep the others from being told.
            logger.exception("a committed group could not be answered")
        self._change.happened()


def _tell(answer: asyncio.Future[None], failed: Collection[int]) -> None:
    if answer.done():
        return
    if failed:
        answer.set_exception(StorageUnavailable())
    else:
        answer.set_result(None)
