"""Attends to tests that act by themselves: soon after they changed, and once a second anyway.

Runs wherever requests are answered. What is done, and by which of several processes, is settled in
the database (see `services.stewardship`); here is only when it is asked for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import datetime
from typing import Final

from channels.db import database_sync_to_async
from django.utils import timezone

from inference.core.throttle import Throttle

log = logging.getLogger(__name__)

INTERVAL: Final = 0.25  # seconds between two looks at a test whose tallies move
TICK: Final = 1.0  # seconds between two looks at one that waits for its time

Attend = Callable[[int, datetime], bool]


class Steward:
    """Lives on the event loop. `attend` works in a thread, one call at a time for each test.

    It says whether the test has to be attended ever again; most tests have not, and cost nothing
    but the first call. `running` names the tests that this process knows to run.
    """

    def __init__(self, attend: Attend, running: Callable[[], Iterable[int]]) -> None:
        self._attend = database_sync_to_async(attend, thread_sensitive=False)
        self._running = running
        self._throttle = Throttle(INTERVAL)
        self._woken = asyncio.Event()
        self._done: set[int] = set()
        self._busy: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def touch(self, abtest_id: int) -> None:
        """Something about it changed."""
        if abtest_id not in self._done:
            self._throttle.touch(str(abtest_id), asyncio.get_running_loop().time())
            self._woken.set()

    async def run(self) -> None:
        """Attend whatever was touched, and all that run from time to time, until cancelled."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            while True:
                await self._until_due()
                for name in self._throttle.due(asyncio.get_running_loop().time()):
                    self._look(int(name))
        finally:
            ticking.cancel()
            for task in self._tasks:
                task.cancel()

    async def _until_due(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._throttle.next_due()):
                await self._woken.wait()
                self._woken.clear()

    async def _tick(self) -> None:
        """For steps, and for what nobody was told of: a change elsewhere may be lost on its way."""
        while True:
            await asyncio.sleep(TICK)
            for abtest_id in self._running():
                self.touch(abtest_id)

    def _look(self, abtest_id: int) -> None:
        if abtest_id in self._busy:
            self.touch(abtest_id)  # it changed meanwhile
            return
        if abtest_id in self._done:
            return
        self._busy.add(abtest_id)
        task = asyncio.ensure_future(self._see_to(abtest_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _see_to(self, abtest_id: int) -> None:
        try:
            if not await self._attend(abtest_id, timezone.now()):
                self._done.add(abtest_id)
        except Exception:  # a background task: the next tick asks again
            log.exception("test %s was not attended", abtest_id)
        finally:
            self._busy.discard(abtest_id)
