"""Topics over sockets that end and servers that begin anew; the real ones are in tests/e2e."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

import pytest

from tests.client.scripted import Peer, Script, server
from weir_client import AsyncClient, Retries
from weir_client.errors import NotFound, Unauthorized, Unexpected, Unreachable
from weir_client.values import Snapshot

QUICK = Retries(attempts=3, total=5, first=0.001, longest=0.002)


async def heard(url: str, number: int, *topics: str) -> list[Snapshot]:
    """The first ones."""
    found: list[Snapshot] = []
    async with aclosing(AsyncClient(url, retries=QUICK).live(*topics)) as snapshots:
        async for snapshot in snapshots:
            found.append(snapshot)
            if len(found) == number:
                break
    return found


def telling(*numbers: int, then: int | None = None) -> Script:
    """Snapshots of whatever is subscribed first, under these numbers."""

    async def script(peer: Peer) -> None:
        wish: dict[str, Any] = await peer.hear()
        for number in numbers:
            await peer.say("snapshot", topic=wish["subscribe"], seq=number, told=number)
        if then is None:
            await peer.hear()
        else:
            await peer.close(then)

    return script


async def test_snapshots_come_with_topic_and_number() -> None:
    async with server(telling(0, 1)) as url:
        first, second = await heard(url, 2, "operations")

    assert (first.topic, first.seq, second.body["told"]) == ("operations", 0, 1)


async def test_what_is_older_than_what_was_heard_is_left_out() -> None:
    async with server(telling(4, 3, 4, 5)) as url:
        assert [each.seq for each in await heard(url, 3, "operations")] == [4, 4, 5]


async def test_on_another_connection_numbers_begin_anew() -> None:
    async with server(telling(7, then=1012), telling(0, 1)) as url:
        assert [each.seq for each in await heard(url, 3, "operations")] == [7, 0, 1]


async def test_every_topic_is_asked_for() -> None:
    wishes = []

    async def noting(peer: Peer) -> None:
        wishes.extend([(await peer.hear())["subscribe"] for _ in range(2)])
        await peer.say("draining")
        await peer.say("snapshot", topic=wishes[1], seq=0)
        await peer.hear()

    async with server(noting) as url:
        (found,) = await heard(url, 1, "operations", "results:e")

    assert (wishes, found.topic) == (["operations", "results:e"], "results:e")


async def test_a_topic_that_is_not_there_is_not_found() -> None:
    async def without(peer: Peer) -> None:
        await peer.hear()
        await peer.say("error", id=None, code="frame_invalid", message="There is no topic.")
        await peer.hear()

    async with server(without) as url:
        with pytest.raises(NotFound, match="no topic"):
            await heard(url, 1, "experiment:99")


async def test_a_listener_without_a_key_is_told_so_once() -> None:
    connections = 0

    async def locked(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        await peer.say("error", id=None, code="unauthorized", message="A key.")
        await peer.close(4401)

    async with server(locked) as url:
        with pytest.raises(Unauthorized):
            await heard(url, 1, "operations")

    assert connections == 1


async def test_a_server_that_is_gone_is_asked_until_the_last_try() -> None:
    with pytest.raises(Unreachable):
        await heard("http://127.0.0.1:1", 1, "operations")


async def test_what_is_no_frame_is_said_to_be_none() -> None:
    async def odd(peer: Peer) -> None:
        await peer.hear()
        await peer._socket.send("{")
        await peer.hear()

    async with server(odd) as url:
        with pytest.raises(Unexpected):
            await heard(url, 1, "operations")
