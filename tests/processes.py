"""Services that a test starts for itself: real programs, on ports and in folders of their own."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 10.0
IN_TIME: Final = 20.0


def program(name: str) -> str:
    """Where it is; without it the test is skipped, but not in CI, where it must be."""
    found = shutil.which(name)
    if found is None:
        missing(f"{name} is not installed")
        raise AssertionError("unreachable: the test has ended")
    return found


def missing(what: str) -> None:
    """Ends the test: on a laptop it is skipped, in CI a service that is missing is a failure."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def running(command: Sequence[str | Path], port: int, folder: Path) -> Iterator[None]:
    """A process that listens on this port of the loopback; it has ended afterwards."""
    log = folder / f"{Path(command[0]).name}-{port}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, stdout=file, stderr=subprocess.STDOUT)
    try:
        _wait(process, port, log)
        yield
    finally:
        _end(process)


def until(so: Callable[[], bool], what: str, seconds: float = IN_TIME) -> None:
    """Looks again and again: processes say nothing of themselves to a test."""
    deadline = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Polls: an open port is the only thing that all of them say of their start."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"it ended with {process.returncode}:\n{log.read_text()}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"nobody listens on {port} after {START_SECONDS} s:\n{log.read_text()}")


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
