"""Real server processes on real ports, each with a database and models of its own.

In the mode `embedded` one process does everything, in `redis` it has a worker beside it.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

import pytest
import redis

ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0
_PLATFORM: Final = frozenset(
    {"DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "HOST", "PORT", "WEB_CONCURRENCY", "DYNO"}
)
SECRET: Final = "a secret for servers that tests start"

Kind = Literal["serve", "runserver"]
Mode = Literal["embedded", "redis"]
REDIS_URL: Final = os.environ.get("REDIS_URL") or "redis://127.0.0.1:6379/15"


def environment(data: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """What a started process sees: nothing of the developer's settings, its own data."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEIR_")}
    for name in _PLATFORM:
        kept.pop(name, None)
    ours = {
        "DJANGO_SETTINGS_MODULE": "asgi_project.settings",
        "WEIR_PROFILE": "open",
        "WEIR_DATA_DIR": str(data),
        "SECRET_KEY": SECRET,
        "PYTHONUNBUFFERED": "1",
    }
    return kept | ours | dict(extra or {})


def manage(data: Path, *words: str, env: Mapping[str, str] | None = None) -> str:
    """What a management command printed; raises with its stderr if it failed."""
    done = subprocess.run(  # our own command
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=environment(data, env),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"manage.py {words} gave {done.returncode}:\n{done.stderr[-2000:]}")
    return done.stdout


def prepare(data: Path, demos: Sequence[str]) -> Path:
    """A data directory with a migrated database and trained demo models."""
    manage(data, "migrate", "--verbosity", "0")
    manage(data, "demo", *demos)
    return data


def copy(prepared: Path, data: Path) -> Path:
    """Training takes seconds, copying what it made does not."""
    shutil.copytree(prepared, data)
    return data


def free_port() -> int:
    """Free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def redis_or_not() -> None:
    """Skip a test that needs Redis where there is none; with CI=true that is a failure."""
    try:
        with redis.Redis.from_url(REDIS_URL, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        if os.environ.get("CI"):
            pytest.fail(f"There is no Redis at {REDIS_URL}: {error}")
        pytest.skip(f"There is no Redis at {REDIS_URL}.")


def distributed() -> dict[str, str]:
    """What makes processes a deployment of their own on a Redis that others use too."""
    return {"REDIS_URL": REDIS_URL, "WEIR_NAMESPACE": f"tests-{secrets.token_hex(6)}"}


@dataclass
class Worker:
    """One worker process, which says nothing until it is asked through Redis."""

    data: Path
    env: Mapping[str, str]
    words: Sequence[str] = ()

    def __enter__(self) -> Worker:
        with (self.data / "worker.log").open("ab") as log:
            self.process = subprocess.Popen(  # our own command
                [sys.executable, "manage.py", "worker", *self.words],
                cwd=ROOT,
                env=environment(self.data, self.env),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        end(self.process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Politely; by force if that takes too long."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@dataclass
class Server:
    """`with Server(data) as server:` waits until it is ready and ends it after.

    `process` is the one that speaks HTTP.
    """

    data: Path
    kind: Kind = "serve"
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    mode: Mode = "embedded"
    worker_env: Mapping[str, str] = field(default_factory=dict)  # beyond what it shares

    @property
    def processes(self) -> list[subprocess.Popen[bytes]]:
        """All of this deployment, in an order in which a platform might tell them to stop."""
        return [*(worker.process for worker in self._workers), self.process]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def __enter__(self) -> Server:
        self._others, self._workers = ExitStack(), list[Worker]()
        if self.mode == "redis":
            self.env = {**self.env, **distributed()}
            self._workers.append(
                self._others.enter_context(Worker(self.data, {**self.env, **self.worker_env}))
            )
        self._log = self.data / f"server-{self.port}.log"
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(  # our own command
                self._command(),
                cwd=ROOT,
                env=environment(self.data, {**self.env, "PORT": str(self.port)}),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self._wait_until_ready()
        return self

    def __exit__(self, *_: object) -> None:
        end(self.process)
        self._others.close()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def _command(self) -> list[str]:
        if self.kind == "serve":
            return [sys.executable, "manage.py", "serve"]
        address = f"127.0.0.1:{self.port}"
        return [sys.executable, "manage.py", "runserver", "--noreload", "--nostatic", address]

    def _wait_until_ready(self) -> None:
        """Polls: that the port answers is the only thing both servers say of their start."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(
                    f"the server ended with {self.process.returncode}:\n{self.log}"
                )
            if self._ready():
                return
            time.sleep(0.05)
        self.process.kill()
        self._others.close()
        raise AssertionError(f"the server was not ready in {START_SECONDS} s:\n{self.log}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310  # http, ours
                return bool(json.load(answer)["readyz"])
        except (OSError, urllib.error.URLError):
            return False
