"""A port beside the one for traffic, or the only one that a worker has: for /metrics."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from asgi_project import protocols
from inference.dataplane.asgi import Application


class SidePort:
    """Listens from the moment it is made, so that a port which is taken ends the start."""

    def __init__(self, host: str, port: int) -> None:
        """Raises OSError if somebody else has it."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self._serving: asyncio.Task[None] | None = None

    async def start(self, application: Application) -> None:
        config = uvicorn.Config(
            application,
            http=protocols.Http,  # else who says nothing takes one of the few places for ever
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            limit_concurrency=64,
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))

    async def stop(self) -> None:
        if self._serving is not None:
            self._server.should_exit = True
            await asyncio.gather(self._serving, return_exceptions=True)
        self._socket.close()


class _Server(uvicorn.Server):
    """The process has a server or a worker that minds its signals."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
