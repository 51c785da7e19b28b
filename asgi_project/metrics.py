"""`GET /metrics`: what this process does, as Prometheus reads it.

Numbers are taken on the event loop, where they live, and written as text in a thread, so that a
scrape holds nobody up; one at a time, so that many do not either.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

import msgspec
from channels.db import database_sync_to_async
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from asgi_project.families import Now, families
from asgi_project.figures import Figures
from asgi_project.lately import Lately
from inference import problems, readouts
from inference.access import Access, host_allowed
from inference.core.errors import HostRefused, NotFound, WeirError
from inference.dataplane.asgi import Receive, Scope, Send
from inference.keys import SCHEME
from inference.keys import Scope as KeyScope
from inference.services import overview

PATH: Final = "/metrics"
WATCHED_AGE: Final = 15.0  # seconds; windows are longer, and it is dear to read
_METHODS: Final = frozenset({"GET", "HEAD"})
_CROWD: Final = "Several processes share this port: set WEIR_METRICS_PORT and ask each of them."

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Source:
    """Whom the numbers are of. `tests` says whether the tests that run are told of as well."""

    now: Callable[[], Now]
    figures: Figures
    tests: bool


class Metrics:
    """The text, for whoever may read it; made on the event loop."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._one = asyncio.Lock()
        measured = database_sync_to_async(readouts.measured, thread_sensitive=False)
        self._tests = Lately(measured)
        watched = database_sync_to_async(overview.present, thread_sensitive=False)
        self._watched = Lately(watched, age=WATCHED_AGE)

    async def text(self, accept: str) -> tuple[bytes, str]:
        """The exposition and its media type, as the caller prefers it."""
        encode, kind = _encoder(accept)
        async with self._one:
            now = self._source.now()
            if self._source.tests:
                # Both at once: a scrape does not wait for the database twice.
                both = asyncio.gather(self._tests.get(), self._watched.get())
                tests, watched = await both
                age = self._tests.age
                now = replace(now, tests=tests, tests_age=age, watched=watched)
            return await asyncio.to_thread(encode, self._registry(now)), kind

    def _registry(self, now: Now) -> CollectorRegistry:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Families(now, self._source.figures))
        ProcessCollector(registry=registry)
        return registry


class _Families(Collector):
    """Once, for one scrape."""

    def __init__(self, now: Now, figures: Figures) -> None:
        self._now = now
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        return families(self._now, self._figures)


class Scraped:
    """An ASGI application that answers `/metrics` and knows no other path.

    `metrics` is None while nothing is served. Where `crowded`, another process may be asked next
    time, and its counters would be taken for ours.
    """

    def __init__(
        self, metrics: Callable[[], Metrics | None], access: Access, *, crowded: bool = False
    ) -> None:
        self._metrics = metrics
        self._access = access
        self._crowded = crowded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        try:
            status, body, kind = 200, *await self._answer(scope, headers)
            extra: Headers = ()
        except WeirError as error:
            problem = problems.problem(error)
            status, body = problem.status, msgspec.json.encode(problem.body)
            kind = "application/problem+json"
            extra = [(b"www-authenticate", SCHEME.encode())] if status == 401 else []
        length = (b"content-length", b"%d" % len(body))
        start = [(b"content-type", kind.encode()), (b"cache-control", b"no-store"), length, *extra]
        await send({"type": "http.response.start", "status": status, "headers": start})
        await send({"type": "http.response.body", "body": b"" if _bare(scope) else body})

    async def _answer(self, scope: Scope, headers: dict[bytes, bytes]) -> tuple[bytes, str]:
        metrics = self._metrics()
        if metrics is None or scope["path"] != PATH or scope["method"] not in _METHODS:
            raise NotFound(f"Only GET {PATH} is answered here.")
        # A page of another site must not read it, and there is no key that it would lack.
        if self._access.is_open and not host_allowed(headers.get(b"host", b"").decode("latin-1")):
            raise HostRefused
        self._access.check(headers.get(b"authorization", b"").decode("latin-1"), KeyScope.READ)
        if self._crowded:
            raise NotFound(_CROWD)
        return await metrics.text(headers.get(b"accept", b"").decode("latin-1"))


def _encoder(accept: str) -> tuple[Callable[[CollectorRegistry], bytes], str]:
    """The library compares versions that are numbers with those that are none."""
    try:
        return choose_encoder(accept)
    except (TypeError, ValueError):
        return choose_encoder("")


def _bare(scope: Scope) -> bool:
    return bool(scope["method"] == "HEAD")
