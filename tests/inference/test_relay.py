"""What happens in one process is shown in the others, through a Redis that comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from channels_redis.pubsub import RedisPubSubChannelLayer

from inference import relay
from inference.core.types import PredictionRow
from inference.relay import Relay
from tests.engine.pair import until
from tests.inference.fakes import row
from tests.queues import Place, Server


class Process:
    """A relay and what it heard of others."""

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        self.relay = Relay(layer)
        self.rows: list[PredictionRow] = []
        self.topics: list[str] = []

    def predicted(self, rows: Sequence[PredictionRow]) -> None:
        self.rows.extend(rows)

    async def live(self) -> None:
        await asyncio.gather(
            self.relay.send(), self.relay.listen(self.predicted, self.topics.append)
        )


@asynccontextmanager
async def processes(place: Place, count: int = 2) -> AsyncIterator[list[Process]]:
    """Each with a connection of its own."""
    hosts = [{"address": place.url, "socket_timeout": None}]
    layers = [RedisPubSubChannelLayer(hosts, prefix=place.namespace) for _ in range(count)]
    found = [Process(layer) for layer in layers]
    living = [asyncio.ensure_future(each.live()) for each in found]
    try:
        yield found
    finally:
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)
        for layer in layers:
            await layer.flush()


def listeners(place: Place) -> int:
    """How many processes listen to the relay's group."""
    channels = place.client.pubsub_channels(f"{place.namespace}*{relay.GROUP}")
    return sum(count for _, count in place.client.pubsub_numsub(*channels)) if channels else 0


async def test_rows_and_topics_reach_the_others_and_not_oneself(place: Place) -> None:
    async with processes(place, 3) as (one, other, third):
        await until(lambda: listeners(place) == 3)
        one.relay.predicted([row(1), row(2)])
        one.relay.touch("experiment:7")
        other.relay.touch("operations")
        await until(lambda: len(third.topics) == 2 and other.topics and one.topics)

        assert sorted(third.topics) == ["experiment:7", "operations"]
        assert (one.topics, other.topics) == (["operations"], ["experiment:7"])
        assert [each.id for each in other.rows] == [each.id for each in third.rows] == [1, 2]
        assert one.rows == []


async def test_what_was_asked_stays_where_it_was_asked(place: Place) -> None:
    async with processes(place) as (one, other):
        await until(lambda: listeners(place) == 2)
        secret = row(1)._replace(input_data='{"name": "ann"}')
        one.relay.predicted([secret])
        await until(lambda: other.rows)

        assert other.rows == [secret._replace(input_data="")]


async def test_what_happens_together_is_one_message_of_the_newest(place: Place) -> None:
    async with processes(place) as (one, other):
        await until(lambda: listeners(place) == 2)
        for n in range(relay.KEPT + 30):
            one.relay.predicted([row(n)])
            one.relay.touch("operations")
        await until(lambda: other.rows)

        assert [each.id for each in other.rows] == list(range(30, relay.KEPT + 30))
        assert other.topics == ["operations"]


async def test_another_thread_may_tell(place: Place) -> None:
    async with processes(place) as (one, other):
        await until(lambda: listeners(place) == 2)
        await asyncio.to_thread(one.relay.call, one.relay.touch, "operations")

        await until(lambda: other.topics)


async def test_rows_of_another_release_are_not_shown_and_hurt_nobody(place: Place) -> None:
    async with processes(place) as (one, other):
        await until(lambda: listeners(place) == 2)
        message = {"type": relay.MESSAGE, "by": "another", "topics": ["operations"], "rows": b"["}
        await one.layer.group_send(relay.GROUP, message)
        one.relay.predicted([row(1)])
        await until(lambda: other.rows)

        assert (other.topics, [each.id for each in other.rows]) == (["operations"], [1])


async def test_a_loop_that_is_closed_is_told_nothing() -> None:
    lost = Relay.__new__(Relay)
    lost._loop = asyncio.SelectorEventLoop()
    lost._loop.close()

    lost.call(lambda: None)


async def test_news_flow_again_when_redis_was_away(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "AGAIN", 0.02)
    caplog.set_level("DEBUG", "inference.relay")
    monkeypatch.setattr(relay, "SLOW", 0.1)
    async with processes(server.place) as (one, other):
        await until(lambda: listeners(server.place) == 2)
        one.relay.touch("first")
        await until(lambda: other.topics == ["first"])
        server.kill()
        one.relay.touch("lost")
        await until(lambda: "not relayed" in caplog.text)
        server.start()
        await until(lambda: listeners(server.place) == 2)
        one.relay.touch("again")

        await until(lambda: "again" in other.topics)


async def test_whoever_starts_without_redis_listens_when_it_is_there(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "AGAIN", 0.02)
    server.kill()
    async with processes(server.place) as (one, other):
        await until(lambda: "the relay is interrupted" in caplog.text)
        server.start()
        await until(lambda: listeners(server.place) == 2)
        one.relay.touch("operations")

        await until(lambda: other.topics)


async def test_whoever_starts_without_redis_says_so_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "AGAIN", 0.02)
    caplog.set_level("DEBUG", "inference.relay")
    server.kill()

    def said() -> list[str]:
        return [r.levelname for r in caplog.records if "interrupted" in r.message]

    async with processes(server.place, 1):
        await until(lambda: len(said()) > 2)

    assert said()[:3] == ["WARNING", "DEBUG", "DEBUG"]
