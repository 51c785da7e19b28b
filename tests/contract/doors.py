"""The ways into the server: the same bytes go in, and the same answers must come out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode

import httpx
import requests
from django.conf import settings
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from asgi_project.asgi import Weir
from asgi_project.serving import Serving
from tests.loop import Loop

SECONDS = 20.0
MOVES = ("/api/v1/abtests", "/api/v1/stop_ab_test", "/api/v1/mlalgorithmstatuses")
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Reply:
    """What came out; the names of headers in small letters."""

    status: int
    headers: Mapping[str, str]
    text: str

    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def kind(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0]


class Way(Protocol):
    """How bytes get in."""

    def __call__(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str]
    ) -> Reply: ...


class Door:
    """Speaks HTTP as the tutorial's clients do; a way in is all that it takes.

    `moved` says whether anything was sent that may have changed a status or a test.
    """

    def __init__(self, way: Way) -> None:
        self._way = way
        self.moved = False

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        kind: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = dict(headers or {})
        if kind is not None:
            sent["Content-Type"] = kind
        self.moved |= method != "GET" and path.startswith(MOVES)
        return self._way(method, path, body, sent)

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Reply:
        return self.send("GET", path, headers=headers)

    def json(
        self, method: str, path: str, value: Any, headers: Mapping[str, str] | None = None
    ) -> Reply:
        return self.send(method, path, json.dumps(value).encode(), "application/json", headers)

    def form(self, method: str, path: str, values: Mapping[str, Any]) -> Reply:
        """As `requests.post(url, data=values)` sends it: everything is text."""
        return self.send(method, path, urlencode(values).encode(), FORM)

    def multipart(self, method: str, path: str, values: Mapping[str, Any]) -> Reply:
        return self.send(method, path, encode_multipart(BOUNDARY, dict(values)), MULTIPART_CONTENT)


def through(url: str) -> Way:
    """Over the network to a server that listens there."""
    session = requests.Session()

    def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        answer = session.request(
            method,
            f"{url}{path}",
            data=body or None,
            headers=dict(headers),
            timeout=SECONDS,
            allow_redirects=False,
        )
        return Reply(answer.status_code, _small(answer.headers), answer.text)

    return send


@contextmanager
def django() -> Iterator[Way]:
    """Django's request stack and nothing in front of it."""
    with Loop() as loop:
        serving: Serving = loop.run(_started())
        try:
            yield _by_client
        finally:
            loop.run(serving.stop())


async def _started() -> Serving:
    serving = Serving(settings.WEIR)
    await serving.start()
    return serving


def _by_client(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
    client = Client(raise_request_exception=False)
    kind = headers.get("Content-Type", "")
    rest = {name: value for name, value in headers.items() if name != "Content-Type"}
    # Without a body Django's client would send no type, though a request may well have one.
    typed: Any = {} if body or not kind else {"CONTENT_TYPE": kind}
    answer = client.generic(method, path, body, kind, headers=rest, **typed)
    return Reply(answer.status_code, _small(answer.headers), answer.content.decode())


@contextmanager
def asgi() -> Iterator[Way]:
    """The whole application: the data plane first, then Django."""
    with Loop() as loop:
        weir = Weir(settings.WEIR)
        loop.run(weir.start())

        def send(method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Reply:
            answer: httpx.Response = loop.run(_asked(weir, method, path, body, headers))
            return Reply(answer.status_code, _small(answer.headers), answer.text)

        try:
            yield send
        finally:
            loop.run(weir.stop())


async def _asked(
    weir: Weir, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> httpx.Response:
    application: Any = weir  # httpx writes the same types in other words
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://testserver") as client:
        return await client.request(method, path, content=body, headers=headers)


def _small(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
