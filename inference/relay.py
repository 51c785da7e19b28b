"""Carries what happened here to the processes that show it, and to the other ones that serve.

With several processes, predictions are logged in one and watched in another. What is carried may be
lost: whole snapshots follow from it, and the next one is complete.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec
from channels.layers import BaseChannelLayer
from redis.exceptions import RedisError

from inference.core.types import PredictionRow
from inference.engine.news import News

log = logging.getLogger(__name__)

GROUP: Final = "relay"
MESSAGE: Final = "relay.news"
INTERVAL: Final = 0.1  # seconds between two messages of a process: no screen is told more often
KEPT: Final = 10  # rows in one message, the newest: more would scroll by unread
SLOW: Final = 5.0  # seconds
AGAIN: Final = 1.0  # seconds

Rows = Callable[[Sequence[PredictionRow]], None]
Touch = Callable[[str], None]

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(list[PredictionRow]).decode


class Relay:
    """Lives on the event loop; other threads reach it through `call`."""

    def __init__(self, layer: BaseChannelLayer | None) -> None:
        assert layer is not None  # the settings name one, where there are others to talk to
        self._layer: Any = layer  # whose methods have no types
        self._loop = asyncio.get_running_loop()
        self._name = secrets.token_hex(8)
        self._rows: deque[PredictionRow] = deque(maxlen=KEPT)
        self._topics: set[str] = set()
        self._filled = asyncio.Event()
        self._news = News(log, "the relay is interrupted: %s")

    def call(self, verb: Callable[..., None], *arguments: object) -> None:
        """From any thread; nothing once the loop is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(verb, *arguments)

    def predicted(self, rows: Iterable[PredictionRow]) -> None:
        """These were written down; what was asked is nobody's business elsewhere."""
        self._rows.extend(row._replace(input_data="") for row in rows)
        self._filled.set()

    def touch(self, topic: str) -> None:
        """Something about it changed."""
        self._topics.add(topic)
        self._filled.set()

    async def send(self) -> None:
        """Say it to the others, all that came in one message, until cancelled."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            rows, topics = list(self._rows), sorted(self._topics)
            self._rows.clear()
            self._topics.clear()
            message = {"type": MESSAGE, "by": self._name, "topics": topics, "rows": _encode(rows)}
            try:
                async with asyncio.timeout(SLOW):
                    await self._layer.group_send(GROUP, message)
            except (RedisError, OSError) as error:  # a timeout is an OSError
                log.debug("not relayed: %s", error)
            await asyncio.sleep(INTERVAL)

    async def listen(self, predicted: Rows, touch: Touch) -> None:
        """Hear the others until cancelled, through whatever happens to Redis meanwhile."""
        while True:
            try:
                await self._hear(predicted, touch)
            except (RedisError, OSError) as error:
                self._news.failed(error)
            await asyncio.sleep(AGAIN)

    async def _hear(self, predicted: Rows, touch: Touch) -> None:
        channel = await self._layer.new_channel()
        await self._layer.group_add(GROUP, channel)
        self._news.worked()
        try:
            while True:
                message = await self._layer.receive(channel)
                if message["by"] != self._name:
                    predicted(_rows(message["rows"]))
                    for topic in message["topics"]:
                        touch(topic)
        finally:
            with suppress(RedisError, OSError):
                await self._layer.group_discard(GROUP, channel)


def _rows(data: bytes) -> Sequence[PredictionRow]:
    """None where another release writes them differently: one who cannot read goes on listening."""
    try:
        return _decode(data)
    except ValueError:
        log.debug("rows of another release are not shown")
        return ()
