"""Where a request's id comes from before its row exists: blocks reserved in the database."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

Reserve = Callable[[int], Awaitable[range]]


LASTS: Final = 300.0  # seconds that a block should last, so that a database may be away for half
LARGEST: Final = 1 << 22


class Ids:
    """Hands out ids, each once, and reserves the next block before the present one runs out.

    Rising within a process; two processes draw from different blocks. What a killed process had
    reserved is skipped, never used twice. Blocks grow until they last.
    """

    def __init__(self, reserve: Reserve, block: int = 4096) -> None:
        self._reserve = reserve
        self._block = block
        self._filled_at: float | None = None
        self._ranges: deque[range] = deque()
        self._left = 0
        self._refill: asyncio.Task[None] | None = None

    @property
    def left(self) -> range:
        """What is reserved and unused at the end of the last block; to be given back at a stop."""
        return self._ranges[-1] if self._ranges else range(0)

    def ready(self, count: int) -> bool:
        """Whether `take` will succeed; starts a refill when it soon would not."""
        if self._left < self._block // 2 or self._left < count:
            self._refill_soon(count)
        return self._left >= count

    async def wait(self, count: int) -> None:
        """Until `count` ids are there; raises what the reservation raised."""
        while self._left < count:
            await asyncio.shield(self._refill_soon(count))

    def take(self, count: int) -> Sequence[int]:
        """Only after `ready` or `wait`, with no await in between."""
        self._left -= count
        first = self._ranges[0]
        if count == 1 and len(first) > 1:
            self._ranges[0] = first[1:]
            return [first[0]]
        if count < len(first):
            self._ranges[0] = first[count:]
            return first[:count]
        taken: list[int] = []
        while len(taken) < count:
            block = self._ranges.popleft()
            cut = count - len(taken)
            taken.extend(block[:cut])
            if cut < len(block):
                self._ranges.appendleft(block[cut:])
        return taken

    def _refill_soon(self, count: int) -> asyncio.Task[None]:
        if self._refill is None or self._refill.done():
            self._refill = asyncio.get_running_loop().create_task(self._fill(count))
            self._refill.add_done_callback(_noticed)
        return self._refill

    async def _fill(self, count: int) -> None:
        now, before = asyncio.get_running_loop().time(), self._filled_at
        if before is not None and now - before < LASTS:
            self._block = min(2 * self._block, LARGEST)
        block = await self._reserve(max(count, self._block))
        self._filled_at = now
        self._ranges.append(block)
        self._left += len(block)


def _noticed(task: asyncio.Task[None]) -> None:
    """A failed refill is told to whoever waits; one that nobody awaits must not warn."""
    if not task.cancelled():
        task.exception()
