"""Keeps a background loop alive, and says so when it is not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine

logger = logging.getLogger(__name__)

# Seconds before a dead loop lives again: a slip is mended at once, a fault that repeats is not
# allowed to eat the processor.
FIRST_PAUSE = 0.05
LONGEST_PAUSE = 5.0


class Supervisor:
    """Runs `live()` for ever. Whenever it ends, by whatever cause, `died()` and then again."""

    def __init__(
        self, name: str, live: Callable[[], Coroutine[None, None, None]], died: Callable[[], None]
    ) -> None:
        self._name = name
        self._live = live
        self._died = died
        self._loop = asyncio.get_running_loop()
        self._pause = FIRST_PAUSE
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None
        self.restarts = 0
        self._start()

    @property
    def alive(self) -> bool:
        return self._task is not None

    def well(self) -> None:
        """It did what it is for: the next death is a slip again."""
        self._pause = FIRST_PAUSE

    def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.remove_done_callback(self._ended)
            task.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        self._timer = None
        self._task = self._loop.create_task(self._live(), name=self._name)
        self._task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        logger.error("%s died and is restarted", self._name, exc_info=error)
        self._task = None
        self.restarts += 1
        self._timer = self._loop.call_later(self._pause, self._start)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._died()
