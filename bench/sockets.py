"""WebSocket load from a process of its own: some sockets, each with some frames in flight.

Run as `python -m bench.sockets SPEC`, both ways JSON. All frames are made before the clock starts,
one thread waits for all sockets, every answer is recognised and some are read in full and compared.
"""

from __future__ import annotations

import base64
import json
import os
import selectors
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Final

import numpy as np

from bench import frames
from bench.dialect import DIALECTS, Dialect
from bench.load import Load
from bench.problem import BenchFailed
from bench.process import PYTHON, run
from bench.usage import Usage, of_process
from bench.workload import Workload

STARTED: Final = "started"
CHECK_EVERY: Final = 61  # a prime, so that every slot has its turn
_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Spec:
    """What to do; `rows` of a frame, `pid` of the server."""

    port: int
    pid: int
    path: str
    workload: str
    dialect: str = "json"
    sockets: int = 16
    in_flight: int = 32
    rows: int = 1
    warm: float = 1.0
    seconds: float = 5.0
    headers: Mapping[str, str] = field(default_factory=dict)


class Line:
    """One socket; its slots ask for the same rows again and again."""

    def __init__(self, spec: Spec, workload: Workload, first: int) -> None:
        self._dialect = DIALECTS[spec.dialect]
        self._workload = workload
        self._rows = [
            [(first + slot * spec.rows + k) % len(workload.rows) for k in range(spec.rows)]
            for slot in range(spec.in_flight)
        ]
        self._frames = [
            _frame(self._dialect, slot, rows, workload) for slot, rows in enumerate(self._rows)
        ]
        self._sent = [0.0] * spec.in_flight
        self.socket, rest = connected(spec.port, spec.path, self._dialect.name, spec.headers)
        self._reader = frames.Reader(rest)
        self.answered = 0
        self.waits: list[float] = []

    def begin(self) -> None:
        now = perf_counter()
        self._sent = [now] * len(self._frames)
        self.socket.sendall(b"".join(self._frames))

    def turn(self) -> None:
        """Take what has come; each answered slot asks again."""
        data = self.socket.recv(_CHUNK)
        if not data:
            raise BenchFailed("The server closed a socket.")
        now = perf_counter()
        again = [self._answered(*frame, now) for frame in self._reader.feed(data)]
        self.socket.sendall(b"".join(again))

    def _answered(self, opcode: int, payload: bytes, now: float) -> bytes:
        if opcode != self._dialect.opcode:
            return self._control(opcode, payload)
        if b"hello" in payload[:24]:
            return b""
        slot = self._dialect.slot(payload)
        self.answered += 1
        self.waits.append(now - self._sent[slot])
        self._sent[slot] = now
        if self.answered % CHECK_EVERY == 0:
            self._check(slot, payload)
        return self._frames[slot]

    def _check(self, slot: int, payload: bytes) -> None:
        found = self._dialect.probabilities(payload)
        rows = self._rows[slot]
        good = len(found) == len(rows) and all(map(self._workload.right, rows, found))
        if not good:
            raise BenchFailed(f"Slot {slot} was answered wrongly: {payload[:300]!r}")

    def _control(self, opcode: int, payload: bytes) -> bytes:
        if opcode == frames.PING:
            return frames.written(frames.PONG, payload)
        raise BenchFailed(f"The server sent a frame of kind {opcode}: {payload[:200]!r}")


def _frame(dialect: Dialect, slot: int, rows: Sequence[int], workload: Workload) -> bytes:
    if len(rows) > 1:
        return dialect.frame(slot, [workload.rows[row] for row in rows], many=True)
    record = dict(zip(workload.names, workload.rows[rows[0]], strict=True))
    return dialect.frame(slot, [record], many=False)


def connected(
    port: int, path: str, protocol: str, headers: Mapping[str, str]
) -> tuple[socket.socket, bytes]:
    """The socket, and what came after the handshake's end."""
    line = socket.create_connection(("127.0.0.1", port), timeout=20.0)
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    key = base64.b64encode(os.urandom(16)).decode()
    extra = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    fields = (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {protocol}\r\n{extra}\r\n"
    )
    line.sendall(fields.encode())
    said = b""
    while b"\r\n\r\n" not in said:
        more = line.recv(_CHUNK)
        if not more:
            raise BenchFailed(f"The handshake was refused: {said[:300]!r}")
        said += more
    head, _, rest = said.partition(b"\r\n\r\n")
    if b" 101 " not in head.split(b"\r\n", 1)[0]:
        raise BenchFailed(f"The handshake was refused: {head[:300]!r}")
    return line, rest


def drive(spec: Spec) -> Load:
    """Warm up, then count what is answered within `seconds`."""
    saved = json.loads(Path(spec.workload).read_text(encoding="utf-8"))
    workload = Workload(**saved)
    lines = [Line(spec, workload, first) for first in range(spec.sockets)]
    with selectors.DefaultSelector() as selector:
        for line in lines:
            selector.register(line.socket, selectors.EVENT_READ, line)
            line.begin()
        print(STARTED, flush=True)
        _turns(selector, perf_counter() + spec.warm)
        for line in lines:
            line.answered = 0
            line.waits.clear()
        return _measured(spec, lines, selector)


def _measured(spec: Spec, lines: Sequence[Line], selector: selectors.BaseSelector) -> Load:
    with Usage(partial(of_process, spec.pid), process_time) as usage:
        _turns(selector, perf_counter() + spec.seconds)
    count = sum(line.answered for line in lines) * spec.rows
    p50, p99 = np.percentile([1e3 * wait for line in lines for wait in line.waits], (50, 99))
    return Load(count / usage.wall, float(p50), float(p99), count).beside(usage)


def _turns(selector: selectors.BaseSelector, until: float) -> None:
    while perf_counter() < until:
        ready = selector.select(10.0)
        if not ready:
            raise BenchFailed("No socket was answered for ten seconds.")
        for key, _ in ready:
            key.data.turn()


def measure(spec: Spec) -> Load:
    """The same from a process of its own."""
    said = run([PYTHON, "-m", "bench.sockets", json.dumps(asdict(spec))], {}, spec.seconds + 60)
    return Load(**json.loads(said.splitlines()[-1]))


if __name__ == "__main__":
    print(json.dumps(asdict(drive(Spec(**json.loads(sys.argv[1]))))))
