from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest
from channels.testing import WebsocketCommunicator

from consumers import live as consumer
from consumers import mailbox
from consumers.doors import Doors
from consumers.live import LiveConsumer
from consumers.sockets import SOCKETS
from inference.access import Access
from inference.core import wire
from inference.live import Publisher
from inference.registry import Snapshot
from tests.inference.fakes import World, publishing, row

TEST = "experiment:7"
RESULTS = "results:income"
HOST = [(b"host", b"127.0.0.1:8000")]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def publisher(world: World) -> AsyncIterator[Publisher]:
    async with publishing(world) as running:
        yield running


class Client(WebsocketCommunicator):
    """A listener on a socket."""

    async def opened(self) -> Client:
        accepted, _ = await self.connect()
        assert accepted
        return self

    async def wants(self, **wish: object) -> None:
        await self.send_json_to(wish)

    async def hears(self) -> dict[str, Any]:
        body: dict[str, Any] = await self.receive_json_from(timeout=5)
        return body

    async def closes(self) -> int:
        while True:
            message = await self.receive_output(timeout=5)
            if message["type"] == "websocket.close":
                return cast("int", message["code"])


async def unpacked(somebody: Client) -> dict[str, Any]:
    frame = await somebody.receive_from(timeout=5)
    assert isinstance(frame, bytes)
    body: dict[str, Any] = msgspec.msgpack.decode(frame)
    return body


def client(
    *protocols: str, is_open: bool = True, headers: list[tuple[bytes, bytes]] = HOST
) -> Client:
    doors = Doors(Access(Snapshot, is_open=is_open))
    application = LiveConsumer.as_asgi(doors=doors)
    return Client(application, "/ws/v1/live", headers=headers, subprotocols=list(protocols))


@pytest.fixture
async def listener(publisher: Publisher) -> AsyncIterator[Client]:
    somebody = await client().opened()
    yield somebody
    await somebody.disconnect()


async def test_a_subscription_is_answered_by_a_snapshot(listener: Client) -> None:
    await listener.wants(subscribe=TEST)

    heard = await listener.hears()

    assert (heard["type"], heard["topic"], heard["seq"]) == ("snapshot", TEST, 0)
    assert heard["history"] == {"n": [], "log_e": [], "difference": [], "low": [], "high": []}


async def test_changes_follow_numbered_and_without_the_past(
    listener: Client, publisher: Publisher
) -> None:
    await listener.wants(subscribe=RESULTS)
    await listener.hears()

    publisher.predicted([row(1)])
    first = await listener.hears()
    publisher.predicted([row(2)])
    second = await listener.hears()

    assert [each["request_id"] for each in second["results"]] == [2, 1]
    assert (first["seq"], second["seq"]) == (1, 2)


async def test_a_second_subscription_brings_a_fresh_snapshot(
    listener: Client, world: World
) -> None:
    await listener.wants(subscribe=TEST)
    await listener.hears()
    world.labelled = 100

    await listener.wants(subscribe=TEST)

    assert (await listener.hears())["history"]["n"] == [200]


async def test_whoever_unsubscribes_hears_no_more(listener: Client, publisher: Publisher) -> None:
    await listener.wants(subscribe=RESULTS)
    await listener.hears()
    await listener.wants(unsubscribe=RESULTS)
    await listener.wants(subscribe=TEST)
    await listener.hears()

    publisher.predicted([row(1)])

    assert (await listener.hears())["topic"] == TEST


async def test_whoever_hangs_up_is_nobody_s_listener_any_more(
    publisher: Publisher, world: World
) -> None:
    somebody = await client().opened()
    await somebody.wants(subscribe=TEST)
    await somebody.hears()
    reads = world.reads

    await somebody.disconnect()
    publisher.touch(TEST)
    publisher.touch(RESULTS)

    assert len(SOCKETS) == 0
    assert world.reads == reads


async def test_a_listener_may_speak_msgpack(publisher: Publisher) -> None:
    somebody = await client(wire.MSGPACK).opened()
    await somebody.send_to(bytes_data=msgspec.msgpack.encode({"subscribe": RESULTS}))

    first = await unpacked(somebody)
    publisher.predicted([row(1)])
    second = await unpacked(somebody)

    assert first["results"] == []
    assert second["results"][0]["label"] == "yes"
    await somebody.disconnect()


@pytest.mark.parametrize(
    "frame",
    [
        " ",
        "nonsense",
        "[]",
        "{}",
        '{"subscribe": 5}',
        '{"subscribe": "operations", "unsubscribe": "operations"}',
        '{"subscribe": "operations", "loudly": true}',
        '{"subscribe": "experiment:8"}',
        '{"subscribe": "results:nobody"}',
        '{"subscribe": "\\ud800"}',
        "[" * 100_000,
    ],
)
async def test_a_frame_that_is_no_wish_is_answered_and_forgotten(
    listener: Client, frame: str
) -> None:
    await listener.send_to(text_data=frame)
    refused = await listener.hears()
    await listener.wants(subscribe=RESULTS)

    assert (refused["type"], refused["code"]) == ("error", "frame_invalid")
    assert (await listener.hears())["topic"] == RESULTS


async def test_a_json_listener_has_no_binary_frames(listener: Client) -> None:
    await listener.send_to(bytes_data=b'{"subscribe": "operations"}')

    assert (await listener.hears())["code"] == "frame_invalid"


async def test_too_much_nonsense_closes_the_socket(listener: Client) -> None:
    for _ in range(consumer.MOST_NONSENSE + 1):
        await listener.send_to(text_data="nonsense")

    assert await listener.closes() == 1008


async def test_a_socket_has_only_so_many_topics(
    listener: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "MOST_TOPICS", 1)
    await listener.wants(subscribe=RESULTS)
    await listener.hears()
    await listener.wants(subscribe=TEST)

    assert (await listener.hears())["code"] == "too_large"


async def test_a_draining_server_says_so_and_closes_with_1012(
    listener: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SOCKETS, "draining", False)
    await listener.wants(subscribe=RESULTS)
    await listener.hears()

    await SOCKETS.drain(1.0)

    assert (await listener.hears())["type"] == "draining"
    assert await listener.closes() == 1012


async def test_without_a_key_nobody_listens_in_production(publisher: Publisher) -> None:
    stranger = await client(is_open=False).opened()

    assert (await stranger.hears())["code"] == "unauthorized"
    assert await stranger.closes() == 4401


async def test_a_page_of_another_site_does_not_listen(publisher: Publisher) -> None:
    stranger = await client(headers=[*HOST, (b"origin", b"http://evil.example")]).opened()

    assert (await stranger.hears())["code"] == "forbidden"
    assert await stranger.closes() == 4403


async def test_where_nothing_is_published_there_is_nothing_to_hear() -> None:
    somebody = await client().opened()

    assert (await somebody.hears())["code"] == "draining"
    assert await somebody.closes() == 1012


async def test_a_listener_that_stopped_reading_is_closed(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mailbox, "SEND_SECONDS", 0.01)
    sent: list[dict[str, Any]] = []
    arriving: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    arriving.put_nowait({"type": "websocket.connect"})
    frame = json.dumps({"subscribe": RESULTS})
    arriving.put_nowait({"type": "websocket.receive", "text": frame})

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()

    scope = {"type": "websocket", "headers": HOST, "subprotocols": [], "scheme": "ws"}
    async with asyncio.timeout(5):
        await LiveConsumer.as_asgi(doors=Doors(Access(Snapshot, is_open=True)))(
            cast("Any", scope), cast("Any", arriving.get), cast("Any", send)
        )

    assert sent[-1] == {"type": "websocket.close", "code": 1013}
    assert len(SOCKETS) == 0
