"""How long to wait before something that failed is tried again."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

FIRST: Final = 0.05  # seconds
LONGEST: Final = 1.0
_STEPS: Final = 1024


class Backoff:
    """Twice as long each time, with chance, so that many do not come back at the same moment."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        self._first = first
        self._longest = longest
        self._next = first

    def reset(self) -> None:
        """It worked."""
        self._next = self._first

    def seconds(self) -> float:
        """The next pause: between half of it and all of it."""
        pause, self._next = self._next, min(2 * self._next, self._longest)
        return pause * (1 + secrets.randbelow(_STEPS) / _STEPS) / 2

    async def pause(self) -> None:
        await asyncio.sleep(self.seconds())
