"""Rows that were answered and cannot be written yet: kept for as long as there is room for them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Generic, Protocol, TypeVar

logger = logging.getLogger(__name__)

MOST: Final = 100_000  # rows; what comes beyond is answered and lost, and counted
PORTION: Final = 2048  # rows that are tried together
AGAIN: Final = 1.0  # seconds


class Kept(Protocol):
    """What can be kept: it has so many rows."""

    @property
    def rows(self) -> int: ...


K = TypeVar("K", bound=Kept)


class Spool(Generic[K]):
    """First in, first tried; `again` is given a portion every second while there is any."""

    def __init__(self, again: Callable[[Sequence[K]], None]) -> None:
        self.rows = 0
        self._again = again
        self._kept: deque[K] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def __bool__(self) -> bool:
        return bool(self._kept)

    def keep(self, group: K) -> bool:
        """Whether there was room for it."""
        if self.rows + group.rows > MOST:
            return False
        if not self._kept:
            logger.warning("the log cannot be written; what was answered is kept for later")
        self._kept.append(group)
        self.rows += group.rows
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self._try)
        return True

    def close(self) -> list[K]:
        """What is still there."""
        if self._timer is not None:
            self._timer.cancel()
        return self._taken(self.rows)

    def _try(self) -> None:
        self._timer = None
        portion = self._taken(PORTION)
        if self._kept:
            self._timer = asyncio.get_running_loop().call_later(AGAIN, self._try)
        self._again(portion)

    def _taken(self, most: int) -> list[K]:
        """The oldest, up to so many rows, and at least one."""
        taken: list[K] = []
        rows = 0
        while self._kept and (not taken or rows + self._kept[0].rows <= most):
            group = self._kept.popleft()
            rows += group.rows
            taken.append(group)
        self.rows -= rows
        return taken
