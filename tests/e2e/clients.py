"""Clients that keep a journal: what they sent, what was answered, how it ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

MOST_IN_FLIGHT = 200


class Journal:
    """The ids of requests that were answered with a result, by all clients together."""

    def __init__(self, enough: int) -> None:
        self.answered: list[int] = []
        self.enough = asyncio.Event()
        self._wanted = enough

    def note(self, request_id: int) -> None:
        self.answered.append(request_id)
        if len(self.answered) >= self._wanted:
            self.enough.set()


async def post_until_refused(url: str, record: dict[str, Any], journal: Journal) -> str:
    """How it ended: `refused` (503 draining), `unreachable`, or `broken`: sent, never answered."""
    async with httpx.AsyncClient(timeout=20) as client:
        while True:
            try:
                answer = await client.post(url, json=record)
            except httpx.ConnectError:
                return "unreachable"
            except httpx.TransportError:
                return "broken"
            if answer.status_code != 200:
                assert (answer.status_code, answer.json()["code"]) == (503, "draining")
                assert answer.headers["retry-after"]
                return "refused"
            journal.note(answer.json()["request_id"])


class Stream:
    """One WebSocket that sends records as fast as the answers allow."""

    def __init__(self, record: dict[str, Any], journal: Journal) -> None:
        self.draining = False
        self.in_flight: set[int] = set()
        self.close_code = 0
        self._record = record
        self._journal = journal
        self._room = asyncio.Event()

    async def run(self, url: str) -> Stream:
        """Until the server closes."""
        socket = await connect(url, subprotocols=["weir.v1.json"])  # type: ignore[list-item]  # a NewType
        feeding = asyncio.ensure_future(self._feed(socket))
        try:
            async for text in socket:
                self._read(json.loads(text), feeding)
        except ConnectionClosed:
            pass
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
        self.close_code = socket.close_code or 0
        return self

    async def _feed(self, socket: ClientConnection) -> None:
        number = 0
        while True:
            while len(self.in_flight) < MOST_IN_FLIGHT:
                number += 1
                self.in_flight.add(number)
                await socket.send(json.dumps({"id": number, "record": self._record}))
            self._room.clear()
            await self._room.wait()

    def _read(self, frame: dict[str, Any], feeding: asyncio.Future[None]) -> None:
        if frame["type"] == "draining":
            self.draining = True
            feeding.cancel()
        if frame["type"] in {"result", "error", "overloaded"}:
            self.in_flight.discard(frame["id"])
            self._room.set()
        if frame["type"] == "result":
            self._journal.note(frame["result"]["request_id"])


@asynccontextmanager
async def opened(url: str, subprotocol: str = "weir.v1.json") -> AsyncIterator[ClientConnection]:
    """A socket whose hello was read."""
    async with connect(url, subprotocols=[subprotocol]) as socket:  # type: ignore[list-item]  # a NewType
        await socket.recv()
        yield socket
