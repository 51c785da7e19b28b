"""The open sockets of this process: how many there may be, and how they all say goodbye."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol

from inference.core.errors import Draining, Overloaded


class Session(Protocol):
    """A socket that can be asked to finish."""

    async def drain(self) -> None:
        """Say so, take nothing more, finish what was accepted, close with 1012."""
        ...


class Sockets:
    """Counts sockets and drains them together."""

    def __init__(self) -> None:
        self.most = 2000
        self.draining = False
        self._open: set[Session] = set()

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, session: Session) -> None:
        """Raises Draining or Overloaded when there is no room for one more."""
        if self.draining:
            raise Draining(retry_after=1.0)
        if len(self._open) >= self.most:
            raise Overloaded("This server has all the sockets it takes.", retry_after=5.0)
        self._open.add(session)

    def leave(self, session: Session) -> None:
        self._open.discard(session)

    async def drain(self, seconds: float) -> None:
        """Every socket finishes, at most `seconds` long; whoever is slower is cut off."""
        self.draining = True
        finishing = [asyncio.ensure_future(session.drain()) for session in self._open]
        if finishing:
            _, late = await asyncio.wait(finishing, timeout=seconds)
            for task in late:
                task.cancel()


# Channels builds a consumer per connection, so what they share is the process's.
SOCKETS: Final = Sockets()
