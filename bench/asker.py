"""Whoever asks while the load is on, and reads what was answered."""

from __future__ import annotations

import http.client
from pathlib import Path
from typing import Final

from bench import wrk
from bench.load import Load
from bench.problem import BenchFailed
from bench.process import Server
from bench.watch import Watch
from bench.wire import Ask

TOLERANCE: Final = 2e-5  # single precision, added up over a hundred trees
PATIENCE: Final = 5


class Asker:
    """A keep-alive connection of a checker; `lenient` leaves counting refusals to wrk."""

    def __init__(self, port: int, ask: Ask, *, lenient: bool = False) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
        self._ask = ask
        self._lenient = lenient

    def check(self, index: int) -> None:
        """Raises BenchFailed unless the answer is right."""
        fields = {"Content-Type": "application/json", **self._ask.headers}
        try:
            self._line.request("POST", self._ask.path, self._ask.bodies[index], fields)
            answer = self._line.getresponse()
            text = answer.read()
        except (http.client.HTTPException, OSError):
            self._line.close()  # the next one opens it again
            if self._lenient:
                return
            raise
        self._judge(answer.status, index, text)

    def _judge(self, status: int, index: int, text: bytes) -> None:
        if status == 200:
            self._ask.check(index, text, TOLERANCE)
        elif not self._lenient:
            raise BenchFailed(f"{self._ask.path} answered {status}: {text[:300]!r}")

    def check_all(self) -> None:
        for index in range(len(self._ask.bodies)):
            self.check(index)

    def close(self) -> None:
        self._line.close()


def check_all(server: Server, ask: Ask) -> None:
    """Every body once; raises BenchFailed."""
    asker = Asker(server.port, ask)
    try:
        asker.check_all()
    except (http.client.HTTPException, OSError) as error:
        raise BenchFailed(f"{server.name} hung up: {error!r}") from error
    finally:
        asker.close()


def is_up(server: Server, ask: Ask) -> bool:
    """Whether it answers the first body with 200 now, rightly or not."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10.0)
    try:
        fields = {"Content-Type": "application/json", **ask.headers}
        line.request("POST", ask.path, ask.bodies[0], fields)
        return line.getresponse().status == 200
    except (http.client.HTTPException, OSError):
        return False
    finally:
        line.close()


def load(server: Server, ask: Ask, script: Path, connections: int, seconds: float) -> Load:
    """By wrk, with some answers read meanwhile; raises BenchFailed at a wrong one."""
    if not script.exists():
        script.write_text(wrk.script(ask.bodies, ask.headers), encoding="utf-8")
    try:
        return _watched(server, ask, script, connections, seconds)
    except wrk.NoAnswer:  # slow, or the machine is busy: it gets more time
        return _watched(server, ask, script, connections, PATIENCE * seconds)


def _watched(server: Server, ask: Ask, script: Path, connections: int, seconds: float) -> Load:
    with Watch(Asker(server.port, ask, lenient=True), len(ask.bodies)):
        return wrk.counted(server, ask.path, script, connections, seconds)
