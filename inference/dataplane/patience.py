"""A deadline for reading bodies that costs next to nothing where nobody is slow.

`asyncio.timeout` makes a timer for each request, which is as much work as reading the request; here
one sweep every few seconds looks who has been reading for too long.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from inference.core.errors import TooSlow

SWEEPS = 6  # in the time that is allowed: how late the deadline may be noticed


class Patience:
    """`with patience:` raises TooSlow once the block has waited for more than `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: dict[asyncio.Task[object], float] = {}
        self._cut: set[asyncio.Task[object]] = set()
        self._sweeping = False

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        loop = task.get_loop()
        self._since[task] = loop.time()
        if not self._sweeping:
            self._sweeping = True
            loop.call_later(self._seconds / SWEEPS, self._sweep, loop)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        del self._since[task]
        if task in self._cut:
            self._cut.discard(task)
            if isinstance(error, asyncio.CancelledError):
                task.uncancel()
                raise TooSlow from None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nobody reads, nobody sweeps."""
        late = loop.time() - self._seconds
        for task, since in self._since.items():
            if since < late and task not in self._cut:
                self._cut.add(task)
                task.cancel()
        self._sweeping = bool(self._since)
        if self._sweeping:
            loop.call_later(self._seconds / SWEEPS, self._sweep, loop)
