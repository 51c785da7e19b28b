"""What uvicorn would wait for, keep or answer for ever, ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from uvicorn.server import ServerState

from asgi_project import protocols
from tests.e2e.hand import BINARY, CLOSE, CONTINUE, PING, PONG, TEXT, Hand, frame
from tests.e2e.raw import Reply, exchange, request

App = Callable[[Any, Any, Any], Awaitable[None]]


@asynccontextmanager
async def serving(app: App, *, seconds: float = 0.1, max_body: int = 1000) -> AsyncIterator[int]:
    """The port at which these protocols are spoken, impatiently."""
    http = protocols.bounded(max_body)
    http.head_seconds = http.stuck_seconds = seconds
    config = uvicorn.Config(
        app, http=http, ws=protocols.WebSocket, lifespan="off", log_config=None, access_log=False
    )
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: http(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for connection in list(state.connections):
            connection.transport.abort()
        await asyncio.gather(*state.tasks, return_exceptions=True)


async def answer(send: Any, body: bytes, status: int = 200) -> None:
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """The body, or over a socket the text."""
    if scope["type"] == "websocket":
        await _sounding(receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body, more = body + message["body"], message["more_body"]
    await answer(send, body)


async def _sounding(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message.get("text") or "bytes"})


async def refusing(scope: Any, receive: Any, send: Any) -> None:
    """Before the body is read."""
    await answer(send, b"", 413)


async def heard(port: int, *pieces: bytes) -> bytes:
    """All that comes until the server closes, while `pieces` are sent now and then."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)

    async def dripping() -> None:
        for piece in pieces:
            writing.write(piece)
            await asyncio.sleep(0.02)

    drip = asyncio.ensure_future(dripping())
    found = b""
    try:
        async with asyncio.timeout(5):
            while data := await reading.read(65536):
                found += data
    except ConnectionError:
        pass
    finally:
        drip.cancel()
        writing.close()
    return found


async def test_a_head_that_drips_is_cut_with_a_word() -> None:
    async with serving(echo) as port:
        assert b" 408 " in await heard(port, b"GET / HTTP/1.1\r\nX: ", *[b"x"] * 100)


async def test_who_says_nothing_is_left_without_a_word() -> None:
    async with serving(echo) as port:
        assert await heard(port) == b""


async def test_a_line_break_after_an_answer_does_not_keep_the_connection() -> None:
    async with serving(echo) as port:
        said = await heard(port, request("GET", "/"), b"", b"", b"\r\n")

    assert said.count(b" 200 ") == 1


async def test_a_body_in_pieces_has_the_time_that_the_application_gives() -> None:
    async with serving(echo, seconds=0.05) as port:
        start = request("POST", "/", [("Connection", "close")], b"0", length=10)

        assert (await heard(port, start, *[b"%d" % n for n in range(1, 10)])).endswith(
            b"0123456789"
        )


async def test_the_rest_of_a_refused_body_is_not_waited_for() -> None:
    async with serving(refusing) as port:
        start = request("POST", "/", [], b"x", length=1_000_000)

        assert b" 413 " in await heard(port, start, *[b"x"] * 100)


async def test_a_head_without_end_is_cut() -> None:
    async with serving(echo, seconds=5.0) as port:
        head = b"GET / HTTP/1.1\r\nX: "

        assert b" 431 " in await heard(port, head, *[b"x" * 40_000] * 5)


@pytest.mark.parametrize(
    "trailer", [b"X: " + b"x" * 100_000, b"X: x\r\n" * 5000], ids=["long", "many"]
)
async def test_trailers_without_end_are_cut(trailer: bytes) -> None:
    chunked = request(
        "POST", "/", [("Transfer-Encoding", "chunked")], b"1\r\nx\r\n0\r\n", length=None
    )
    async with serving(echo, seconds=5.0) as port:
        assert await heard(port, chunked, *[trailer] * 3) == b""


@pytest.mark.parametrize("name", ["Upgrade", "upgrade", "UPGRADE"])
async def test_an_offer_of_http_2_costs_no_body(name: str) -> None:
    offer = [("Connection", "Upgrade, HTTP2-Settings"), (name, "h2c"), ("HTTP2-Settings", "AAMA")]
    first = request("POST", "/", offer, b"upgrade: h2c\r\n")
    async with serving(echo) as port:
        replies = await exchange(port, first + request("POST", "/", [], b"two"), replies=2)

    assert [reply.body for reply in replies] == [b"upgrade: h2c\r\n", b"two"]


async def test_each_of_many_requests_at_once_is_answered_in_order() -> None:
    bodies = [b"%d" % number for number in range(20)]
    async with serving(echo) as port:
        replies: list[Reply] = await exchange(
            port, b"".join(request("POST", "/", [], body) for body in bodies), replies=20
        )

    assert [reply.body for reply in replies] == bodies


async def test_who_reads_nothing_is_let_go_and_no_request_of_his_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    over = asyncio.Event()

    async def large(scope: Any, receive: Any, send: Any) -> None:
        try:
            await answer(send, b"x" * 50_000_000)
        finally:
            over.set()

    async with serving(large) as port:
        _, writing = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writing.write(request("GET", "/") * 3)
        async with asyncio.timeout(5):
            await over.wait()
        writing.transport.abort()

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


# -- sockets ---------------------------------------------------------------------------------------


async def test_a_text_that_is_no_utf_8_leaves_no_trace(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(echo) as port, Hand(port, "/") as hand:
        hand.writing.write(frame(TEXT, b"\xff"))

        assert (await hand.until_closed())[0] == 1007

    assert "Traceback" not in caplog.text


async def test_a_text_in_pieces_is_one_text() -> None:
    async with serving(echo) as port, Hand(port, "/") as hand:
        text = "é".encode()
        hand.writing.write(frame(TEXT, text[:1], final=False) + frame(CONTINUE, text[1:]))
        assert await hand.receive() == (TEXT, text)
        hand.writing.write(frame(BINARY, b"\xff"))
        assert await hand.receive() == (TEXT, b"bytes")


async def test_countless_pieces_are_too_many() -> None:
    pieces = frame(TEXT, b"", final=False) + frame(CONTINUE, b"", final=False) * 1100
    async with serving(echo) as port, Hand(port, "/") as hand:
        hand.writing.write(pieces)

        assert (await hand.until_closed())[0] == 1009


async def test_a_close_does_not_wait_for_who_does_not_read() -> None:
    closing = asyncio.Event()

    async def shouting(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.2):
                while True:
                    await send({"type": "websocket.send", "text": "x" * 1_000_000})
        await send({"type": "websocket.close", "code": 1013})
        closing.set()

    async with serving(shouting) as port, Hand(port, "/") as hand:
        async with asyncio.timeout(5):
            await closing.wait()
        hand.writing.write(frame(PING, b"!") * 10_000)
        code, said = await hand.until_closed()

    assert code == 1013
    assert {len(each) for each in said} == {1_000_000}


UPGRADE = [
    ("Upgrade", "websocket"),
    ("Connection", "Upgrade"),
    ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
    ("Sec-WebSocket-Version", "13"),
]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (request("GET", "/", [*UPGRADE, *((f"x-{n}", "") for n in range(130))]), 431),
        (request("GET", "/", [*UPGRADE, ("Cookie", "c" * 9000)]), 431),
        (request("GET", "/" + "p" * 9000, UPGRADE), 414),
        (request("POST", "/", UPGRADE, b"body"), 400),
    ],
)
async def test_a_handshake_that_nobody_reads_is_refused(data: bytes, status: int) -> None:
    """Else it would stay, and no bound on time or number holds for it."""
    async with serving(echo, seconds=60) as port:
        reply = await heard(port, data)

    assert reply.startswith(b"HTTP/1.1 %d " % status)


async def test_a_ping_is_answered() -> None:
    async with serving(echo) as port, Hand(port, "/") as hand:
        hand.writing.write(frame(PING, b"there?") + frame(CLOSE, b"\x03\xe8"))

        assert await hand.receive() == (PONG, b"there?")


async def test_no_log_has_the_headers_of_a_handshake(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        serving(echo) as port,
        Hand(port, "/", [("Authorization", "Api-Key s3cret")]) as hand,
    ):
        hand.writing.write(frame(TEXT, b"hello"))
        await hand.receive()

    assert "s3cret" not in caplog.text


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
@pytest.mark.parametrize("text", [True, False])
async def test_frames_of_every_size_are_what_other_clients_read(size: int, text: bool) -> None:
    async def saying(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        said = {"text": "é" * size} if text else {"bytes": b"x" * size}
        await send({"type": "websocket.send", **said})
        await send({"type": "websocket.close"})

    async with (
        serving(saying, seconds=5.0) as port,
        websockets.connect(f"ws://127.0.0.1:{port}/", max_size=None) as client,
    ):
        assert await client.recv() == ("é" * size if text else b"x" * size)
        with pytest.raises(websockets.ConnectionClosedOK):
            await client.recv()
