"""A WebSocket server that does what it is told: what no well server can be brought to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

Script = Callable[["Peer"], Awaitable[None]]
PROTOCOLS = [Subprotocol("weir.v1.json"), Subprotocol("weir.v1.msgpack")]


class Peer:
    """One connection, in whichever encoding the client chose."""

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket
        self._binary = socket.subprotocol == "weir.v1.msgpack"
        request = socket.request
        assert request is not None
        self.path = request.path
        self.headers = request.headers

    async def say(self, kind: str, **fields: Any) -> None:
        body = {"type": kind, **fields}
        if self._binary:
            await self._socket.send(msgspec.msgpack.encode(body))
        else:
            await self._socket.send(msgspec.json.encode(body).decode())

    async def hear(self) -> dict[str, Any]:
        data = await self._socket.recv()
        frame: dict[str, Any] = (
            msgspec.msgpack.decode(data) if isinstance(data, bytes) else msgspec.json.decode(data)
        )
        return frame

    async def hello(self, credit: int = 16) -> None:
        await self.say("hello", endpoint="e", credits=credit, schema="")

    async def answer(self, frame: dict[str, Any]) -> None:
        """What a model of one feature would say: the value itself."""
        (row,) = frame.get("rows") or [list(frame["record"].values())]
        number = frame["id"]
        await self.say("result", id=number, results=[prediction(number, row[0])])

    async def answer_all(self) -> None:
        while True:
            await self.answer(await self.hear())

    async def close(self, code: int = 1000) -> None:
        await self._socket.close(code)

    def cut(self) -> None:
        """As if the machine were gone."""
        self._socket.transport.abort()


def prediction(request_id: int, value: float) -> dict[str, Any]:
    return {"status": "OK", "request_id": request_id, "value": value, "algorithm": 1}


@asynccontextmanager
async def server(*scripts: Script) -> AsyncIterator[str]:
    """Each connection has the next script, and all that follow have the last one."""
    numbers = count()

    async def handle(socket: ServerConnection) -> None:
        script = scripts[min(next(numbers), len(scripts) - 1)]
        try:
            await script(Peer(socket))
        except ConnectionClosed:
            return

    async with serve(handle, "127.0.0.1", 0, subprotocols=PROTOCOLS, close_timeout=0.2) as running:
        port = running.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
