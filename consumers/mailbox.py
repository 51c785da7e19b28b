"""What is on its way to one listener: of each topic the newest only, all else in its order."""

from __future__ import annotations

import asyncio
from typing import Final

from consumers import base
from consumers.outbox import Send
from inference.core.wire import Text

SEND_SECONDS: Final = 10.0  # a client that takes nothing for so long has stopped reading


class Mailbox:
    """`say` and `tell` never wait; `run` sends until cancelled, or raises TimeoutError.

    A snapshot is cumulative, so what is told takes the place of what was told of the same topic and
    has not left yet: a slow listener misses some and is never buffered for.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._said: list[Text] = []
        self._told: dict[str, Text] = {}
        self._held: set[str] = set()
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()

    def say(self, frame: Text) -> None:
        """It leaves before all that is told."""
        self._said.append(frame)
        self._wake()

    def tell(self, topic: str, frame: Text) -> None:
        """The newest of a topic."""
        self._told[topic] = frame
        if topic not in self._held:
            self._wake()

    def hold(self, topic: str) -> None:
        """What is told of it waits until `let_go`."""
        self._held.add(topic)

    def let_go(self, topic: str) -> None:
        self._held.discard(topic)
        self._wake()

    def forget(self, topic: str) -> None:
        """What was told of it and has not left, does not."""
        self._held.discard(topic)
        self._told.pop(topic, None)

    async def empty(self) -> None:
        """Until all has left."""
        await self._empty.wait()

    async def run(self) -> None:
        while True:
            await self._filled.wait()
            self._filled.clear()
            async with asyncio.timeout(SEND_SECONDS):
                await self._burst()
            if not self._filled.is_set():
                self._empty.set()

    def _wake(self) -> None:
        self._empty.clear()
        self._filled.set()

    async def _burst(self) -> None:
        said, self._said = self._said, []
        for frame in said:
            await base.say(self._send, frame)
        for topic in [topic for topic in self._told if topic not in self._held]:
            if topic in self._told:  # not forgotten while another left
                await base.say(self._send, self._told.pop(topic))
