"""`python -m bench placement`: a batch on the loop, in a thread, in a process of its own.

For each kind of model: one row alone, batches one after the other, and what is left to the loop
meanwhile: how late its timers ring, and how much other work it gets done beside one that is idle.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import struct
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, Final

import numpy as np
import uvloop

from bench.kinds import KINDS, Kind, Predict
from bench.progress import Progress
from bench.table import number, table
from inference.core.tensors import Matrix
from inference.engine.thread import Thread

HEAD: Final = ("model", "where", "one row, us", "batch, ms", "rows/s", "timer p99, ms", "loop free")
SECONDS: Final = 0.5
ROUNDS: Final = 3
BATCH: Final = 64
_SLICE: Final = 2000  # additions: some ten microseconds of other work
_LONE: Final = 20  # calls
_SHAPE: Final = struct.Struct("<II")

Ask = Callable[[Matrix], Awaitable[Matrix]]
Place = Callable[[Kind, Path], AbstractContextManager[Ask]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        lines = runner.run(_everything(folder))
    print(table(f"Batches of {BATCH} rows", HEAD, lines))
    return 0


async def _everything(folder: Path) -> list[tuple[str, ...]]:
    progress = Progress()
    free = median([await _work(SECONDS) for _ in range(ROUNDS)])
    lines = []
    for kind in KINDS:
        kind.prepare(folder)
        for place in (inline, thread, process):
            with place(kind, folder) as ask:
                found = [await _measured(ask, kind.rows(BATCH)) for _ in range(ROUNDS)]
            lone, rate, lag, work = (median(column) for column in zip(*found, strict=True))
            figures = (1e6 * lone, 1e3 * BATCH / rate, rate, 1e3 * lag)
            lines.append((kind.name, place.__name__, *map(number, figures), f"{work / free:.0%}"))
            progress.say("  ".join(lines[-1]))
    return lines


async def _measured(ask: Ask, rows: Matrix) -> tuple[float, float, float, float]:
    """A lone row's seconds, rows a second, the timer's p99, other work a second."""
    lone = [await _timed(ask(rows[:1])) for _ in range(_LONE)]
    rate, late = await asyncio.gather(_batches(ask, rows), _lateness(SECONDS))
    _, work = await asyncio.gather(_batches(ask, rows), _work(SECONDS))
    return median(lone), rate, late, work


async def _timed(asked: Awaitable[Matrix]) -> float:
    began = perf_counter()
    await asked
    return perf_counter() - began


async def _batches(ask: Ask, rows: Matrix) -> float:
    began, done = perf_counter(), 0
    while perf_counter() - began < SECONDS:
        await ask(rows)
        await asyncio.sleep(0)
        done += len(rows)
    return done / (perf_counter() - began)


async def _lateness(seconds: float) -> float:
    late, until = list[float](), perf_counter() + seconds
    while (due := perf_counter() + 0.001) < until:
        await asyncio.sleep(0.001)
        late.append(perf_counter() - due)
    return sorted(late)[int(0.99 * len(late))]


async def _work(seconds: float) -> float:
    """What many small requests are to the loop: short pieces, one in each of its turns."""
    began, done = perf_counter(), 0
    while perf_counter() - began < seconds:
        sum(range(_SLICE))
        done += 1
        await asyncio.sleep(0)
    return done / (perf_counter() - began)


# -- the places ------------------------------------------------------------------------------------


@contextmanager
def inline(kind: Kind, folder: Path) -> Iterator[Ask]:
    predict = kind.load(folder)

    async def ask(rows: Matrix) -> Matrix:
        return predict(rows)

    yield ask


@contextmanager
def thread(kind: Kind, folder: Path) -> Iterator[Ask]:
    predict, caller = kind.load(folder), Thread("bench-model")

    def ask(rows: Matrix) -> Awaitable[Matrix]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        caller.call(lambda: predict(rows), lambda found, _: answer.set_result(found))
        return answer

    yield ask
    caller.close()


@contextmanager
def process(kind: Kind, folder: Path) -> Iterator[Ask]:
    """A child that loaded the model itself; arrays go as they are through a pipe."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=_serve, args=(kind.name, folder, theirs), daemon=True)
    child.start()
    theirs.close()
    ours.recv_bytes()  # it has loaded
    answers: asyncio.Queue[Matrix] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    loop.add_reader(ours.fileno(), lambda: answers.put_nowait(unpacked(ours.recv_bytes())))

    async def ask(rows: Matrix) -> Matrix:
        ours.send_bytes(packed(rows))
        return await answers.get()

    try:
        yield ask
    finally:
        loop.remove_reader(ours.fileno())
        ours.close()
        child.join(5)


def _serve(name: str, folder: Path, pipe: Connection) -> None:
    predict: Predict = next(kind for kind in KINDS if kind.name == name).load(folder)
    pipe.send_bytes(b"ready")
    try:
        while True:
            pipe.send_bytes(packed(predict(unpacked(pipe.recv_bytes()))))
    except EOFError:
        return


def packed(rows: Matrix) -> bytes:
    return _SHAPE.pack(*rows.shape) + rows.tobytes()


def unpacked(data: bytes) -> Matrix:
    return np.frombuffer(data, np.float64, offset=_SHAPE.size).reshape(_SHAPE.unpack_from(data))
