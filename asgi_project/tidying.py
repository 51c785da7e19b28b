"""Gives back to the machine what a model that was let go has left behind.

Nothing is lost without it, but the collector looks seldom here and the allocator keeps what it has
had, so a process that swaps models would go on looking larger than it is.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
from typing import Final

PAUSE: Final = 1.0  # seconds; one tidying for all that are let go in the meantime


class Tidying:
    """Lives on the event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._due: asyncio.TimerHandle | None = None

    def soon(self) -> None:
        """A model was let go."""
        if self._due is None:
            self._due = self._loop.call_later(PAUSE, self._begin)

    def stop(self) -> None:
        if self._due is not None:
            self._due.cancel()

    def _begin(self) -> None:
        self._due = None
        gc.collect()  # what was there at the start is frozen, so there is little to look through
        self._loop.run_in_executor(None, trim)


def trim() -> bool:
    """Whether the allocator gave anything back; one that is not glibc's has no such call."""
    try:
        return bool(ctypes.CDLL(None).malloc_trim(0))
    except (AttributeError, OSError):
        return False
