"""Sockets that watch one topic, in a process of their own, and write down what reached each when.

Run as `python -m bench.audience SPEC`. It says that it has begun once every socket has its first
snapshot, and ends when its input does and nothing has come for a second.
"""

from __future__ import annotations

import json
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, NamedTuple

from bench import frames
from bench.problem import BenchFailed
from bench.process import PYTHON, ROOT, environment
from bench.sockets import connected

PATH: Final = "/ws/v1/live"
PROTOCOL: Final = "weir.v1.json"
BEGUN: Final = "begun"
QUIET: Final = 1.0  # seconds; a snapshot that is due comes within a tenth of one
PATIENCE: Final = 30.0
_CHUNK: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Spec:
    """How many watch what, and the file that they write."""

    port: int
    topic: str
    sockets: int
    written: str


class Frame(NamedTuple):
    """A snapshot: when it came, by `perf_counter`, and what all arms of it have together."""

    at: float
    exposures: int
    labelled: int


@dataclass(frozen=True, slots=True)
class Seen:
    """What reached each socket, and the last snapshot that it got."""

    frames: Sequence[Sequence[Frame]] = ()
    last: Sequence[Mapping[str, Any]] = ()
    cpu_seconds: float = 0.0


@dataclass(slots=True)
class Seat:
    """One socket."""

    reader: frames.Reader
    seen: list[Frame] = field(default_factory=list)
    last: bytes = b""

    def take(self, data: bytes, now: float) -> None:
        for opcode, payload in self.reader.feed(data):
            if opcode == frames.CLOSE:
                raise BenchFailed(f"A watcher was sent away: {payload!r}")
            if opcode == frames.TEXT and (counts := _counts(payload)):
                self.seen.append(Frame(now, *counts))
                self.last = payload


@lru_cache(maxsize=64)
def _counts(payload: bytes) -> tuple[int, int] | None:
    """All sockets get the same text, so it is read once. None for what is no snapshot."""
    body = json.loads(payload)
    if body["type"] != "snapshot":
        return None
    arms = body["arms"]
    return sum(arm["exposures"] for arm in arms), sum(arm["labelled"] for arm in arms)


def watch(spec: Spec) -> Seen:
    """Until the input ends and nothing comes any more."""
    with selectors.DefaultSelector() as selector:
        seats = [_seated(spec, selector) for _ in range(spec.sockets)]
        while not all(seat.seen for seat in seats):
            if not _turn(selector, PATIENCE):
                raise BenchFailed("A watcher got no first snapshot.")
        print(BEGUN, flush=True)
        began = time.process_time()
        selector.register(sys.stdin, selectors.EVENT_READ)
        while sys.stdin not in _turn(selector, None):
            pass
        selector.unregister(sys.stdin)
        while _turn(selector, QUIET):
            pass
    last = [json.loads(seat.last) for seat in seats]
    return Seen([seat.seen for seat in seats], last, time.process_time() - began)


def _seated(spec: Spec, selector: selectors.BaseSelector) -> Seat:
    line, rest = connected(spec.port, PATH, PROTOCOL, {})
    seat = Seat(frames.Reader())
    selector.register(line, selectors.EVENT_READ, seat)
    wish = json.dumps({"subscribe": spec.topic}).encode()
    line.sendall(frames.written(frames.TEXT, wish))
    seat.take(rest, time.perf_counter())
    return seat


def _turn(selector: selectors.BaseSelector, seconds: float | None) -> list[Any]:
    """Take what has come, and say from whom; nobody if there was nothing for so long."""
    ready = [key for key, _ in selector.select(seconds)]
    for key in ready:
        if key.data is not None:
            data = key.fileobj.recv(_CHUNK)  # type: ignore[union-attr]  # a socket has a seat
            if not data:
                raise BenchFailed("The server closed a watcher's socket.")
            key.data.take(data, time.perf_counter())
    return [key.fileobj for key in ready]


class Audience:
    """The same from a process of its own: a context, and `seen` afterwards."""

    def __init__(self, spec: Spec) -> None:
        self._spec = spec
        self.seen = Seen()

    def __enter__(self) -> Audience:
        self._process = subprocess.Popen(
            [PYTHON, "-m", "bench.audience", json.dumps(asdict(self._spec))],
            cwd=ROOT,
            env=environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None  # it is a pipe
        if self._process.stdout.readline().strip() != BEGUN:
            self._process.communicate()
            raise BenchFailed("The watchers did not begin.")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=PATIENCE)
        if self._process.returncode:
            raise BenchFailed("The watchers failed.") from error
        saved = json.loads(Path(self._spec.written).read_text(encoding="utf-8"))
        seats = [[Frame(*each) for each in seat] for seat in saved["frames"]]
        self.seen = Seen(seats, saved["last"], saved["cpu_seconds"])


def _main() -> None:
    spec = Spec(**json.loads(sys.argv[1]))
    Path(spec.written).write_text(json.dumps(asdict(watch(spec))), encoding="utf-8")


if __name__ == "__main__":
    _main()
