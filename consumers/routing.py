"""Which consumer answers which path."""

from __future__ import annotations

import json
from typing import Any, Final, cast

from channels.routing import URLRouter
from django.urls import path, re_path

from consumers.doors import Doors, Scope
from consumers.live import LiveConsumer
from consumers.outbox import Send
from consumers.predict import PredictConsumer, Receive

_NO_SOCKET: Final = json.dumps(
    {"code": "not_served", "message": "There is no socket at this address."}
).encode()


def _path(route: str, application: Any) -> Any:
    """Django's `path` as Channels uses it: with an ASGI application for a view."""
    return path(route, application)


def router(doors: Doors, *, window: int) -> URLRouter:
    """The sockets of version 1."""
    return URLRouter(
        [
            _path(
                "ws/v1/predict/<str:endpoint>", PredictConsumer.as_asgi(doors=doors, window=window)
            ),
            _path("ws/v1/live", LiveConsumer.as_asgi(doors=doors)),
            re_path("", cast("Any", _nowhere)),
        ]
    )


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    """404 instead of a handshake, 403 where a server cannot say more; Channels would raise."""
    await receive()
    if "websocket.http.response" not in scope.get("extensions", ()):
        await send({"type": "websocket.close"})
        return
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": 404, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": _NO_SOCKET})
