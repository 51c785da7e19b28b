"""Waiting until something is so, woken whenever it may have become so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Change:
    """Costs nothing while nobody waits: `happened` may be called after every step."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    def happened(self) -> None:
        """Let everybody who waits look again."""
        if not self._waiting:
            return
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            if not change.done():
                change.set_result(None)

    async def until(self, so: Callable[[], bool], deadline: float | None = None) -> bool:
        """Wait until it is so; False if `deadline` (loop time) came first."""
        try:
            async with asyncio.timeout_at(deadline):
                while not so():
                    change: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._waiting.append(change)
                    await change
        except TimeoutError:
            return False
        return True
