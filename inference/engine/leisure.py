"""What nobody waits for: gathered for a while, and handed on in portions."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar

GATHER: Final = 0.25  # seconds
PORTION: Final = 128  # rows that are handed on together: whoever comes meanwhile waits for them


class Sized(Protocol):
    """It has so many rows."""

    @property
    def rows(self) -> int: ...


K = TypeVar("K", bound=Sized)


class Leisure(Generic[K]):
    """First in, first out; `due` is called when something may go that might not before.

    What comes may go when the first of it has waited for `GATHER`, or when it makes a portion.
    """

    def __init__(self, due: Callable[[], None]) -> None:
        self._due = due
        self._kept: deque[K] = deque()
        self._rows = 0
        self._timer: asyncio.TimerHandle | None = None
        self._ripe = False
        self._over = False

    @property
    def ready(self) -> bool:
        """Whether a portion may go."""
        return bool(self._kept) and (self._ripe or self._over or self._rows >= PORTION)

    def add(self, group: K) -> None:
        self._kept.append(group)
        self._rows += group.rows
        if self.ready:
            self._due()
        else:
            self._gather()

    def take(self) -> list[K]:
        """A portion, the first of it whole however large it is."""
        taken: list[K] = []
        rows = 0
        while self._kept and (not taken or rows + self._kept[0].rows <= PORTION):
            taken.append(self._kept.popleft())
            rows += taken[-1].rows
        self._rows -= rows
        self._ripe = self._ripe and bool(self._kept)
        if self._kept and not self.ready:
            self._gather()  # it came when there was a portion, and nothing was set for it
        return taken

    def hurry(self) -> None:
        """From now on nothing is gathered."""
        self._over = True
        if self._kept:
            self._due()

    def close(self) -> list[K]:
        """What is still there."""
        if self._timer is not None:
            self._timer.cancel()
        left, self._kept, self._rows = list(self._kept), deque(), 0
        return left

    def _gather(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self._ripened)

    def _ripened(self) -> None:
        self._timer = None
        self._ripe = bool(self._kept)
        if self._ripe:
            self._due()
