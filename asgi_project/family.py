"""Several web processes on one port: a parent that starts, watches and stops them.

Each child is a fresh process, so nothing that threads or connections hold is copied halfway. The
parent only owns the socket; a child that dies is replaced, one that was told to stop is not.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from types import FrameType
from typing import Final, NamedTuple

from asgi_project.env import BASE_DIR, Environment

log = logging.getLogger(__name__)

BACKLOG: Final = 2048
LOOK: Final = 0.1  # seconds between two looks at who is alive
YOUNG: Final = 10.0  # seconds
GRACE: Final = 5.0  # seconds beyond the drain, after which a child is ended by force


class Child(NamedTuple):
    """One web process, and when it was started."""

    process: subprocess.Popen[bytes]
    born: float


class Family:
    """`run` returns when the last child has ended: 0 if all did well.

    A child that dies young would die again, and callers would wait on a socket that nobody accepts
    from; then all of them end, and whoever started us decides.
    """

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._socket = listening(env)
        self._children: list[Child] = []
        self._told = False

    def run(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._tell)
        self._children = [self._child(number) for number in range(self._env.web_concurrency)]
        while not self._told:
            time.sleep(LOOK)
            self._look_after()
        return self._wait()

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """Platforms signal every process, and often twice; a child minds only the first."""
        self._told = True
        for child in self._children:
            if child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)

    def _child(self, number: int) -> Child:
        fd, parent = self._socket.fileno(), os.getpid()
        words = [f"--fd={fd}", f"--parent={parent}", f"--number={number}"]
        process = subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "manage.py", "serve", *words],
            cwd=BASE_DIR,
            pass_fds=(fd,),
        )
        return Child(process, time.monotonic())

    def _look_after(self) -> None:
        for index, child in enumerate(self._children):
            if child.process.poll() is None:
                continue
            log.error("a web process ended with %s", child.process.returncode)
            if time.monotonic() - child.born < YOUNG:
                self._tell(signal.SIGTERM, None)
            else:
                self._children[index] = self._child(index)

    def _wait(self) -> int:
        until = time.monotonic() + self._env.drain_seconds + GRACE
        for child in self._children:
            try:
                child.process.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.process.kill()
                child.process.wait()
        return max(fault(child.process.returncode) for child in self._children)


def fault(code: int) -> int:
    """0 as well for a child that was told to stop before it could listen to that."""
    return 0 if code == -signal.SIGTERM else abs(code)


def listening(env: Environment) -> socket.socket:
    """The socket that all of them accept from; raises OSError if somebody else has the port."""
    family = socket.AF_INET6 if ":" in env.host else socket.AF_INET
    shared = socket.socket(family, socket.SOCK_STREAM)
    shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    shared.bind((env.host, env.port))
    shared.listen(BACKLOG)
    return shared
