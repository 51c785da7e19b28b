"""The distributed mode as real processes: a Redis of the run's own, workers, a web process."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

from bench.contenders import ours_environment
from bench.problem import BenchFailed
from bench.process import PYTHON, Server, free_port

NOTHING_KEPT: Final = ("--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction")


@dataclass(frozen=True, slots=True)
class Queue:
    """A Redis, and what names in it begin with; `servers` has it if it is our own."""

    url: str
    namespace: str
    servers: Sequence[Server] = ()


@dataclass(frozen=True, slots=True)
class Deployment:
    """What all processes of one deployment have in common; `extra` is for their environment."""

    folder: Path
    queue: Queue
    extra: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        redis_ = {"REDIS_URL": self.queue.url, "WEIR_NAMESPACE": self.queue.namespace}
        return {**ours_environment(self.folder), **self.extra, **redis_}

    def worker(self, number: int = 1) -> Server:
        log = self.folder / f"worker{number}.log"
        return Server("worker", [PYTHON, "manage.py", "worker"], 0, self.environment, log)

    def web(self, workers: Sequence[Server]) -> Server:
        """Its CPU is that of the Redis and of these workers too."""
        behind = (*self.queue.servers, *workers)
        return Front(self._serving(), self.environment, self.folder / "web.log", behind)

    def embedded(self) -> Server:
        """All of it in one process, without Redis, on the same database."""
        given = {**ours_environment(self.folder), **self.extra}
        return Front(self._serving(), given, self.folder / "embedded.log", ())

    def _serving(self) -> list[str]:
        return [PYTHON, "manage.py", "serve"]


class Front(Server):
    """A web process, with those who answer through it."""

    def __init__(
        self, command: Sequence[str], extra: Mapping[str, str], log: Path, behind: Sequence[Server]
    ) -> None:
        port = free_port()
        super().__init__(log.stem, command, port, {**extra, "PORT": str(port)}, log)
        self._behind = behind

    def cpu_seconds(self) -> float:
        return super().cpu_seconds() + sum(each.cpu_seconds() for each in self._behind)


@contextmanager
def queue(folder: Path) -> Iterator[Queue]:
    """A server of our own; without the program, a corner of the one that REDIS_URL names."""
    if program := shutil.which("redis-server"):
        with _started(program, folder) as server:
            url = f"redis://127.0.0.1:{server.port}/0"
            server.until(lambda: _answers(url))
            yield Queue(url, "bench", [server])
    elif url := os.environ.get("REDIS_URL", ""):
        with _corner(url) as found:
            yield found
    else:
        raise BenchFailed("redis-server is not installed, and REDIS_URL names no other Redis.")


def _started(program: str, folder: Path) -> Server:
    port = free_port()
    where = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
    return Server("Redis", [program, *where, *NOTHING_KEPT], port, {}, folder / "redis.log")


@contextmanager
def _corner(url: str) -> Iterator[Queue]:
    """Afterwards nothing is left of it."""
    found = Queue(url, f"bench-{secrets.token_hex(6)}")
    try:
        yield found
    finally:
        with redis.Redis.from_url(url) as client:
            if names := list(client.scan_iter(f"{{{found.namespace}}}:*", 1000)):
                client.delete(*names)


def _answers(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
