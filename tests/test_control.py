"""Django's part of a request is one trip to a thread."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from django.http import HttpRequest

from asgi_project import control
from asgi_project.control import ControlPlane


async def answered(path: str) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    arriving = asyncio.Queue[dict[str, Any]]()
    arriving.put_nowait({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1")]
    scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http"}
    async with asyncio.timeout(10):
        plane: Any = ControlPlane()
        await plane({**scope, "headers": headers, "http_version": "1.1"}, arriving.get, send)
    return sent


async def test_middleware_and_view_share_one_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    trips: list[str] = []
    really = ControlPlane.get_response

    def get_response(self: ControlPlane, request: HttpRequest) -> Any:
        trips.append(threading.current_thread().name)
        return really(self, request)

    monkeypatch.setattr(control.ControlPlane, "get_response", get_response)

    sent = await answered("/nothing/is/here")

    assert sent[0]["status"] == 404
    assert len(trips) == 1
    assert trips != [threading.current_thread().name]


def test_no_middleware_hops_between_loop_and_thread() -> None:
    chain: Any = ControlPlane()._middleware_chain  # type: ignore[attr-defined]  # Django's own

    assert not asyncio.iscoroutinefunction(chain)
