"""Who of this process listens to what: one member of a topic's group, however many listeners.

A group costs a copy, a queue and a task for each member and message; a hundred sockets on one topic
took a fifth of the loop's time for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from channels.layers import get_channel_layer

from inference import live

Hear = Callable[[str, str], None]  # the topic, and a snapshot's JSON


class Gallery:
    """Lives on the event loop. Nobody is in a group whom nobody here listens for."""

    def __init__(self) -> None:
        self._rooms: dict[str, Room] = {}

    async def join(self, topic: str, hear: Hear) -> None:
        """From when this returns on, `hear` is called with each snapshot of the topic."""
        room = self._rooms.get(topic)
        if room is None:
            room = self._rooms[topic] = Room(topic)
        room.listeners.add(hear)
        await room.opened.wait()

    def leave(self, topic: str, hear: Hear) -> None:
        """Whoever is not there may leave, too."""
        room = self._rooms.get(topic)
        if room is None:
            return
        room.listeners.discard(hear)
        if not room.listeners:
            del self._rooms[topic]
            room.close()


class Room:
    """Those who listen to one topic."""

    def __init__(self, topic: str) -> None:
        self.listeners: set[Hear] = set()
        self.opened = asyncio.Event()
        self._topic = topic
        self._hearing = asyncio.ensure_future(self._hear())

    def close(self) -> None:
        self._hearing.cancel()

    async def _hear(self) -> None:
        layer = get_channel_layer()
        assert layer is not None  # the settings name one
        group, channel = live.group(self._topic), await layer.new_channel()
        await layer.group_add(group, channel)
        self.opened.set()
        try:
            while True:
                message = await layer.receive(channel)
                for hear in tuple(self.listeners):
                    hear(self._topic, message["text"])
        finally:
            await layer.group_discard(group, channel)


GALLERY: Final = Gallery()
