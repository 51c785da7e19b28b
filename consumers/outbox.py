"""Frames on their way to one client: in order, bounded by whoever fills it, and never for ever."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

Send = Callable[[Any], Awaitable[None]]
Text = str | bytes

SEND_SECONDS: Final = 10.0  # a client that takes nothing for so long has stopped reading
MOST_WAITING: Final = 256 * 1024  # characters: with more than this there is no room
_BURST: Final = 64


class Outbox:
    """`put` never waits; `run` sends until cancelled, and raises TimeoutError at a slow reader."""

    def __init__(self, send: Send, sent: Callable[[int], None]) -> None:
        self._send = send
        self._sent = sent
        self._frames: deque[tuple[Text, int]] = deque()
        self._waiting = 0
        self._filled = asyncio.Event()
        self._drained = asyncio.Event()
        self._drained.set()
        self._room = asyncio.Event()
        self._room.set()

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: Text, credit: int = 0) -> None:
        """`credit` is handed to `sent` when the frame has left."""
        self._frames.append((frame, credit))
        self._waiting += len(frame)
        if self._waiting > MOST_WAITING:
            self._room.clear()
        self._drained.clear()
        self._filled.set()

    @property
    def full(self) -> bool:
        return not self._room.is_set()

    def clear(self) -> None:
        """Nobody will take these any more."""
        self._frames.clear()
        self._waiting = 0

    async def room(self) -> None:
        """Until there is some; whoever fills faster than the client reads has to wait here."""
        await self._room.wait()

    async def empty(self) -> None:
        """Until everything that was put has left."""
        await self._drained.wait()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            async with asyncio.timeout(SEND_SECONDS):
                await self._burst()
            if self._waiting <= MOST_WAITING // 2:
                self._room.set()
            if not self._frames:
                self._filled.clear()
                self._drained.set()

    async def _burst(self) -> None:
        """A timeout costs as much as a frame, so some frames share one."""
        for _ in range(min(len(self._frames), _BURST)):
            frame, credit = self._frames.popleft()
            kind = "text" if isinstance(frame, str) else "bytes"
            await self._send({"type": "websocket.send", kind: frame})
            self._waiting -= len(frame)
            if credit:
                self._sent(credit)
