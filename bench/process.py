"""A server as a real process: started on a free port, watched, stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import psutil

from bench.problem import BenchFailed
from bench.usage import of_process

ROOT = Path(__file__).resolve().parent.parent
PYTHON: Final = sys.executable
STOP_SECONDS: Final = 15.0
START_SECONDS: Final = 60.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Ours but for what would configure a server behind the benchmark's back."""
    strangers = (
        "WEIR_",
        "DATABASE_URL",
        "REDIS_URL",
        "SECRET_KEY",
        "PORT",
        "HOST",
        "WEB_",
        "ALLOWED",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strangers)}
    return kept | dict(extra)


def run(command: Sequence[str], extra: Mapping[str, str], seconds: float = 120.0) -> str:
    """A command to its end; raises BenchFailed with what it said."""
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment(extra),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    if done.returncode:
        raise BenchFailed(
            f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
    return done.stdout


class Server:
    """One server and the processes it starts; a context, so that it never outlives the run."""

    start_seconds = START_SECONDS

    def __init__(
        self, name: str, command: Sequence[str], port: int, extra: Mapping[str, str], log: Path
    ) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._extra = extra
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env=environment(self._extra),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        process = self._running()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: nobody else is in the group
            process.wait()

    @property
    def pid(self) -> int:
        return self._running().pid

    def wait(self, path: str) -> float:
        """Until it answers a GET of `path` with 200; returns the moment, by `perf_counter`."""
        return self.until(lambda: answers(self.port, path))

    def until(self, well: Callable[[], bool]) -> float:
        """Until `well` says so; raises BenchFailed if the server ends first, or takes too long."""
        until = time.perf_counter() + self.start_seconds
        while time.perf_counter() < until and self._running().poll() is None:
            if well():
                return time.perf_counter()
            time.sleep(0.01)
        said = self.log.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise BenchFailed(f"{self.name} did not start:\n{said}")

    def cpu_seconds(self) -> float:
        """User and system time so far, of all its processes."""
        return of_process(self.pid)

    def resident_megabytes(self) -> float:
        parent = psutil.Process(self.pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(each.memory_info().rss for each in family) / 1e6

    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None  # between enter and exit
        return self._process


def answers(port: int, path: str) -> bool:
    """Whether a GET gets 200 now."""
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2.0) as line:
            line.sendall(request)
            return line.recv(64).split(b" ", 2)[1:2] == [b"200"]
    except OSError:
        return False
