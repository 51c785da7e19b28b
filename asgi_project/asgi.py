"""The ASGI application: health, the data plane, Django, and the sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Final, cast

from django.conf import settings
from django.core.asgi import get_asgi_application

_django = get_asgi_application()  # before anything that imports models

from asgi_project import version  # noqa: E402  # Django is set up first
from asgi_project.env import Environment  # noqa: E402  # Django is set up first
from asgi_project.serving import Serving  # noqa: E402  # Django is set up first
from consumers.doors import Doors  # noqa: E402  # Django is set up first
from consumers.routing import router  # noqa: E402  # Django is set up first
from consumers.visitors import Visitors  # noqa: E402  # Django is set up first
from inference.access import Access, Https  # noqa: E402  # Django is set up first
from inference.dataplane.asgi import Application, Message, Receive, Scope, Send  # noqa: E402  # Django is set up first
from inference.dataplane.http import BODY_SECONDS, DataPlane  # noqa: E402  # Django is set up first
from inference.dataplane.v2 import V2, Limits  # noqa: E402  # Django is set up first

_NO_SNAPSHOT: Final = "no snapshot yet"


class Weir:
    """One application for every ASGI server.

    With lifespan events serving starts and stops with the server. daphne sends none (daphne#264):
    there it starts with the first request, and the process's end is the stop.
    """

    def __init__(self, env: Environment, *, body_seconds: float = BODY_SECONDS) -> None:
        self._env = env
        self._serving: Serving | None = None
        self._starting = asyncio.Lock()
        self._draining = False
        access = Access(lambda: self._serve().snapshot, is_open=env.is_open)
        https = Https(required=env.secure_ssl, proxied=env.trusted_proxies > 0)
        doors = Doors(access, env.allowed_origins, https)
        plane = DataPlane(
            cast("Application", _django),
            access,
            max_body=env.max_body_bytes,
            https=https,
            body_seconds=body_seconds,
        )
        bounds = Limits(env.max_body_bytes, body_seconds)
        self._http = V2(plane, access, self._serve, bounds, release=version(), https=https)
        self._websocket = Visitors(router(doors, window=env.ws_credits))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._serving is None:
            await self.start()
        if scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
            return
        if self._draining:
            send = _last(send)
        if scope["path"] in _HEALTH:
            await self._health(scope["path"], send)
        else:
            await self._http(scope, receive, send)

    async def start(self) -> Serving:
        """Start serving, once."""
        async with self._starting:
            if self._serving is None:
                serving = Serving(self._env)
                await serving.start()
                self._serving = serving
        return self._serving

    async def drain(self) -> None:
        """Answer what was accepted; whatever comes now is refused and its connection closed."""
        self._draining = True
        if self._serving is not None:
            await self._serving.drain()

    async def stop(self) -> None:
        if self._serving is not None:
            serving, self._serving = self._serving, None
            await serving.stop()

    def _serve(self) -> Serving:
        assert self._serving is not None, _NO_SNAPSHOT
        return self._serving

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        await self.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.stop()
        await send({"type": "lifespan.shutdown.complete"})

    async def _health(self, path: str, send: Send) -> None:
        """`/livez`: the loop turns. `/readyz`: this process should get traffic. Neither waits."""
        ailing = "" if path == "/livez" else self._serve().ailing
        well = not ailing
        said = {path.strip("/"): well} if well else {path.strip("/"): well, "why": ailing}
        body = json.dumps(said).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        status = 200 if well else 503
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _last(send: Send) -> Send:
    """Tells the client that this connection is not for another request."""

    async def closing(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message.get("headers", ()), (b"connection", b"close")]
            message = {**message, "headers": headers}
        await send(message)

    return closing


_HEALTH: Final = frozenset({"/livez", "/readyz"})

application = Weir(settings.WEIR)
