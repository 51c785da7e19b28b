"""Redis for tests: a corner of the one that is there, or a server of the test's own."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal

import pytest
import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from asgi_project import engines
from asgi_project.env import Environment
from inference.core.parcels import GROUP, Keys
from inference.engine.link import Link
from tests.servers import free_port

SECONDS: Final = 10.0
HOST: Final = "127.0.0.1"
DEFAULT: Final = f"redis://{HOST}:6379/15"
AGE: Final = """#!lua
redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', ARGV[4], 'JUSTID')
"""


@dataclass(frozen=True)
class Place:
    """Where a test's keys are. Its calls block: what they see is one moment of the test's loop."""

    url: str
    namespace: str

    @cached_property
    def client(self) -> redis.Redis:
        return redis.Redis.from_url(
            self.url, socket_timeout=SECONDS, retry=Retry(NoBackoff(), 0), protocol=2
        )

    @property
    def env(self) -> Environment:
        return replace(settings.WEIR, redis_url=self.url, namespace=self.namespace)

    @property
    def keys(self) -> Keys:
        return Keys(self.namespace)

    def link(self, seconds: float = engines.COMMAND_SECONDS) -> Link:
        return engines.link(self.env, seconds)

    def call(self, *words: str | bytes | float) -> Any:
        """A command as Redis knows it."""
        return self.client.execute_command(*words)  # type: ignore[no-untyped-call]  # redis-py's

    def script(self, text: str, keys: list[str], *words: str | bytes | float) -> Any:
        return self.call("EVAL", text, len(keys), *keys, *words)

    def group(self, *streams: str) -> None:
        """Streams with their group."""
        for stream in streams:
            self.call("XGROUP", "CREATE", stream, GROUP, "0", "MKSTREAM")

    def read(self, stream: str, consumer: str, start: str = ">") -> dict[bytes, Any]:
        """What a consumer is given, by id."""
        words = ("XREADGROUP", "GROUP", GROUP, consumer, "STREAMS", stream, start)
        return {entry: fields for _, found in self.call(*words) or () for entry, fields in found}

    def pending(self, stream: str) -> dict[bytes, tuple[bytes, int]]:
        """Who has which entry in hand, and how often it was delivered."""
        found: list[dict[str, Any]] = [*self.client.xpending_range(stream, GROUP, "-", "+", 1000)]
        return {each["message_id"]: (each["consumer"], each["times_delivered"]) for each in found}

    def age(self, stream: str, *entries: bytes, milliseconds: int = 60_000) -> None:
        """As if whoever has these in hand had given no sign of life for so long."""
        for entry, (consumer, _) in self.pending(stream).items():
            if entry in entries or not entries:
                self.script(AGE, [stream], GROUP, consumer, entry, milliseconds)

    def ids(self, stream: str) -> list[bytes]:
        return [entry for entry, _ in self.call("XRANGE", stream, "-", "+")]

    def forget(self) -> None:
        """As a FLUSHALL, but for what belongs to others."""
        if names := list(self.client.scan_iter(f"{{{self.namespace}}}:*", 1000)):
            self.client.delete(*names)


@contextmanager
def corner() -> Iterator[Place]:
    """A namespace on the server that REDIS_URL names; its keys are removed after."""
    place = Place(settings.WEIR.redis_url or DEFAULT, f"test-{secrets.token_hex(6)}")
    try:
        place.client.ping()
    except redis.RedisError:
        missing(f"no Redis answers at {place.url}")
    try:
        yield place
    finally:
        place.forget()
        place.client.close()


def missing(what: str) -> None:
    """Without it there is nothing to test, which CI does not forgive."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


class Server:
    """A redis-server on a port of its own, which a test may fill, kill and start again."""

    def __init__(self, folder: Path) -> None:
        if (program := shutil.which("redis-server")) is None:
            missing("redis-server is not installed")
        self.port = free_port()
        self._command = [
            str(program), "--port", str(self.port), "--bind", HOST, "--dir", str(folder),
            "--save", "", "--appendonly", "no", "--loglevel", "warning",
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None
        self.place = Place(f"redis://{HOST}:{self.port}/0", "own")

    def start(self) -> None:
        """Empty; returns once it answers."""
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until = time.monotonic() + SECONDS
        while not self._answers():
            assert time.monotonic() < until, "redis-server does not answer"
            time.sleep(0.01)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def configure(self, name: str, value: str) -> None:
        self.place.call("CONFIG", "SET", name, value)

    def hang_up(self, kind: Literal["normal", "pubsub"] = "normal") -> None:
        """Cut every connection but the one that says so."""
        self.place.call("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def close(self) -> None:
        self.place.client.close()
        self.kill()

    def _answers(self) -> bool:
        try:
            return bool(self.place.client.ping())
        except redis.RedisError:
            return False
