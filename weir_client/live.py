"""Topics as they change: whole snapshots, from whatever server is there."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from weir_client import errors, retries, sockets
from weir_client.address import Address
from weir_client.errors import NotFound, Unexpected, WeirError
from weir_client.retries import Retries
from weir_client.values import Json, Snapshot

PATH: Final = "/ws/v1/live"
_JSON: Final = "weir.v1.json"


class Listener:
    """Listens to topics until nobody wants to hear more.

    Each snapshot is complete, so what is missed on the way from one server to the next is not
    missing. One that is older than what was heard on the same connection is left out.
    """

    def __init__(
        self, address: Address, topics: Sequence[str], policy: Retries, timeout: float
    ) -> None:
        self._address = address
        self._topics = topics
        self._policy = policy
        self._timeout = timeout
        self._failed = 0

    async def snapshots(self) -> AsyncGenerator[Snapshot]:
        """Raises NotFound for a topic that is not there, and what ended it for good."""
        while True:
            try:
                async with contextlib.aclosing(self._heard()) as heard:
                    async for snapshot in heard:
                        self._failed = 0
                        yield snapshot
            except WeirError as error:
                await self._pause(error)

    async def _heard(self) -> AsyncGenerator[Snapshot]:
        """From one connection; raises why it ended."""
        said: WeirError | None = None
        async with sockets.opened(self._address, PATH, _JSON, self._timeout, {}) as socket:
            try:
                await self._subscribe(socket)
                seen = dict.fromkeys(self._topics, -1)
                while True:
                    message = _read(await socket.recv(decode=False))
                    if message["type"] == "error":
                        said = _passing(message)
                    elif message["type"] == "snapshot" and message["seq"] >= seen[message["topic"]]:
                        seen[message["topic"]] = message["seq"]
                        yield Snapshot(message["topic"], message["seq"], message)
            except ConnectionClosed:
                pass
        raise sockets.why(socket.close_code, said)

    async def _subscribe(self, socket: ClientConnection) -> None:
        for topic in self._topics:
            await socket.send(msgspec.json.encode({"subscribe": topic}).decode())

    async def _pause(self, error: WeirError) -> None:
        self._failed += 1
        if self._failed >= self._policy.attempts or not retries.worth(error, repeatable=True):
            raise error
        await asyncio.sleep(self._policy.pause(self._failed, error.retry_after))


def _read(data: str | bytes) -> Json:
    try:
        message: Json = msgspec.json.decode(data)
    except ValueError as error:
        raise Unexpected(f"A frame of another protocol: {error}") from error
    return message


def _passing(message: dict[str, Any]) -> WeirError:
    """Why the connection will end; raises what another one would not change.

    What is refused to a listener who may listen is a topic.
    """
    if message["code"] == "frame_invalid":
        raise NotFound(message.get("message"))
    told = message.get("retry_after_ms")
    seconds = None if told is None else told / 1000
    error = errors.of(message["code"], message.get("message"), retry_after=seconds)
    if not retries.worth(error, repeatable=True):
        raise error
    return error
