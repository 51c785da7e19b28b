"""The socket that listens: it joins the groups of topics and hands on what they say."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import msgspec
from channels.consumer import AsyncConsumer

from consumers import base
from consumers.doors import Doors, Pass
from consumers.gallery import GALLERY
from consumers.mailbox import Mailbox
from consumers.outbox import Send
from consumers.predict import Receive
from consumers.sockets import SOCKETS
from inference import live
from inference.core import wire
from inference.core.errors import FrameInvalid, TooLarge, WeirError
from inference.keys import Scope as KeyScope

MOST_TOPICS: Final = 64
MOST_NONSENSE: Final = 10  # frames that are no wishes, before the socket is closed
LAST_SECONDS: Final = 1.0


class Wish(msgspec.Struct, forbid_unknown_fields=True):
    """What a client sends: exactly one of the two, with a topic."""

    subscribe: str | None = None
    unsubscribe: str | None = None


class LiveConsumer(AsyncConsumer):
    """One listener. A slow one misses snapshots, which are cumulative, and is never buffered for.

    A Channels consumer with loops of its own, as `PredictConsumer` is: Channels would hop through a
    thread for each frame.
    """

    passed: Pass

    def __init__(self, *, doors: Doors) -> None:
        self._doors = doors
        self._topics: set[str] = set()
        self._nonsense = 0

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        await receive()  # websocket.connect
        self._codec, self._send = base.codec_of(scope), send
        self._mailbox = Mailbox(send)
        await base.accept(send, scope, self._codec)
        try:
            self.passed = self._doors.check(scope, KeyScope.READ)
            live.current()
            SOCKETS.enter(self)
        except WeirError as error:
            await base.refuse(send, self._codec, error)
            return
        try:
            await self._run(receive)
        finally:
            SOCKETS.leave(self)
            self._forget_all()

    async def drain(self) -> None:
        """Say so and close; whoever listens comes back to the next server."""
        self._say(wire.draining())
        await self._leave(base.GOING_AWAY)

    async def expel(self, error: WeirError) -> None:
        self._say(wire.error(None, error))
        await self._leave(base.code(error))

    async def _run(self, receive: Receive) -> None:
        """Until either side closes."""
        await base.either(self._mailbox.run(), self._read(receive), self._send)

    async def _read(self, receive: Receive) -> None:
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            try:
                await self._fulfil(self._wish(text if text is not None else message.get("bytes")))
            except WeirError as error:
                self._say(wire.error(None, error))
                self._nonsense += isinstance(error, FrameInvalid)
            if self._nonsense > MOST_NONSENSE:
                await self._leave(base.NONSENSE)
                return

    def _hear(self, topic: str, text: str) -> None:
        """A snapshot: JSON that is sent as it is, or in this client's own encoding."""
        plain = isinstance(self._codec, wire.JsonCodec)
        frame = text if plain else self._codec.message(msgspec.json.decode(text))
        self._mailbox.tell(topic, frame)

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
            self._forget(wish.unsubscribe)
        elif wish.subscribe is not None:
            await self._join(wish.subscribe)

    async def _join(self, topic: str) -> None:
        """The group first, then the snapshot, so that nothing falls between them.

        What the group says meanwhile is told afterwards. Somebody who is subscribed already gets a
        fresh snapshot.
        """
        if len(self._topics) >= MOST_TOPICS:
            raise TooLarge(f"A socket has at most {MOST_TOPICS} topics.")
        publisher = live.current()
        self._mailbox.hold(topic)
        try:
            if topic not in self._topics:
                self._topics.add(topic)
                publisher.join(topic)
                await GALLERY.join(topic, self._hear)
            self._say(await publisher.snapshot(topic))
        except FrameInvalid:
            self._forget(topic)
            raise
        self._mailbox.let_go(topic)

    def _forget(self, topic: str) -> None:
        if topic not in self._topics:
            return
        self._topics.remove(topic)
        self._mailbox.forget(topic)
        GALLERY.leave(topic, self._hear)
        with contextlib.suppress(WeirError):
            live.current().leave(topic)

    def _forget_all(self) -> None:
        for topic in self._topics.copy():
            self._forget(topic)

    def _say(self, body: dict[str, object]) -> None:
        self._mailbox.say(self._codec.message(body))

    async def _leave(self, code: int) -> None:
        """Close; what was said is sent before, if the client takes it, and nothing follows it."""
        self._forget_all()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await self._mailbox.empty()
        await base.close(self._send, code)


def _decoded(data: str | bytes) -> Wish:
    if isinstance(data, str):
        return msgspec.json.decode(data.encode("utf-8", "surrogatepass"), type=Wish)
    return msgspec.msgpack.decode(data, type=Wish)
