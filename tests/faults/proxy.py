"""A TCP proxy that a test can make slow, deaf, rude or absent, at a chosen byte if need be.

Proxies run on one loop in a thread of their own, so that nothing a test waits for delays what
travels, and a test that blocks cannot mend what it broke.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from tests.faults.way import Link, Way
from tests.faults.weather import Cut, Direction, Line, Weather

HOST: Final = "127.0.0.1"
_COMMAND_SECONDS: Final = 10.0
_BACKLOG: Final = 1024
Answer = TypeVar("Answer")


class Proxy:
    """A port of its own in front of one server; every method may be called from any thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: int, seed: int = 0) -> None:
        self.upstream = upstream  # changing it moves connections that are made from now on
        self.port = 0
        self._loop = loop
        self._weather = Weather(random.Random(seed))
        self._links: set[Link] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        return len(self._links)

    @property
    def cut_is_due(self) -> bool:
        """Whether the cut that was asked for has not happened yet."""
        return self._weather.cut is not None

    def carried(self, direction: Direction) -> int:
        """How many bytes, on all connections so far."""
        return self._weather.carried[direction]

    def listen(self) -> None:
        """From the first call on always at the same port."""
        self._command(self._listen())

    def refuse(self) -> None:
        """New connections are refused; those that are there stay."""
        self._command(self._refuse())

    def heal(self) -> None:
        """Everything passes again, at once and whole."""
        self._call(self._weather.clear)
        self.listen()

    def slow(self, line: Line) -> None:
        self._weather.line = line

    def swallow(self) -> None:
        """Half open: connections are made and kept, and nothing gets through in either direction.

        What was sent meanwhile arrives after `heal`, as TCP sends again what a broken cable lost.
        """
        self._call(self._weather.flowing.clear)

    def finish(self) -> None:
        self._each(Link.finish)

    def reset(self) -> None:
        self._each(Link.reset)

    def cut(self, direction: Direction, after: int) -> None:
        """Reset the connection on which byte `after` from now would have been the next to pass."""
        self._weather.cut = Cut(direction, after)

    def close(self) -> None:
        self._command(self._close())

    # -- on the loop -------------------------------------------------------------------------

    async def _listen(self) -> None:
        if self._listener is None:
            self._weather.flowing.set()
            self._listener = await asyncio.start_server(
                self._serve, HOST, self.port, backlog=_BACKLOG
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
            server, requests = await asyncio.open_connection(HOST, self.upstream)
        except OSError:
            Link(answers, answers).reset()
            return
        link = Link(answers, requests)
        self._links.add(link)
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(Way(self._weather, Direction.UP).carry(client, requests))
                both.create_task(Way(self._weather, Direction.DOWN).carry(server, answers))
        except* OSError:  # one end is gone, or cut off: so is the other
            link.reset()
        finally:
            self._links.discard(link)
            link.finish()

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
