"""The port beside the one for traffic cannot be taken by people who say nothing."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from asgi_project import protocols
from asgi_project.side_port import SidePort
from tests.servers import free_port
from tests.test_protocols import echo

PLACES = 64


async def test_who_says_nothing_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocols.Http, "head_seconds", 0.1)
    port = free_port()
    side = SidePort("127.0.0.1", port)
    await side.start(echo)
    try:
        while not side._server.started:  # noqa: ASYNC110  # uvicorn tells nobody
            await asyncio.sleep(0.01)
        silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(PLACES)]
        async with asyncio.timeout(5):
            for reading, _ in silent:
                await reading.read()
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/", timeout=5)
        for _, writing in silent:
            writing.close()
    finally:
        await side.stop()

    assert answer.status_code == 200
