"""Counts what goes through the models of this process, and has the counts written down.

Runs wherever models run. Nothing waits for it: a batch is put into a basin on its way out, every
few seconds the basins are emptied, and a thread adds what was in them to the database. A count
belongs to the window in which it was emptied, so it may be a few seconds late. What could not be
written is kept for the next time; what a process that was killed had not written yet is lost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import Final

from channels.db import database_sync_to_async
from django.db import Error
from django.utils import timezone

from inference.core.basin import Basin
from inference.core.drift import Counts
from inference.core.reference import Reference
from inference.core.tensors import cut
from inference.engine.base import BatchReport

log = logging.getLogger(__name__)

# Numbers of one model in a second: about 2,000 rows of 30 columns. A window of half a million rows
# says as much as one of more, and who is asked so often has no processor to spare.
MOST_CELLS: Final = 64_000
FLUSH: Final = 3.0  # seconds
LOOK: Final = 15.0  # seconds between two looks at what was counted
MOST_KEPT: Final = 64  # windows of algorithms, while the database is away

Counted = dict[tuple[int, datetime], Counts]
Write = Callable[[Mapping[tuple[int, datetime], Counts], str], None]


class Looking:
    """Has what was counted looked at, every `seconds`; `look` runs in a thread."""

    def __init__(self, look: Callable[[datetime], object], seconds: float) -> None:
        self._look = database_sync_to_async(look, thread_sensitive=False)
        self._seconds = seconds

    async def run(self) -> None:
        """Until cancelled; a database that is away changes nothing."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self._look(timezone.now())
            except Exception:  # a background task: the next look sees the same
                log.warning("what was counted was not looked at", exc_info=True)


class Watching:
    """Lives on the event loop. `find` gives the reference of an algorithm that runs here.

    `shard` is the name that this process counts under, see `services.drifting`; `seconds` is how
    long a window is.
    """

    def __init__(
        self,
        find: Callable[[int], Reference | None],
        write: Write,
        shard: Callable[[], str],
        seconds: float,
    ) -> None:
        self._find = find
        self._write = database_sync_to_async(write, thread_sensitive=False)
        self._shard = shard
        self._seconds = seconds
        self._basins: dict[int, Basin | None] = {}
        self._kept: Counted = {}
        self._second = 0
        self._spent: dict[int, int] = {}

    def saw(self, report: BatchReport) -> None:
        """A batch was computed. Whatever is wrong with that costs the counts, never the batch."""
        algorithm_id: int = getattr(report.key, "algorithm_id", -1)
        try:
            basin = self._basins[algorithm_id]
        except KeyError:
            basin = self._opened(algorithm_id)
        if basin is None or not report.outputs:
            return
        rows = self._afford(algorithm_id, len(report.inputs[0]), basin.width)
        try:
            if rows:
                basin.pour(cut(report.inputs, 0, rows), cut(report.outputs, 0, rows))
        except Exception:  # of a model that is not what its reference says: once, not each time
            log.exception("algorithm %s is not counted any more", algorithm_id)
            self._basins[algorithm_id] = None

    async def run(self) -> None:
        """Write down now and then, until cancelled."""
        while True:
            await asyncio.sleep(min(FLUSH, self._seconds))
            await self.flush()

    async def flush(self) -> None:
        """Write down what was counted so far."""
        self._empty()
        if not self._kept:
            return
        written = self._kept
        self._kept = {}
        try:
            await self._write(written, self._shard())
        except Error:
            log.warning("what was counted is written later", exc_info=True)
            self._keep(written)
        except Exception:  # a background task: these counts are lost, nothing else is
            log.exception("what was counted could not be written")

    def _afford(self, algorithm_id: int, rows: int, width: int) -> int:
        """How many of these rows may still be counted in this second, which then are."""
        second = int(monotonic())
        if second != self._second:
            self._second = second
            self._spent.clear()
        spent = self._spent.get(algorithm_id, 0)
        taken = min(rows, -((spent - MOST_CELLS) // width)) if spent < MOST_CELLS else 0
        self._spent[algorithm_id] = spent + taken * width
        return taken

    def _opened(self, algorithm_id: int) -> Basin | None:
        reference = self._find(algorithm_id)
        self._basins[algorithm_id] = basin = Basin(reference) if reference else None
        return basin

    def _empty(self) -> None:
        window = window_of(timezone.now(), self._seconds)
        for algorithm_id, basin in list(self._basins.items()):
            counts = basin.take() if basin is not None else None
            if counts is not None and counts.rows:
                self._keep({(algorithm_id, window): counts})
            elif self._find(algorithm_id) is None:
                # It is not here any more; or it is, without a reference, which is found out again.
                del self._basins[algorithm_id]

    def _keep(self, counted: Counted) -> None:
        for key, counts in counted.items():
            known = self._kept.get(key)
            self._kept[key] = counts if known is None else known + counts
        while len(self._kept) > MOST_KEPT:
            oldest = min(self._kept, key=lambda key: key[1])
            log.warning("%s rows of %s are not counted", self._kept.pop(oldest).rows, oldest[1])


def window_of(moment: datetime, seconds: float) -> datetime:
    """When the window began that this moment is in: the same in every process."""
    whole = moment.timestamp() // seconds * seconds
    return datetime.fromtimestamp(whole, UTC)
