"""A child process that a test may kill, freeze, stop and start again under the same name."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.servers import ROOT

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_LOOK_SECONDS: Final = 0.02
_TAIL: Final = 1500


@dataclass(eq=False)
class Process:
    """`command` with exactly this environment; what it says is appended to one log."""

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    user: str | None = None  # whom it runs as, if not as ourselves
    folder: Path = ROOT
    _child: subprocess.Popen[bytes] | None = field(default=None, init=False, repr=False)

    @property
    def pid(self) -> int:
        assert self._child is not None  # it was started
        return self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def code(self) -> int | None:
        """How the last one ended; None while it runs."""
        return None if self._child is None else self._child.poll()

    @property
    def said(self) -> str:
        """The end of its log."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-_TAIL:]

    def start(self) -> None:
        assert not self.alive, f"{self.name} runs already"
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                user=self.user,
                group=self.user,
                stdout=log,
                stderr=log,
            )
        atexit.register(self.kill)  # whatever becomes of the test, nothing of it stays

    def kill(self) -> None:
        """SIGKILL, and it is gone."""
        self.signal(signal.SIGKILL)
        self.wait()

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and answers nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.signal(signal.SIGCONT)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end; returns its exit code, kills it if it does not listen."""
        self.signal(how)
        try:
            return self.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait()

    def leaves(self, seconds: float) -> None:
        """Ends by itself in so many seconds, and well; raises AssertionError."""
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} stays for {seconds} s:\n{self.said}") from None
        assert code == 0, f"{self.name} ended with {code}:\n{self.said}"

    def signal(self, which: signal.Signals) -> None:
        if self.alive:
            os.kill(self.pid, which)

    def wait(self, seconds: float | None = None) -> int:
        """Until it has ended; raises TimeoutExpired."""
        return 0 if self._child is None else self._child.wait(seconds)

    def until(self, well: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Polls until `well` says so; raises if the process ends first or it takes too long."""
        deadline = time.monotonic() + seconds
        while not well():
            if not self.alive:
                raise AssertionError(f"{self.name} ended with {self.code}:\n{self.said}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{self.name} was not ready in {seconds} s:\n{self.said}")
            time.sleep(_LOOK_SECONDS)
