"""Which consumer answers which path."""

from __future__ import annotations

from typing import Any, cast

from channels.routing import URLRouter
from django.urls import path, re_path

from consumers import base
from consumers.doors import Doors, Scope
from consumers.live import LiveConsumer
from consumers.outbox import Send
from consumers.predict import PredictConsumer, Receive
from inference.core.errors import NotServed


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
    """Says so as any socket says no; Channels would raise."""
    await receive()
    codec = base.codec_of(scope)
    await base.accept(send, scope, codec)
    await base.refuse(send, codec, NotServed("There is no socket at this address."))
