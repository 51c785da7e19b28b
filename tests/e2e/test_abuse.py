"""Who is slow, greedy or gone costs no more than is allowed, and his neighbours nothing."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pytest

from tests import servers
from tests.e2e.corpus import ENDPOINT
from tests.e2e.corpus_http import FORM, GOOD, JSON, PREDICT
from tests.e2e.hand import CLOSE, PING, PONG, TEXT, Hand, frame, handshake
from tests.e2e.neighbours import Neighbours
from tests.e2e.raw import Header, exchange, request
from tests.e2e.rows import query
from tests.servers import Server

PATH: Final = f"/ws/v1/predict/{ENDPOINT}"
LIVE: Final = "/ws/v1/live"
MOST_SOCKETS: Final = 220
MB: Final = 1024 * 1024
IN_TIME: Final = 20.0  # seconds; what the server waits for is a fraction of it
LATER: Final = b"\x88\x02" + (1013).to_bytes(2, "big")
HEAD: Final = f"POST {PREDICT} HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode()

pytestmark = pytest.mark.alone


class Impatient(Server):
    """See `tests.e2e.impatient`."""

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "tests.e2e.impatient"]


@pytest.fixture(scope="module")
def server(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    data = servers.copy(prepared, tmp_path_factory.mktemp("abuse") / "data")
    env = {"WEIR_MAX_SOCKETS": str(MOST_SOCKETS)}
    with Impatient(data, env=env) as running:
        yield running


@pytest.fixture(autouse=True)
async def _unharmed(server: Server) -> AsyncIterator[None]:
    """After each test no socket is counted that is not there, and no error is in the log."""
    yield
    await until(lambda: sockets(server), 0)
    odd = [line for line in server.log.splitlines() if "Traceback" in line or " ERROR " in line]
    assert odd == []
    assert server.process.poll() is None


@pytest.fixture
async def neighbours(server: Server) -> AsyncIterator[Neighbours]:
    """Busy during the test; whatever happens, they are answered rightly."""
    found = Neighbours(server)
    async with found.busy():
        yield found
    assert found.wrong == []
    assert found.answered


async def until(found: Callable[[], Awaitable[object]], wanted: object) -> None:
    """Polls, for these are things that nobody announces."""
    async with asyncio.timeout(IN_TIME):
        while await found() != wanted:  # noqa: ASYNC110  # in another process
            await asyncio.sleep(0.02)


async def operations(server: Server) -> dict[str, Any]:
    async with httpx.AsyncClient(base_url=server.url, timeout=IN_TIME) as client:
        answer: dict[str, Any] = (await client.get("/api/v1/operations")).json()
        return answer


async def sockets(server: Server) -> int:
    """Not counting the neighbours, who have left when this is asked at the end."""
    return int((await operations(server))["sockets"])


def resident(server: Server) -> int:
    return int(psutil.Process(server.process.pid).memory_info().rss)


def holds(server: Server, client: socket.socket) -> bool:
    """Whether the server has this connection still."""
    held = psutil.Process(server.process.pid).net_connections("tcp4")
    return client.getsockname() in [tuple(each.raddr) for each in held]


def connected(server: Server, *, window: int | None = None) -> socket.socket:
    """A connection that reads as little as `window`."""
    client = socket.socket()
    if window is not None:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(IN_TIME)
    client.connect(("127.0.0.1", server.port))
    return client


# -- slow ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [JSON, FORM, ("Content-Type", "text/plain")])
async def test_a_body_that_never_comes_is_given_up(server: Server, kind: Header) -> None:
    half = request("POST", PREDICT, [kind], GOOD[:5], length=50)

    [reply] = await exchange(server.port, half)

    assert (reply.status, reply.code) == (408, "too_slow")
    assert reply.headers["connection"] == "close"


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (HEAD + b"Content-Type: application/json\r\nContent-Length: 500\r\n\r\n", b" 408 "),
        (HEAD + b"Content-Length: 1000000000\r\n\r\n", b" 413 "),
        (HEAD + b"X-Slow: ", b" 408 "),
        (b"POST /", b" 408 "),
    ],
    ids=["body", "refused body", "header", "line"],
)
async def test_who_drips_is_cut_off_all_the_same(
    server: Server, neighbours: Neighbours, start: bytes, said: bytes
) -> None:
    """No byte that comes buys more time."""
    reading, writing = await asyncio.open_connection("127.0.0.1", server.port)
    writing.write(start)

    async def drip() -> None:
        while True:
            writing.write(b"x")
            await asyncio.sleep(0.1)

    dripping = asyncio.ensure_future(drip())
    async with asyncio.timeout(IN_TIME):
        heard = b""
        with contextlib.suppress(ConnectionError):
            while data := await reading.read(65536):
                heard += data
    dripping.cancel()
    writing.close()
    assert said in heard.partition(b"\r\n")[0]


async def test_hundreds_who_say_nothing_are_let_go(server: Server, neighbours: Neighbours) -> None:
    silent = [connected(server) for _ in range(300)]

    async with asyncio.timeout(IN_TIME):
        loop = asyncio.get_running_loop()
        for each in silent:
            each.setblocking(False)
            assert await loop.sock_recv(each, 1) == b""
            each.close()


async def test_who_reads_no_answers_is_let_go(server: Server, neighbours: Neighbours) -> None:
    client = connected(server, window=4096)
    client.settimeout(0.1)
    asking = request("GET", "/api/v1/schema", [("Accept", "application/json")]) * 400
    with contextlib.suppress(TimeoutError, ConnectionError):
        client.sendall(asking)

    async def held() -> bool:
        return holds(server, client)

    assert await held()
    await until(held, wanted=False)
    client.close()


async def test_a_head_without_end_is_cut_off_before_it_is_kept(
    server: Server, neighbours: Neighbours
) -> None:
    before = resident(server)
    _, writing = await asyncio.open_connection("127.0.0.1", server.port)
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(IN_TIME):
            writing.write(HEAD + b"X-Long: ")
            for _ in range(500):
                writing.write(b"a" * 200_000)
                await writing.drain()
    writing.transport.abort()
    assert resident(server) - before < 30 * MB


# -- sockets that do not read ----------------------------------------------------------------------


async def test_a_slow_reader_is_closed_and_costs_little(
    server: Server, neighbours: Neighbours
) -> None:
    """Whoever reads on afterwards, reads everything that came before, and 1013 in the end."""
    rows = json.dumps({"id": 1, "records": [{"mean_radius": 14.1}] * 100}).encode()
    first = await _all_stuffed(server, rows)  # these cost what the next ones use again
    before = resident(server)
    clients = await _all_stuffed(server, rows)

    assert resident(server) - before < 30 * MB
    heard = await asyncio.to_thread(_everything, clients[0])
    assert heard.endswith(LATER)
    for client in (*first, *clients):
        client.close()


async def _all_stuffed(server: Server, text: bytes) -> list[socket.socket]:
    clients = await asyncio.gather(*[_stuffed(server, text) for _ in range(2)])
    await until(lambda: sockets(server), 2)  # the neighbours
    return clients


async def _stuffed(server: Server, text: bytes) -> socket.socket:
    """It has sent as much as it could, and has read nothing."""
    client = connected(server, window=32_768)
    client.sendall(handshake(PATH))
    client.settimeout(1.0)  # a busy server reads on sooner
    with contextlib.suppress(TimeoutError, ConnectionError):
        for _ in range(20_000):  # many are refused at once, and their answers are short
            await asyncio.to_thread(client.sendall, frame(TEXT, text))
    client.settimeout(IN_TIME)
    return client


def _everything(client: socket.socket) -> bytes:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, MB)
    heard = bytearray()
    with contextlib.suppress(ConnectionError):
        while not heard.endswith(LATER) and (data := client.recv(MB)):
            heard += data
    client.close()
    return bytes(heard)


async def test_pings_of_who_does_not_read_are_not_kept(
    server: Server, neighbours: Neighbours
) -> None:
    before = resident(server)
    client = connected(server, window=4096)
    client.sendall(handshake(PATH))
    client.settimeout(0.5)
    pings = frame(PING, b"p" * 100) * 1000
    with contextlib.suppress(TimeoutError, ConnectionError):
        for _ in range(300):  # 30 MB of pongs
            await asyncio.to_thread(client.sendall, pings)
    assert resident(server) - before < 15 * MB
    client.close()


# -- greedy ----------------------------------------------------------------------------------------


async def test_a_flood_is_answered_frame_by_frame(server: Server, neighbours: Neighbours) -> None:
    many = 10_000
    before = resident(server)
    async with Hand(server.port, PATH) as hand:
        await hand.receive()
        frames = [
            frame(TEXT, b'{"id":%d,"record":{"mean_radius":14.1}}' % number)
            for number in range(many)
        ]
        hand.writing.write(b"".join(frames))
        heard = [json.loads((await hand.receive())[1]) for _ in range(many)]

    assert sorted(each["id"] for each in heard) == list(range(many))
    assert {each["type"] for each in heard} <= {"result", "overloaded"}
    assert resident(server) - before < 60 * MB


async def test_there_are_so_many_sockets_and_no_more(server: Server) -> None:
    async with AsyncExitStack() as stack:
        hands = [
            await stack.enter_async_context(Hand(server.port, PATH)) for _ in range(MOST_SOCKETS)
        ]
        for hand in hands:
            assert b"hello" in (await hand.receive())[1]
        for path in (PATH, LIVE):
            async with Hand(server.port, path) as refused:
                closed, [said] = await refused.until_closed()
            assert (json.loads(said)["type"], closed) == ("overloaded", 1013)
            assert json.loads(said)["retry_after_ms"] == 5000
        hands[0].writing.write(frame(CLOSE, (1000).to_bytes(2, "big")))
        await hands[0].until_closed()
        await until(lambda: sockets(server), MOST_SOCKETS - 1)
        async with Hand(server.port, LIVE) as admitted:
            admitted.writing.write(frame(TEXT, b'{"subscribe":"operations"}'))
            assert b"snapshot" in (await admitted.receive())[1]


# -- gone ------------------------------------------------------------------------------------------


async def test_a_storm_of_comings_and_goings_leaves_nothing(
    server: Server, neighbours: Neighbours
) -> None:
    async def visit(number: int) -> None:
        async with Hand(server.port, (PATH, LIVE)[number % 2]) as hand:
            if number % 3:
                hand.writing.write(frame(TEXT, b'{"subscribe":"results:breast_cancer"}'))
                await hand.receive()

    await asyncio.gather(*[visit(number) for number in range(200)])  # the first visits cost most
    before = resident(server)
    for _ in range(2):
        await asyncio.gather(*[visit(number) for number in range(200)])
    await until(lambda: sockets(server), 2)
    assert resident(server) - before < 20 * MB


async def test_who_vanishes_with_frames_in_flight_leaves_nothing_waiting(
    server: Server, neighbours: Neighbours
) -> None:
    async def vanish(number: int) -> None:
        async with Hand(server.port, PATH) as hand:
            await hand.receive()
            rows = json.dumps({"id": number, "records": [{"mean_radius": 14.1}] * 20}).encode()
            hand.writing.write(frame(TEXT, rows) * 16)
            await hand.receive()

    async def posts() -> None:
        _, writing = await asyncio.open_connection("127.0.0.1", server.port)
        writing.write(request("POST", PREDICT, [JSON], GOOD))
        await writing.drain()
        writing.transport.abort()

    await asyncio.gather(*[vanish(n) for n in range(50)], *[posts() for _ in range(50)])

    async def waiting() -> tuple[int, int]:
        now = await operations(server)
        return now["sockets"], sum(each["queue_rows"] for each in now["endpoints"])

    await until(waiting, (2, 0))
    [(rows, distinct)] = query(
        server.data, "select count(*), count(distinct id) from inference_mlrequest"
    )
    assert rows == distinct


# -- patient ---------------------------------------------------------------------------------------


async def test_who_has_nothing_to_say_may_stay(server: Server, neighbours: Neighbours) -> None:
    """Longer than anything here waits for: brokers' clients have closed idle sockets at five."""
    async with Hand(server.port, PATH) as one, Hand(server.port, LIVE) as other:
        await one.receive()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(11):
                await one.receive()
        for hand, text in ((one, b'{"id":1,"record":%s}' % GOOD), (other, b'{"subscribe":"x"}')):
            hand.writing.write(frame(PING, b"still here") + frame(TEXT, text))
            assert await hand.receive() == (PONG, b"still here")
            assert (await hand.receive())[0] == TEXT
