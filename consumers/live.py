"""The socket that listens: it joins the groups of topics and hands on what they say."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import msgspec
from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer

from consumers import base
from consumers.doors import Doors, Pass, Scope
from consumers.sockets import SOCKETS
from inference import live
from inference.core import wire
from inference.core.errors import FrameInvalid, TooLarge, WeirError
from inference.keys import Scope as KeyScope

MOST_TOPICS: Final = 64
MOST_NONSENSE: Final = 10  # frames that are no wishes, before the socket is closed
SEND_SECONDS: Final = 10.0  # a client that takes nothing for so long has stopped reading

Message = dict[str, Any]


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends: exactly one of the two, with a topic."""

    subscribe: str | None = None
    unsubscribe: str | None = None


class LiveConsumer(AsyncConsumer):
    """One listener. A slow one misses snapshots, which are cumulative, and is never buffered for.

    Channels hands it one message at a time, so what a group says while a first snapshot is being
    read waits until that has left.
    """

    channel_layer_alias = "default"
    passed: Pass

    def __init__(self, *, doors: Doors) -> None:
        self._doors = doors
        self._topics: set[str] = set()
        self._nonsense = 0
        self._closing = False

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self._scope: Scope = scope
        self._codec = base.codec_of(scope)
        try:
            await super().__call__(scope, receive, send)
        finally:
            SOCKETS.leave(self)
            for topic in self._topics.copy():
                await self._forget(topic)

    async def websocket_connect(self, _: Message) -> None:
        await base.accept(self.send, self._scope, self._codec)
        try:
            self.passed = self._doors.check(self._scope, KeyScope.READ)
            live.current()
            SOCKETS.enter(self)
        except WeirError as error:
            self._closing = True
            await base.refuse(self.send, self._codec, error)

    async def websocket_receive(self, message: Message) -> None:
        if self._closing:
            return
        text = message.get("text")
        try:
            await self._fulfil(self._wish(text if text is not None else message.get("bytes")))
        except WeirError as error:
            await self._say(wire.error(None, error))
            self._nonsense += isinstance(error, FrameInvalid)
        if self._nonsense > MOST_NONSENSE:
            await self._close(base.NONSENSE)

    async def websocket_disconnect(self, _: Message) -> None:
        raise StopConsumer

    async def live_snapshot(self, message: Message) -> None:
        """From a group: JSON that is sent as it is, or in this client's own encoding."""
        text: str = message["text"]
        if isinstance(self._codec, wire.JsonCodec):
            await self._send(text)
        else:
            await self._say(msgspec.json.decode(text))

    async def drain(self) -> None:
        """Say so and close; whoever listens comes back to the next server."""
        await self._say(wire.draining())
        await self._close(base.GOING_AWAY)

    async def expel(self, error: WeirError) -> None:
        await self._say(wire.error(None, error))
        await self._close(base.code(error))

    def _wish(self, data: str | bytes | None) -> Wish:
        if isinstance(data, str) is not isinstance(self._codec, wire.JsonCodec):
            raise FrameInvalid(f"{self._codec.name} has the other kind of frames.")
        try:
            wish = _decoded(data or b"")
        except (ValueError, RecursionError) as error:
            raise FrameInvalid(f"The frame is not a wish: {error}") from error
        if (wish.subscribe is None) is (wish.unsubscribe is None):
            raise FrameInvalid("A frame has exactly one of subscribe and unsubscribe.")
        return wish

    async def _fulfil(self, wish: Wish) -> None:
        if wish.unsubscribe is not None:
            await self._forget(wish.unsubscribe)
        elif wish.subscribe is not None:
            await self._join(wish.subscribe)

    async def _join(self, topic: str) -> None:
        """The group first, then the snapshot, so that nothing falls between them.

        Somebody who is subscribed already gets a fresh snapshot.
        """
        if len(self._topics) >= MOST_TOPICS:
            raise TooLarge(f"A socket has at most {MOST_TOPICS} topics.")
        publisher = live.current()
        if topic not in self._topics:
            self._topics.add(topic)
            publisher.join(topic)
            await self.channel_layer.group_add(live.group(topic), self.channel_name)
        try:
            await self._say(await publisher.snapshot(topic))
        except FrameInvalid:
            await self._forget(topic)
            raise

    async def _forget(self, topic: str) -> None:
        if topic not in self._topics:
            return
        self._topics.remove(topic)
        with contextlib.suppress(WeirError):
            live.current().leave(topic)
        await self.channel_layer.group_discard(live.group(topic), self.channel_name)

    async def _say(self, body: dict[str, object]) -> None:
        await self._send(self._codec.message(body))

    async def _send(self, frame: str | bytes) -> None:
        if self._closing:
            return
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await base.say(self.send, frame)
        except TimeoutError:
            await self._close(base.TRY_LATER)
            raise StopConsumer from None

    async def _close(self, code: int) -> None:
        """Frames that came before the client knew are read, and nothing is said to them."""
        self._closing = True
        await base.close(self.send, code)


def _decoded(data: str | bytes) -> Wish:
    if isinstance(data, str):
        return msgspec.json.decode(data.encode("utf-8", "surrogatepass"), type=Wish)
    return msgspec.msgpack.decode(data, type=Wish)
