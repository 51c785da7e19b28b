"""The open sockets of this process: how many there may be, who may stay, how they say goodbye."""

from __future__ import annotations

import asyncio
import logging
from typing import Final, Protocol

from consumers.doors import Pass
from inference.core.errors import Draining, Overloaded, WeirError

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 1.0


class Session(Protocol):
    """A socket that can be asked to finish."""

    passed: Pass

    async def drain(self) -> None:
        """Say so, take nothing more, finish what was accepted, close with 1012."""
        ...

    async def expel(self, error: WeirError) -> None:
        """Say why and close."""
        ...


class Sockets:
    """Counts sockets, looks after their passes and drains them together."""

    def __init__(self) -> None:
        self.most = 2000
        self.draining = False
        self._open: set[Session] = set()
        self._watching: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, session: Session) -> None:
        """Raises Draining or Overloaded when there is no room for one more."""
        if self.draining:
            raise Draining(retry_after=1.0)
        if len(self._open) >= self.most:
            raise Overloaded("This server has all the sockets it takes.", retry_after=5.0)
        self._open.add(session)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.ensure_future(self._watch())

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

    async def _watch(self) -> None:
        """While anybody is here, show those out whose key was revoked or has expired."""
        clock = asyncio.get_running_loop().time
        while self._open:
            await asyncio.sleep(LOOK_SECONDS)
            now = clock()
            due = [session for session in self._open if session.passed.due(now)]
            expelled = [s.expel(e) for s in due if (e := await _refusal(s.passed, now))]
            await asyncio.gather(*expelled, return_exceptions=True)


async def _refusal(passed: Pass, now: float) -> WeirError | None:
    """Why he may not stay. A database that is away ends no socket."""
    try:
        await passed.look(now)
    except WeirError as error:
        return error
    except Exception:  # in a background task
        log.exception("the pass of an open socket could not be looked at")
    return None


# Channels builds a consumer per connection, so what they share is the process's.
SOCKETS: Final = Sockets()
