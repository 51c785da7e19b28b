"""Requests at a fixed rate, whatever is answered: callers who do not wait for one another.

Run as `python -m bench.openloop SPEC`, both ways JSON. Each request has a connection to itself
while it is out; a wait is counted from the moment at which the request was due, so that a slow
generator cannot flatter the server.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Final, cast

import numpy as np
import uvloop

from bench.lone import complete
from bench.problem import BenchFailed
from bench.process import PYTHON, run

GOOD: Final = "200"
REFUSED: Final = "503"
TICK: Final = 0.001
MOST_CONNECTIONS: Final = 8000
LAST_SECONDS: Final = 40.0  # for what is still out when the last request was sent


@dataclass(frozen=True, slots=True)
class Spec:
    """Whole requests to send in turn, so many a second, for so long."""

    port: int
    requests: Sequence[str]
    rate: float
    seconds: float
    warm: float = 1.0


@dataclass(frozen=True, slots=True)
class Overload:
    """What became of the requests that were due after the warming; waits in milliseconds.

    `good` is what was answered well while the load was on, a second. `late_ms` is by how much the
    generator itself was late in sending, at worst but for a hundredth.
    """

    rate: float
    good: float
    p50_ms: float
    p99_ms: float
    refused: int
    refusal_p50_ms: float
    refusal_p99_ms: float
    other: int
    late_ms: float
    statuses: Mapping[str, int] = field(default_factory=dict)


class Line(asyncio.Protocol):
    """A connection with at most one request out."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._answer = b""
        self._due = 0.0
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def ask(self, request: bytes, due: float) -> None:
        assert self._transport is not None
        self._due, self._sent, self._answer = due, perf_counter(), b""
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if complete(self._answer):
            status, gone = self._answer[9:12].decode(), b"connection: close" in self._answer.lower()
            self._generator.answered(status, self._due, self._sent)
            self._due = 0.0
            if not gone:
                self._generator.free(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._generator.lost(self)
        if self._due:
            self._generator.answered("lost", self._due, self._sent)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class Generator:
    """Sends when it is due; opens a connection more when all are waiting for answers."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self._requests = [request.encode() for request in spec.requests]
        self._idle: list[Line] = []
        self._open = 0
        self._out = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.statuses: Counter[str] = Counter()
        self.waits: dict[str, list[float]] = {}
        self.lates: list[float] = []
        self.in_time = 0
        self._from = 0.0

    async def drive(self) -> None:
        """All that is due, then until nothing is out any more."""
        began = perf_counter()
        self._from = began + self._spec.warm
        total = int((self._spec.warm + self._spec.seconds) * self._spec.rate)
        sent = 0
        while sent < total:
            due = min(total, int((perf_counter() - began) * self._spec.rate))
            for at in range(sent, due):
                self._send(at, began + at / self._spec.rate)
            sent = max(sent, due)
            await asyncio.sleep(TICK)
        until = perf_counter() + LAST_SECONDS
        while self._out and perf_counter() < until:  # noqa: ASYNC110  # answers come one by one
            await asyncio.sleep(TICK)
        self.statuses["unanswered"] += self._out
        for line in self._idle:
            line.close()

    def answered(self, status: str, due: float, sent: float) -> None:
        self._out -= 1
        now = perf_counter()
        if status == GOOD and self._from <= now < self._from + self._spec.seconds:
            self.in_time += 1
        if due < self._from:
            return
        self.statuses[status] += 1
        # A refusal is judged by what the server took for it.
        began = due if status == GOOD else sent
        self.waits.setdefault(status, []).append(1e3 * (now - began))

    def free(self, line: Line) -> None:
        self._idle.append(line)

    def lost(self, line: Line) -> None:
        self._open -= 1
        if line in self._idle:
            self._idle.remove(line)

    def _send(self, at: int, due: float) -> None:
        self._out += 1
        self.lates.append(1e3 * (perf_counter() - due))
        request = self._requests[at % len(self._requests)]
        if self._idle:
            self._idle.pop().ask(request, due)
        elif self._open < MOST_CONNECTIONS:
            self._open += 1
            task = asyncio.ensure_future(self._connect(request, due))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self.answered("unsent", due, due)

    async def _connect(self, request: bytes, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, line = await loop.create_connection(lambda: Line(self), "127.0.0.1", self._spec.port)
        except OSError:
            self._open -= 1
            self.answered("lost", due, due)
            return
        line.ask(request, due)


def summed(spec: Spec, generator: Generator) -> Overload:
    """Of what was due after the warming."""
    statuses, waits = generator.statuses, generator.waits
    others = sum(count for status, count in statuses.items() if status not in {GOOD, REFUSED})
    good, refusals = _two(waits.get(GOOD, ())), _two(waits.get(REFUSED, ()))
    late = float(np.percentile(generator.lates or [0.0], 99))
    return Overload(
        spec.rate,
        generator.in_time / spec.seconds,
        *good,
        statuses[REFUSED],
        *refusals,
        others,
        late,
        {status: count for status, count in statuses.items() if count},
    )


def _two(waits: Sequence[float]) -> tuple[float, float]:
    """p50 and p99; zeros where there is none."""
    p50, p99 = np.percentile(waits or [0.0], (50, 99))
    return float(p50), float(p99)


def measure(spec: Spec) -> Overload:
    """From a process of its own."""
    seconds = spec.warm + spec.seconds + LAST_SECONDS + 30
    said = run([PYTHON, "-m", "bench.openloop", json.dumps(asdict(spec))], {}, seconds)
    return Overload(**json.loads(said.splitlines()[-1]))


def _main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    generator = Generator(spec)
    uvloop.run(generator.drive())
    if not generator.statuses:
        raise BenchFailed("Nothing was due.")
    print(json.dumps(asdict(summed(spec, generator))))


if __name__ == "__main__":
    _main()
