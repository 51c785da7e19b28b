"""A TCP proxy that a test can make slow, deaf, rude or absent, at a chosen byte if need be.

Proxies run on one loop in a thread of their own, so that nothing a test waits for delays what
travels, and a test that blocks cannot mend what it broke.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

HOST: Final = "127.0.0.1"
_CHUNK: Final = 1 << 16
_SLOW_CHUNK: Final = 1 << 10  # so that a throttled line trickles instead of jumping
_COMMAND_SECONDS: Final = 10.0
# Lingering for no time at all: the kernel sends RST instead of FIN.
_NO_LINGER: Final = struct.pack("ii", 1, 0)
_CHUNKS_ON_THE_WAY: Final = 256
_Chunk = tuple[float, bytes]  # when it arrives, by the clock of the loop; nothing is the end
Answer = TypeVar("Answer")


class Direction(Enum):
    """Which way bytes travel."""

    UP = "up"  # from the client to the server
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Line:
    """What a chunk of bytes suffers on its way."""

    latency: float = 0.0
    jitter: float = 0.0
    bytes_per_second: float = 0.0  # as fast as it goes

    def travel(self, size: int) -> float:
        """How long so many bytes keep the line busy."""
        return size / self.bytes_per_second if self.bytes_per_second else 0.0

    def delay(self, chance: float) -> float:
        """How long they are on their way; `chance` is between 0 and 1."""
        return self.latency + self.jitter * chance


@dataclass(slots=True)
class Cut:
    """One connection is reset when so many more bytes have travelled in one direction."""

    direction: Direction
    bytes_left: int


class Link:
    """One client's connection and ours to the server behind."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self._ends = (client, server)

    def finish(self) -> None:
        """What was sent arrives, then both ends hear that it was all (FIN)."""
        for end in self._ends:
            end.close()

    def reset(self) -> None:
        """Both ends are told at once that this connection is no more (RST)."""
        for end in self._ends:
            line: socket.socket = end.get_extra_info("socket")
            with contextlib.suppress(OSError):  # closed already
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
            end.transport.abort()


class Proxy:
    """A port of its own in front of one server; every method may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: int, seed: int = 0) -> None:
        self.upstream = upstream  # changing it moves connections that are made from now on
        self.carried = dict.fromkeys(Direction, 0)
        self._loop = loop
        self._dice = random.Random(seed)
        self._line = Line()
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut: Cut | None = None
        self._flowing = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self.port = 0

    @property
    def connections(self) -> int:
        return len(self._links)

    @property
    def cut_is_due(self) -> bool:
        """Whether the cut that was asked for has not happened yet."""
        return self._cut is not None

    def listen(self) -> None:
        """From the first call on always at the same port."""
        self._command(self._listen())

    def refuse(self) -> None:
        """New connections are refused; those that are there stay."""
        self._command(self._refuse())

    def heal(self) -> None:
        """Everything passes again, at once and whole."""

        def healed() -> None:
            self._line, self._cut = Line(), None
            self._flowing.set()

        self._call(healed)
        self.listen()

    def slow(self, line: Line) -> None:
        self._line = line

    def swallow(self) -> None:
        """Half open: connections are made and kept, and nothing gets through in either direction.

        What was sent meanwhile arrives after `heal`, as TCP sends again what a broken cable lost.
        """
        self._call(self._flowing.clear)

    def finish(self) -> None:
        self._each(Link.finish)

    def reset(self) -> None:
        self._each(Link.reset)

    def cut(self, direction: Direction, after: int) -> None:
        """Reset the connection on which byte `after` from now would have been the next to pass."""
        self._cut = Cut(direction, after)

    def close(self) -> None:
        self._command(self._close())

    # -- on the loop -------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._listener is None:
            self._flowing.set()
            self._listener = await asyncio.start_server(
                self._serve, HOST, self.port, limit=_CHUNK, backlog=1024
            )
            self.port = self._listener.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        # Not `wait_closed`: it waits for the connections, too.
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _close(self) -> None:
        await self._refuse()
        for link in list(self._links):
            link.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._carry(client, answers))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        try:
            server, requests = await asyncio.open_connection(HOST, self.upstream, limit=_CHUNK)
        except OSError:
            Link(answers, answers).reset()
            return
        link = Link(answers, requests)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._pump(client, requests, Direction.UP, link))
                both.create_task(self._pump(server, answers, Direction.DOWN, link))
        except* OSError:  # one end is gone: so is the other
            link.reset()
        finally:
            self._links.discard(link)
            link.finish()

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        direction: Direction,
        link: Link,
    ) -> None:
        """Takes in what comes while what came before is on its way."""
        way: asyncio.Queue[_Chunk] = asyncio.Queue(_CHUNKS_ON_THE_WAY)
        async with asyncio.TaskGroup() as both:
            both.create_task(self._take_in(source, way))
            both.create_task(self._hand_over(way, sink, direction, link))

    async def _take_in(self, source: asyncio.StreamReader, way: asyncio.Queue[_Chunk]) -> None:
        free_at = arrival = 0.0
        while True:
            data = await source.read(self._appetite)
            line, now = self._line, self._loop.time()
            free_at = max(free_at, now) + line.travel(len(data))
            # Jitter delays, it does not reorder: this is TCP.
            arrival = max(arrival, free_at + line.delay(self._dice.random()))
            await way.put((arrival, data))
            if not data:
                return

    async def _hand_over(
        self,
        way: asyncio.Queue[_Chunk],
        sink: asyncio.StreamWriter,
        direction: Direction,
        link: Link,
    ) -> None:
        while True:
            arrival, data = await way.get()
            if (early := arrival - self._loop.time()) > 0:
                await asyncio.sleep(early)
            await self._flowing.wait()
            if not data:
                break
            whole = self._until_cut(data, direction)
            self.carried[direction] += len(whole)
            sink.write(whole)
            await sink.drain()
            if len(whole) < len(data):
                link.reset()
                raise ConnectionResetError
        if sink.can_write_eof():
            sink.write_eof()

    @property
    def _appetite(self) -> int:
        return _SLOW_CHUNK if self._line.bytes_per_second else _CHUNK

    def _until_cut(self, data: bytes, direction: Direction) -> bytes:
        """As much of it as travels before the cut."""
        cut = self._cut
        if cut is None or cut.direction is not direction:
            return data
        if len(data) <= cut.bytes_left:
            cut.bytes_left -= len(data)
            return data
        self._cut = None
        return data[: cut.bytes_left]

    # -- from other threads ------------------------------------------------------------------

    def _each(self, do: Callable[[Link], None]) -> None:
        def all_of_them() -> None:
            for link in list(self._links):
                do(link)

        self._call(all_of_them)

    def _call(self, do: Callable[[], None]) -> None:
        async def called() -> None:
            do()

        self._command(called())

    def _command(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_COMMAND_SECONDS)


class Proxies:
    """The thread that proxies run in; `with Proxies() as proxies:` closes all that were opened."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._opened: list[Proxy] = []

    def __enter__(self) -> Proxies:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for proxy in self._opened:
            proxy.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def open(self, upstream: int) -> Proxy:
        """A proxy that listens, in front of this port of the own machine."""
        proxy = Proxy(self._loop, upstream, seed=len(self._opened))
        proxy.listen()
        self._opened.append(proxy)
        return proxy
