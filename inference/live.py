"""Says to channel groups what changed: snapshots, numbered, at most ten a second and topic.

Topics are `operations`, `experiment:{id}` and `results:{endpoint}`. A snapshot is cumulative:
whoever misses one has lost nothing once the next arrives. Only topics that somebody here listens to
are built at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from channels.layers import get_channel_layer
from django.utils import timezone

from inference.core.errors import Draining, FrameInvalid
from inference.core.throttle import Throttle
from inference.core.tickets import Part
from inference.core.types import PredictionRow
from inference.relay import Relay
from inference.snapshots import KEPT, OPERATIONS, Json, Snapshots, Sources

__all__ = [
    "MESSAGE",
    "OPERATIONS",
    "Sources",
    "carry",
    "current",
    "group",
    "predicted",
    "publish",
    "touch",
]

log = logging.getLogger(__name__)

INTERVAL: Final = 0.1  # seconds between two snapshots of a topic
LONGEST: Final = 0.16  # the same while they take long, for which the predictions would have to pay:
SHARE: Final = 0.05  # a topic has so much of the time
GRACE: Final = 0.02  # seconds
RETRY: Final = 1.0  # seconds until a snapshot that could not be had is asked for again
MESSAGE: Final = "live.snapshot"  # the type of a group message; its `text` is the snapshot's JSON
_GROUP: Final = re.compile(r"[A-Za-z0-9_.-]{1,90}\Z")


class Publisher:
    """Lives on the event loop; other threads reach it through `call`."""

    def __init__(self, sources: Sources) -> None:
        self._loop = asyncio.get_running_loop()
        self._snapshots = Snapshots(sources, self._loop.time())
        self._woken = asyncio.Event()
        self._throttle = Throttle(INTERVAL, LONGEST, SHARE)
        self._listeners: Counter[str] = Counter()
        self._sequence: Counter[str] = Counter()
        self._changed = sources.changed

    async def run(self) -> None:
        """Send what is due and take each second's measure, until cancelled."""
        ticking = asyncio.ensure_future(self._tick())
        try:
            while True:
                await self._until_due()
                for topic in self._throttle.due(self._loop.time()):
                    await self._send(topic)
        finally:
            ticking.cancel()

    def call(self, verb: Callable[..., None], *arguments: object) -> None:
        """From any thread; nothing once the loop is closed."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(verb, *arguments)

    def touch(self, topic: str) -> None:
        """Something about it changed."""
        if topic.startswith("experiment:"):
            self._changed(int(topic.partition(":")[2]))
            self._snapshots.moved(int(topic.partition(":")[2]))
        if self._listeners[topic]:
            self._throttle.touch(topic, self._loop.time())
            self._woken.set()

    def predicted(self, rows: Sequence[PredictionRow]) -> None:
        """These were written down."""
        for topic in self._snapshots.predicted(rows):
            self.touch(topic)

    def join(self, topic: str) -> None:
        """One listener more; his first snapshot comes from `snapshot`."""
        self._listeners[topic] += 1

    def leave(self, topic: str) -> None:
        self._listeners[topic] -= 1
        if not self._listeners[topic]:
            del self._listeners[topic]
            self._sequence.pop(topic, None)

    async def snapshot(self, topic: str, *, first: bool = True) -> Json:
        """As it is now; a first one brings the past along. Raises FrameInvalid: no such topic."""
        sequence = self._sequence[topic]
        body = await self._snapshots.of(topic, first=first)
        if body is None:
            raise FrameInvalid(f"There is no topic {topic[:80]!r}.")
        return {**body, "type": "snapshot", "topic": topic, "seq": sequence}

    def operations(self) -> Json:
        """What `operations` says, with its curves."""
        return self._snapshots.operations(history=True)

    async def _until_due(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._throttle.next_due()):
                await self._woken.wait()
                self._woken.clear()

    async def _send(self, topic: str) -> None:
        if not self._listeners[topic]:
            return  # they left while it was not due yet
        began = self._loop.time()
        self._sequence[topic] += 1
        try:
            body = await self.snapshot(topic, first=False)
            layer = get_channel_layer()
            assert layer is not None  # the settings name one
            message = {"type": MESSAGE, "text": json.dumps(body)}
            await layer.group_send(group(topic), message)
        except Exception:  # a background task: a database that is away must not end the screen
            log.exception("the snapshot of %s was not sent", topic)
            self._loop.call_later(RETRY, self.touch, topic)
        self._throttle.took(topic, self._loop.time() - began)

    async def _tick(self) -> None:
        """On each second of the wall's clock, so that all curves have points at the same times."""
        while True:
            now = timezone.now().timestamp()
            # A timer may ring a little early; without grace it would ring again for this second.
            second = math.ceil(now + GRACE)
            await asyncio.sleep(second - now)
            self._snapshots.tick(self._loop.time(), second)
            self.touch(OPERATIONS)
            await self._follow()

    async def _follow(self) -> None:
        """The paths of tests that moved; somebody may come later and want to see them."""
        for experiment_id in self._snapshots.due():
            try:
                await self._snapshots.follow(experiment_id)
            except Exception:  # a background task: the path has a gap, nothing else is lost
                log.warning("test %s was not followed", experiment_id, exc_info=True)


def group(topic: str) -> str:
    """The channel group of a topic. Names of groups allow less than names of endpoints do."""
    name = f"live.{topic.replace(':', '.')}"
    if _GROUP.match(name):
        return name
    return f"live.{hashlib.sha256(topic.encode('utf-8', 'surrogatepass')).hexdigest()}"


_current: Publisher | None = None
_relay: Relay | None = None


async def publish(sources: Sources, relay: Relay | None = None) -> None:
    """Runs as long as this process serves; with a relay, what happens elsewhere is shown too."""
    global _current  # noqa: PLW0603  # whoever commits a change says so, and cannot be handed it
    _current = Publisher(sources)
    tasks = [asyncio.ensure_future(_current.run())]
    if relay is not None:
        tasks.append(asyncio.ensure_future(relay.listen(_current.predicted, _current.touch)))
        tasks.append(asyncio.ensure_future(carry(relay)))
    try:
        await asyncio.gather(*tasks)
    finally:
        _current = None
        for task in tasks:
            task.cancel()


async def carry(relay: Relay) -> None:
    """Tell other processes what happens in this one, which may show nothing itself."""
    global _relay  # noqa: PLW0603  # the same
    _relay = relay
    try:
        await relay.send()
    finally:
        _relay = None


def current() -> Publisher:
    """Raises Draining where nothing is published."""
    if _current is None:
        raise Draining("This process publishes nothing.", retry_after=1.0)
    return _current


def touch(topic: str) -> None:
    """Say that it changed; from any thread, at once, and to nobody where nothing is published."""
    if (publisher := _current) is not None:
        publisher.call(publisher.touch, topic)
    if (relay := _relay) is not None:
        relay.call(relay.touch, topic)


def predicted(parts: Sequence[Part]) -> None:
    """Say that these were written down; from the writer's thread."""
    rows = [row for part in parts for row in part.log[-KEPT:]]
    if (publisher := _current) is not None:
        publisher.call(publisher.predicted, rows)
    if (relay := _relay) is not None:
        relay.call(relay.predicted, rows)
