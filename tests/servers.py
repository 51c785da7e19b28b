"""Real server processes on real ports, each with a database and models of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

ROOT: Final = Path(__file__).resolve().parent.parent
START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 20.0
_PLATFORM: Final = frozenset(
    {"DATABASE_URL", "REDIS_URL", "ALLOWED_HOSTS", "HOST", "PORT", "WEB_CONCURRENCY", "DYNO"}
)
SECRET: Final = "a secret for servers that tests start"

Kind = Literal["serve", "runserver"]


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


@dataclass
class Server:
    """One process; `with Server(data) as server:` waits until it is ready and ends it after."""

    data: Path
    kind: Kind = "serve"
    env: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

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
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

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
        raise AssertionError(f"the server was not ready in {START_SECONDS} s:\n{self.log}")

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=2) as answer:  # noqa: S310  # http, ours
                return bool(json.load(answer)["readyz"])
        except (OSError, urllib.error.URLError):
            return False
