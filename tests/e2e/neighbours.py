"""Clients that send nothing odd, and know what should be answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection

from tests.e2e.clients import opened
from tests.e2e.corpus import ENDPOINT
from tests.servers import Server

ROWS: Final[tuple[dict[str, Any], ...]] = (
    {"mean_radius": 11.0, "mean_texture": 18.0, "size": "small"},
    {"mean_radius": 14.1, "worst_area": 700, "size": "medium"},
    {"mean_radius": 25.0, "worst_area": 3000.5, "worst_concave_points": 0.28, "size": "large"},
    {"worst_radius": None, "worst_area": 900},
)


class Neighbours:
    """Two over REST and two over sockets, one request after the other."""

    def __init__(self, server: Server) -> None:
        self.answered: list[int] = []
        self.wrong: list[Any] = []
        self._server = server
        self._right: list[float] = []

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """They ask as long as the block lasts; what is right was asked for before."""
        url = f"{self._server.url}/api/v1/{ENDPOINT}/predict"
        async with httpx.AsyncClient(timeout=30) as client:
            self._right = [self._noted(await _posted(client, url, row)) for row in ROWS]
            asking = [
                asyncio.ensure_future(self._post(client, url)),
                asyncio.ensure_future(self._post(client, url)),
                asyncio.ensure_future(self._stream("weir.v1.json")),
                asyncio.ensure_future(self._stream("weir.v1.json")),
            ]
            try:
                yield
            finally:
                self._leaving = True
                await asyncio.gather(*asking)

    _leaving = False

    async def _post(self, client: httpx.AsyncClient, url: str) -> None:
        while not self._leaving:
            for number, row in enumerate(ROWS):
                self._check(number, await _posted(client, url, row))

    async def _stream(self, subprotocol: str) -> None:
        url = f"{self._server.ws}/ws/v1/predict/{ENDPOINT}"
        async with opened(url, subprotocol) as socket:
            while not self._leaving:
                for number, answer in enumerate(await _streamed(socket)):
                    self._check(number, answer)

    def _check(self, number: int, answer: dict[str, Any]) -> None:
        if answer.get("status") != "OK" or self._noted(answer) != self._right[number]:
            self.wrong.append((number, answer))

    def _noted(self, answer: dict[str, Any]) -> float:
        self.answered.append(answer["request_id"])
        probability: float = answer["probability"]
        return probability


async def _posted(client: httpx.AsyncClient, url: str, row: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = (await client.post(url, json=row)).json()
    return answer


async def _streamed(socket: ClientConnection) -> list[dict[str, Any]]:
    """All of them in flight at once."""
    for number, row in enumerate(ROWS):
        await socket.send(json.dumps({"id": number, "record": row}))
    frames = [json.loads(await socket.recv()) for _ in ROWS]
    by_id = {frame["id"]: frame.get("result", frame) for frame in frames}
    return [by_id[number] for number in range(len(ROWS))]
