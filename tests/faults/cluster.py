"""Weir as a user runs it: web and worker processes over one Redis and one PostgreSQL.

Each process reaches Redis and PostgreSQL through proxies of its own, so that one of them alone can
be cut off; clients reach a web process through a proxy, too, which stands for the platform's
router: behind it a new process can take over.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from inference.core.presence import Beat
from tests import servers
from tests.faults.processes import Process
from tests.faults.proxy import HOST, Proxies, Proxy
from tests.faults.services import Postgres, Redis
from tests.servers import free_port

ENDPOINT: Final = "line"  # where an experiment runs
SWAPPED: Final = "swapped"  # where promotions go to and fro
KEYS: Final = "{weir}"  # what every key of the engine starts with
_TEMPLATE: Final = "prepared"
_DATABASE: Final = "weir"
_LOOK_SECONDS: Final = 0.05
READY_SECONDS: Final = 60.0

Kind = Literal["web", "worker"]


@dataclass(frozen=True, slots=True)
class Shape:
    """How many of what; without workers one web process serves by itself, without Redis."""

    webs: int = 2
    workers: int = 2

    @property
    def names(self) -> Sequence[tuple[Kind, str]]:
        webs: list[tuple[Kind, str]] = [("web", f"web{i}") for i in range(self.webs)]
        return [*webs, *[("worker", f"worker{i}") for i in range(self.workers)]]


EMBEDDED: Final = Shape(webs=1, workers=0)
DISTRIBUTED: Final = Shape()


@dataclass(eq=False)
class Member:
    """One web or worker process and the proxies on its ways."""

    kind: Kind
    process: Process
    database: Proxy
    redis: Proxy | None = None
    front: Proxy | None = None

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def url(self) -> str:
        """Where clients ask."""
        assert self.front is not None  # a web process
        return f"http://{HOST}:{self.front.port}"

    @property
    def way(self) -> Proxy:
        """To Redis."""
        assert self.redis is not None  # of a distributed cluster
        return self.redis

    @property
    def port(self) -> int:
        """Where the process itself listens."""
        return int(self.process.env["PORT"])

    @property
    def answers(self) -> bool:
        """What `/readyz` of a web process says, past the router."""
        return bool(fetch(f"http://{HOST}:{self.port}/readyz").get("readyz"))

    @property
    def proxies(self) -> Sequence[Proxy]:
        return [each for each in (self.database, self.redis, self.front) if each is not None]


@dataclass(eq=False)
class Cluster:
    """All of it, running."""

    data: Path
    database: str
    marks: Path  # where held rows leave the id of the process that holds them
    postgres: Postgres
    redis: Redis | None
    proxies: Proxies
    members: list[Member] = field(default_factory=list)

    @property
    def webs(self) -> Sequence[Member]:
        return [each for each in self.members if each.kind == "web"]

    @property
    def workers(self) -> Sequence[Member]:
        return [each for each in self.members if each.kind == "worker"]

    @property
    def urls(self) -> Sequence[str]:
        return [web.url for web in self.webs]

    @property
    def store(self) -> Redis:
        assert self.redis is not None  # a distributed one
        return self.redis

    def query(self, sql: str, *values: object) -> Sequence[tuple[Any, ...]]:
        return self.postgres.query(self.database, sql, *values)

    def member(self, pid: int) -> Member:
        return next(each for each in self.members if each.process.pid == pid)

    def add(self, kind: Kind, name: str) -> Member:
        """A member that is not started yet."""
        database = self.proxies.open(self.postgres.port)
        redis = self.proxies.open(self.redis.port) if self.redis else None
        port = free_port()
        command = [sys.executable, "manage.py", "serve" if kind == "web" else "worker"]
        env = {**self._environment(database, redis), "PORT": str(port)}
        process = Process(name, command, self.data / f"{name}.log", env)
        front = self.proxies.open(port) if kind == "web" else None
        member = Member(kind, process, database, redis, front)
        self.members.append(member)
        return member

    def successor(self, member: Member) -> Process:
        """A second process like this one, on a port of its own if it needs one."""
        env = dict(member.process.env)
        if member.front is not None:
            env["PORT"] = str(free_port())
        return Process(member.name, member.process.command, member.process.log, env)

    def start(self) -> None:
        """Those that do not run, until all are ready."""
        for member in self.members:
            if not member.process.alive:
                member.process.start()
        self.wait_until_ready()

    def ready(self, member: Member) -> bool:
        """Whether it takes requests: a web process says so, a worker by its heartbeat."""
        return member.answers if member.kind == "web" else member.process.pid in self.beating

    @property
    def beating(self) -> Collection[int]:
        """Process ids of workers whose heartbeats say that they serve something."""
        beats = self.store.client.hgetall(f"{KEYS}:workers").values()
        read = [msgspec.msgpack.decode(beat, type=Beat) for beat in beats]
        return {beat.pid for beat in read if beat.serves and not beat.draining}

    def wait_until_ready(self, seconds: float = READY_SECONDS) -> None:
        for member in self.members:
            member.process.until(partial(self.ready, member), seconds)

    def mend(self) -> None:
        """Whole again, whatever was done to it."""
        for member in self.members:
            for proxy in member.proxies:
                proxy.heal()
            member.process.thaw()
        if not self.postgres.process.alive:
            self.postgres.start()
        if self.redis is not None:
            self.redis.mend()
        self.start()

    def end(self) -> None:
        for member in self.members:
            member.process.kill()
        if self.redis is not None:
            self.redis.end()

    def _environment(self, database: Proxy, redis: Proxy | None) -> Mapping[str, str]:
        extra = {"DATABASE_URL": address(database.port, self.database)}
        if redis is not None:
            extra["REDIS_URL"] = f"redis://{HOST}:{redis.port}/0"
        return servers.environment(self.data, extra)


def fetch(url: str, body: Mapping[str, Any] | None = None, method: str | None = None) -> Any:
    """The JSON at an address; {} if nobody answers or the answer is an error."""
    request = urllib.request.Request(  # noqa: S310  # http, ours
        url,
        None if body is None else json.dumps(body).encode(),
        {"Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310  # http, ours
            return json.load(answer)
    except (OSError, urllib.error.URLError):
        return {}


def until(true: Callable[[], bool], seconds: float, what: str) -> float:
    """Polls; returns how long it took, raises if it did not happen."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not in {seconds} s: {what}")
        time.sleep(_LOOK_SECONDS)
    return time.monotonic() - began


def address(port: int, database: str) -> str:
    return f"postgres://postgres@{HOST}:{port}/{database}"
