"""The short way answers as the usual one does, in order, and takes nothing that is not whole."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from asgi_project import express
from inference import calls
from inference.calls import Call
from inference.dataplane.express import Begun, Express
from inference.dataplane.http import Answer
from tests.e2e.raw import exchange, request
from tests.test_protocols import answer

PATH = "/api/v1/e/predict"


@dataclass
class Short:
    """Takes every POST but those that begin with `usual`; what is `held` is answered when told."""

    taken: list[bytes] = field(default_factory=list)
    held: dict[bytes, asyncio.Future[Any]] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def recognised(self, scheme: str, url: bytes, headers: Any) -> Any:
        strange = {b"expect", b"transfer-encoding"} & dict(headers).keys()
        return "hot" if url.startswith(b"/api/v1/") and not strange else None

    def begin(self, hot: Any, body: bytes) -> Begun | None:
        if body.startswith(b"usual"):
            return None
        self.taken.append(body)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if body.startswith(b"held"):
            self.held[body] = done
        else:
            done.set_result(body)
        self.arrived.set()
        return Begun(done, None, batch=False, call=Call(calls.REST, "e", {}))

    def answer(self, begun: Begun) -> Answer:
        body = b"short " + begun.done.result()
        return (503, body, [(b"retry-after", b"1")]) if b"refused" in body else (200, body, ())


async def usual(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await answer(send, b"usual " + body)


@dataclass
class Serving:
    port: int
    state: ServerState
    short: Short


@asynccontextmanager
async def serving() -> AsyncIterator[Serving]:
    short = Short()
    http = express.http(cast("Express", short), 1000)
    config = uvicorn.Config(usual, http=http, lifespan="off", log_config=None, access_log=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: http(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield Serving(server.sockets[0].getsockname()[1], state, short)
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def turned(happened: Callable[[], bool]) -> None:
    while not happened():  # noqa: ASYNC110  # uvicorn tells nobody
        await asyncio.sleep(0)


async def said(port: int, data: bytes, replies: int = 1) -> list[bytes]:
    return [reply.body for reply in await exchange(port, data, replies=replies)]


async def test_a_whole_request_takes_the_short_way() -> None:
    async with serving() as one:
        [reply] = await exchange(one.port, request("POST", PATH, [], b"x"))

    assert (reply.status, reply.body) == (200, b"short x")
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["content-length"] == "7"
    assert "connection" not in reply.headers


async def test_headers_of_a_refusal_are_sent() -> None:
    async with serving() as one:
        [reply] = await exchange(one.port, request("POST", PATH, [], b"refused"))

    assert (reply.status, reply.headers["retry-after"]) == (503, "1")


@pytest.mark.parametrize(
    "data",
    [
        request("GET", PATH),
        request("POST", "/other", [], b"x"),
        request("POST", PATH, [], b"usual"),
        request("POST", PATH, [("Connection", "close")], b"x"),
        request("POST", PATH, [("Expect", "100-continue")], b"x"),
        request(
            "POST", PATH, [("Transfer-Encoding", "chunked")], b"1\r\nx\r\n0\r\n\r\n", length=None
        ),
        request("POST", PATH, [], b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
)
async def test_what_is_in_any_way_particular_goes_the_usual_way(data: bytes) -> None:
    async with serving() as one:
        [reply] = await said(one.port, data)

        assert reply.startswith(b"usual")
        assert one.short.taken == []


async def test_a_body_in_pieces_goes_the_usual_way_and_is_whole_there() -> None:
    async with serving() as one:
        reading, writing = await asyncio.open_connection("127.0.0.1", one.port)
        head = request("POST", PATH, [], b"0123", length=10)
        writing.write(head)
        await turned(lambda: bool(one.state.tasks))  # the usual way has begun
        writing.write(b"456789")
        async with asyncio.timeout(5):
            head = await reading.readuntil(b"\r\n\r\n")
            body = await reading.readexactly(16)
        writing.close()

    assert (b" 200 " in head, body, one.short.taken) == (True, b"usual 0123456789", [])


async def test_requests_at_once_are_answered_in_order_whichever_way_they_go() -> None:
    bodies = [b"usual" if number % 3 == 0 else b"%d" % number for number in range(20)]
    async with serving() as one:
        data = b"".join(request("POST", PATH, [], body) for body in bodies)
        found = await said(one.port, data, replies=20)

    assert [each.rpartition(b" ")[2] for each in found] == bodies


async def test_one_request_after_the_other_on_a_connection() -> None:
    async with serving() as one:
        reading, writing = await asyncio.open_connection("127.0.0.1", one.port)
        async with asyncio.timeout(5):
            for number in range(5):
                writing.write(request("POST", PATH, [], b"%d" % number))
                await reading.readuntil(b"\r\n\r\n")
                assert await reading.readexactly(7) == b"short %d" % number
        writing.close()
        assert one.state.total_requests == 5


async def test_a_client_that_left_is_answered_to_nobody() -> None:
    async with serving() as one:
        _, writing = await asyncio.open_connection("127.0.0.1", one.port)
        writing.write(request("POST", PATH, [], b"held"))
        await one.short.arrived.wait()
        writing.transport.abort()
        await turned(lambda: not one.state.connections)
        one.short.held[b"held"].set_result(b"x")
        await asyncio.sleep(0)

        assert await said(one.port, request("POST", PATH, [], b"y")) == [b"short y"]


async def test_a_server_that_stops_answers_and_closes() -> None:
    async with serving() as one:
        reading, writing = await asyncio.open_connection("127.0.0.1", one.port)
        writing.write(request("POST", PATH, [], b"held"))
        await one.short.arrived.wait()
        for connection in list(one.state.connections):
            cast("Any", connection).shutdown()
        one.short.held[b"held"].set_result(b"last")
        async with asyncio.timeout(5):
            everything = await reading.read()
        writing.close()

    assert b"connection: close" in everything
    assert everything.endswith(b"short last")
