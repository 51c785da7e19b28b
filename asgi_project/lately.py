"""Values that are dear to read: read now and then, however often they are asked for."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

AGE: Final = 5.0
PATIENCE: Final = 1.0


class Lately(Generic[T]):
    """What `read` returned last. Never reads twice at once, nor again before `age` is over.

    Whoever asks waits at most `patience` for what is being read, and takes what was there before.
    Both are in seconds.
    """

    def __init__(
        self, read: Callable[[], Awaitable[T]], *, age: float = AGE, patience: float = PATIENCE
    ) -> None:
        self._read = read
        self._age = age
        self._patience = patience
        self._clock = asyncio.get_running_loop().time
        self._began: float | None = None
        self._ended: float | None = None
        self._reading: asyncio.Task[None] | None = None
        self._value: T | None = None

    async def get(self) -> T | None:
        """None until it could be read for the first time."""
        if self._reading is None and self._due():
            self._began = self._clock()
            self._reading = asyncio.ensure_future(self._renew())
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=self._patience)
        return self._value

    @property
    def age(self) -> float | None:
        """Seconds since what `get` returns was read."""
        return None if self._ended is None else self._clock() - self._ended

    def _due(self) -> bool:
        return self._began is None or self._clock() - self._began >= self._age

    async def _renew(self) -> None:
        try:
            self._value = await self._read()
            self._ended = self._clock()
        except Exception:  # whatever it was, whoever asks has the value from before
            log.warning("what was read before is shown again", exc_info=True)
        finally:
            self._reading = None
