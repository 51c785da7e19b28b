"""Labelled rows for a test, from a process of its own: predictions by WebSocket, labels by REST.

Run as `python -m bench.playing SPEC`. Each row comes from a subject of its own. Its label follows
once the prediction is there, on as many connections as labellers, as fast as these are answered:
each sends all labels that have come up meanwhile, up to so many, as one request.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import count, cycle
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final, NamedTuple

import msgspec
import uvloop

from bench import frames
from bench.lone import complete
from bench.problem import BenchFailed
from bench.process import PYTHON, run
from bench.sockets import connected

PROTOCOL: Final = "weir.v1.json"
TICK: Final = 0.002
LAST_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Spec:
    """`rows` names a file of [record, label]; a rate of 0 is as fast as the answers come.

    `run` is what the subjects begin with: those of another run are others.
    """

    port: int
    endpoint: str
    rows: str
    run: str
    rate: float
    seconds: float
    labellers: int = 2
    labels_at_once: int = 500
    sockets: int = 4
    in_flight: int = 32


class Told(NamedTuple):
    """An answer, by `perf_counter`, and how many had been asked for by then."""

    at: float
    asked: int


@dataclass(frozen=True, slots=True)
class Played:
    """What was answered, in its order; what is answered is committed."""

    predictions: Sequence[Told] = ()
    labels: Sequence[Told] = ()
    began: float = 0.0
    ended: float = 0.0
    late: int = 0  # rows that were due and not asked for when the time was over
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class Play:
    """What is due, what was asked and what was answered."""

    spec: Spec
    rows: Any
    predictions: list[Told] = field(default_factory=list)
    labels: list[Told] = field(default_factory=list)
    known: deque[tuple[int, str]] = field(default_factory=deque)  # predictions without a label
    asked: int = 0
    labelled: int = 0
    over: bool = False
    began: float = field(default_factory=perf_counter)

    @property
    def due(self) -> float:
        return (perf_counter() - self.began) * self.spec.rate

    def may_ask(self) -> bool:
        return not self.over and (not self.spec.rate or self.asked < self.due)


class Asking(asyncio.Protocol):
    """A socket with some frames of one row in flight."""

    def __init__(self, play: Play, rest: bytes) -> None:
        self._play = play
        self._reader = frames.Reader()
        self._rest = rest
        self._labels: dict[int, str] = {}
        self._numbers = count()
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.data_received(self._rest)

    def data_received(self, data: bytes) -> None:
        for opcode, payload in self._reader.feed(data):
            if opcode == frames.TEXT:
                self._answered(msgspec.json.decode(payload))
        self.ask()

    def ask(self) -> None:
        """As many as are due and there is room for."""
        play, out = self._play, []
        while len(self._labels) < play.spec.in_flight and play.may_ask():
            number, (record, label) = next(self._numbers), next(play.rows)
            subject = f"{play.spec.run}-{play.asked:030}"  # as long as a UUID, more or less
            frame = {"id": number, "record": record, "subject": subject}
            out.append(frames.written(frames.TEXT, msgspec.json.encode(frame)))
            self._labels[number] = label
            play.asked += 1
        if out:
            self._transport.write(b"".join(out))

    @property
    def idle(self) -> bool:
        return not self._labels

    def _answered(self, said: dict[str, Any]) -> None:
        if said["type"] == "hello":
            return
        if said["type"] != "result":
            raise BenchFailed(f"A prediction was answered {said}")
        play = self._play
        label = self._labels.pop(said["id"])
        play.predictions.append(Told(perf_counter(), play.asked))
        if play.spec.labellers:
            play.known.append((said["result"]["request_id"], label))


class Labelling(asyncio.Protocol):
    """A connection with at most one request under way."""

    def __init__(self, play: Play) -> None:
        self._play = play
        self._answer = b""
        self._under_way = 0
        self._transport: Any = None
        self.idle = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not complete(self._answer):
            return
        if not self._answer.startswith(b"HTTP/1.1 200 "):
            raise BenchFailed(f"Labels were answered {self._answer[:300]!r}")
        told = Told(perf_counter(), self._play.labelled)
        self._play.labels += [told] * self._under_way
        self.idle = True
        self.ask()

    def ask(self) -> None:
        if not self.idle or self._play.over or not self._play.known:
            return
        known = self._play.known
        self._under_way = min(len(known), self._play.spec.labels_at_once)
        some = [known.popleft() for _ in range(self._under_way)]
        labels = [{"id": request_id, "feedback": label} for request_id, label in some]
        body = msgspec.json.encode({"labels": labels})
        head = (
            "POST /api/v1/mlrequests/feedback HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self._answer, self.idle = b"", False
        self._play.labelled += self._under_way
        self._transport.write(head.encode() + body)


async def play(spec: Spec, rows: Sequence[Any]) -> Played:
    """For so many seconds, and until nothing is under way any more."""
    asyncio.get_running_loop().set_exception_handler(_failed)
    now = Play(spec, cycle(rows))
    crew = await _crew(now)
    cpu = process_time()
    now.began = perf_counter()
    while perf_counter() < now.began + spec.seconds:
        for each in crew:
            each.ask()
        await asyncio.sleep(TICK)
    now.over, ended = True, perf_counter()
    late, cpu = max(0, round(now.due) - now.asked), process_time() - cpu
    async with asyncio.timeout(LAST_SECONDS):
        while not all(each.idle for each in crew):  # noqa: ASYNC110  # answers come one by one
            await asyncio.sleep(TICK)
    return Played(now.predictions, now.labels, now.began, ended, late, cpu)


async def _crew(now: Play) -> list[Asking | Labelling]:
    loop, spec = asyncio.get_running_loop(), now.spec
    crew: list[Asking | Labelling] = []
    for _ in range(spec.labellers):
        make = partial(Labelling, now)
        crew.append((await loop.create_connection(make, "127.0.0.1", spec.port))[1])
    for _ in range(spec.sockets):
        line, rest = connected(spec.port, f"/ws/v1/predict/{spec.endpoint}", PROTOCOL, {})
        line.setblocking(False)
        crew.append((await loop.create_connection(partial(Asking, now, rest), sock=line))[1])
    return crew


def _failed(_: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    print(context.get("exception") or context["message"], file=sys.stderr, flush=True)
    os._exit(1)  # a wrong answer ends the run, and nobody awaits a protocol


def measure(spec: Spec) -> Played:
    """From a process of its own."""
    seconds = spec.seconds + LAST_SECONDS + 30
    said = run([PYTHON, "-m", "bench.playing", json.dumps(asdict(spec))], {}, seconds)
    played = json.loads(said.splitlines()[-1])
    told = {name: [Told(*each) for each in played[name]] for name in ("predictions", "labels")}
    return Played(**played | told)


def _main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    rows = json.loads(Path(spec.rows).read_text(encoding="utf-8"))
    print(json.dumps(asdict(uvloop.run(play(spec, rows)))))


if __name__ == "__main__":
    _main()
