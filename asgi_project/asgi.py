"""The ASGI application: health, the data plane, Django, and the sockets."""

from __future__ import annotations

import asyncio
import json
from typing import Final, cast

import django
from django.conf import settings

django.setup(set_prefix=False)  # before anything that imports models

from asgi_project import metrics, version  # noqa: E402  # Django is set up first
from asgi_project.access_log import AccessLog  # noqa: E402  # Django is set up first
from asgi_project.control import ControlPlane  # noqa: E402  # Django is set up first
from asgi_project.env import Environment  # noqa: E402  # Django is set up first
from asgi_project.metrics import Metrics, Scraped, Source  # noqa: E402  # Django is set up first
from asgi_project.serving import Serving  # noqa: E402  # Django is set up first
from asgi_project.side_port import SidePort  # noqa: E402  # Django is set up first
from consumers.doors import Doors  # noqa: E402  # Django is set up first
from consumers.routing import router  # noqa: E402  # Django is set up first
from consumers.visitors import Visitors  # noqa: E402  # Django is set up first
from inference import calls  # noqa: E402  # Django is set up first
from inference.access import Access, Https  # noqa: E402  # Django is set up first
from inference.dataplane.asgi import Application, Message, Receive, Scope, Send  # noqa: E402  # Django is set up first
from inference.dataplane.express import Express  # noqa: E402  # Django is set up first
from inference.dataplane.http import BODY_SECONDS, DataPlane  # noqa: E402  # Django is set up first
from inference.dataplane.v2 import V2, Limits  # noqa: E402  # Django is set up first

_NO_SNAPSHOT: Final = "no snapshot yet"


class Weir:
    """One application for every ASGI server.

    With lifespan events serving starts and stops with the server. daphne sends none (daphne#264):
    there it starts with the first request, and the process's end is the stop. `number` counts the
    web processes of one parent, from 0.
    """

    number = 0

    def __init__(self, env: Environment, *, body_seconds: float = BODY_SECONDS) -> None:
        self._env = env
        self._serving: Serving | None = None
        self._metrics: Metrics | None = None
        self._side: SidePort | None = None
        self._starting = asyncio.Lock()
        self._draining = False
        access = Access(lambda: self._serve().snapshot, is_open=env.is_open)
        self._https = Https(required=env.secure_ssl, proxied=env.trusted_proxies > 0)
        doors = Doors(access, env.allowed_origins, self._https)
        self._own_port = Scraped(lambda: self._metrics, access)
        self._scraped = Scraped(lambda: self._metrics, access, crowded=env.web_concurrency > 1)
        plane = DataPlane(
            cast("Application", ControlPlane()),
            access,
            max_body=env.max_body_bytes,
            https=self._https,
            body_seconds=body_seconds,
            max_upload=env.max_upload,
        )
        self.express = Express(plane)
        bounds = Limits(env.max_body_bytes, body_seconds)
        self._http = V2(plane, access, self._serve, bounds, release=version(), https=self._https)
        self._websocket = Visitors(router(doors, window=env.ws_credits))
        wanted = env.access_log == "json"
        self._noted = AccessLog(self._application, access) if wanted else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if self._serving is None:
            await self.start()
        if self._draining and scope["type"] == "http":
            send = _last(send)
        await (self._noted or self._application(scope))(scope, receive, send)

    def _application(self, scope: Scope) -> Application:
        if scope["type"] == "websocket":
            return cast("Application", self._websocket)
        if scope["path"] in _HEALTH:
            return self._health
        if scope["path"] == metrics.PATH and self._https_if_wanted(scope):
            return self._scraped
        return self._http

    async def start(self) -> Serving:
        """Start serving, once."""
        async with self._starting:
            if self._serving is None:
                serving = Serving(self._env)
                await serving.start()
                self._serving = serving
                self._metrics = Metrics(Source(serving.now, serving.figures, tests=True))
                # The short way has no scope, and those who look on read one.
                self.express.closed = self._noted is not None or calls.looked_on()
                await self._listen_aside()
        return self._serving

    async def drain(self) -> None:
        """Answer what was accepted; whatever comes now is refused and its connection closed."""
        self._draining = self.express.closed = True
        if self._serving is not None:
            await self._serving.drain()

    async def stop(self) -> None:
        self._metrics = None
        if self._side is not None:
            await self._side.stop()
        if self._serving is not None:
            serving, self._serving = self._serving, None
            await serving.stop()

    async def _listen_aside(self) -> None:
        if self._env.metrics_port is not None:
            self._side = SidePort(self._env.host, self._env.metrics_port + self.number)
            await self._side.start(self._own_port)

    def _https_if_wanted(self, scope: Scope) -> bool:
        """Django sends others on to HTTPS."""
        https = self._https
        return not https.required or https.used(scope["scheme"], dict(scope["headers"]))

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

    async def _health(self, scope: Scope, receive: Receive, send: Send) -> None:
        """`/livez`: the loop turns. `/readyz`: this process should get traffic. Neither waits."""
        path = scope["path"]
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
