"""Which consumer answers which path."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path

from consumers.doors import Doors
from consumers.live import LiveConsumer
from consumers.predict import PredictConsumer


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
        ]
    )
