"""`make run-redis`: everything on one machine, with a Redis that nobody else uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests import servers
from tests.processes import program
from tests.servers import ROOT

START_SECONDS = 60.0  # a third demo is trained on the way
STOP_SECONDS = 20.0

pytestmark = pytest.mark.timeout(180)


class Script:
    """In a process group of its own, the one that Ctrl-C is for; sockets are made in `folder`."""

    def __init__(self, data: Path, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self._log = data / f"together-{time.monotonic_ns()}.log"
        env = {"PORT": str(port), "PYTHON": sys.executable, "TMPDIR": str(folder)}
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                ["sh", "asgi_project/together.sh"],  # noqa: S607  # wherever the system has it
                cwd=ROOT,
                env=servers.environment(data, env),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    @property
    def sockets(self) -> list[Path]:
        return list(self.folder.glob("*/redis.sock"))

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._ready():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def terminate(self) -> None:
        """As whoever started it does: the script alone is told."""
        self.process.terminate()
        self.process.wait(STOP_SECONDS)

    def interrupt(self) -> None:
        """As Ctrl-C does: everybody in the group is told."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.wait(STOP_SECONDS)

    def _ready(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/readyz").is_success
        except httpx.TransportError:
            return False


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    program("redis-server")
    made = tmp_path / "sockets"
    made.mkdir()
    return made


@pytest.fixture
def script(data: Path, folder: Path) -> Iterator[Script]:
    one = Script(data, folder, servers.free_port())
    try:
        one.wait_until_ready()
        yield one
    finally:
        servers.end(one.process)


@pytest.mark.parametrize("end", [Script.interrupt, Script.terminate])
def test_ctrl_c_and_a_signal_end_all_of_it_and_leave_no_socket(
    script: Script, end: Callable[[Script], None]
) -> None:
    family = psutil.Process(script.process.pid).children(recursive=True)
    names = {child.name() for child in family}
    [socket] = script.sockets

    end(script)

    assert "redis-server" in names
    assert len(family) == 3  # with a worker and a web process
    assert not any(child.is_running() for child in family)
    assert not socket.parent.exists()
    assert "Traceback" not in script.log


def test_one_that_finds_the_port_taken_leaves_the_first_its_redis(
    script: Script, data: Path
) -> None:
    sockets = script.sockets

    second = Script(data, script.folder, script.port)

    assert second.process.wait(START_SECONDS) != 0
    assert "cannot be used" in second.log
    assert len(sockets) == 1
    assert script.sockets == sockets
