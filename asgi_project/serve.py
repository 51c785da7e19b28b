"""uvicorn with a drain of our own: told to stop, it first answers what was accepted.

uvicorn closes its sockets the moment it hears SIGTERM and then waits for HTTP; a result on its way
to a WebSocket would be lost. Here the signal starts the drain, the drain ends the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import resource
import socket
from types import FrameType
from typing import Final

import uvicorn

from asgi_project import express, protocols
from asgi_project.asgi import Weir
from asgi_project.env import Environment

log = logging.getLogger(__name__)

LINGER_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.02
ORPHAN_SECONDS: Final = 0.5
OTHER_FILES: Final = 1024  # requests, the database, models
LAST_SECONDS: Final = 1  # for what uvicorn itself still has to hand over after the drain


class Server(uvicorn.Server):
    """A second signal changes nothing: platforms send several."""

    def __init__(self, config: uvicorn.Config, weir: Weir, parent: int | None = None) -> None:
        """`parent` is the process that owns the socket, if that is another one."""
        super().__init__(config)
        self._weir = weir
        self._parent = parent
        self._draining: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        if self._parent is not None:
            self._watching = asyncio.ensure_future(self._until_orphaned(self._parent))
        await super().startup(sockets)

    async def _until_orphaned(self, parent: int) -> None:
        """Go with the owner of the socket: else the port would stay taken."""
        while os.getppid() == parent:  # noqa: ASYNC110  # the system tells nobody
            await asyncio.sleep(ORPHAN_SECONDS)
        self._begin()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called between two instructions of whatever runs; only asks the loop to begin."""
        if self._loop is None:
            self.should_exit = True
        else:
            self._loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        if self._draining is None:
            log.info("stopping: what was accepted is answered first")
            self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        loop = asyncio.get_running_loop()
        told = loop.time() + LINGER_SECONDS  # while it drains, they are told as well
        try:
            await self._weir.drain()
            await self._linger(told)
        finally:
            self.should_exit = True

    async def _linger(self, deadline: float) -> None:
        """Give connections that are kept alive the time to be told.

        Closing them under a client that has just sent its next request would cost it an answer
        (RFC 9112, 9.5); every answer from now on says `Connection: close`.
        """
        # uvicorn tells nobody when a connection ends, so this looks.
        while (  # noqa: ASYNC110  # no event to wait for
            self.server_state.connections and asyncio.get_running_loop().time() < deadline
        ):
            await asyncio.sleep(LOOK_SECONDS)


def _most_on_the_wire(env: Environment) -> int:
    """Of a body; a model comes in pieces that are larger than their envelopes."""
    return max(env.max_body_bytes, env.max_upload // protocols.OVERHEAD)


def server(env: Environment, weir: Weir, parent: int | None = None) -> Server:
    """Configured for many small requests: no access log, no headers nobody reads."""
    allow_files(env.max_sockets + OTHER_FILES)
    config = uvicorn.Config(
        weir,
        host=env.host,
        port=env.port,
        http=express.http(weir.express, _most_on_the_wire(env)),
        ws=protocols.WebSocket,
        ws_max_size=env.max_frame_bytes,
        ws_max_queue=64,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=env.trusted_proxies > 0,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=LAST_SECONDS,
        backlog=2048,
    )
    return Server(config, weir, parent)


def allow_files(wanted: int) -> None:
    """So many open files, if the system lets us: each socket is one, and shells allow 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
