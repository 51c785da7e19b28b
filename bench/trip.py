"""Callers of the Redis engine without HTTP, in a process of their own: what a web process would be.

Run as `python -m bench.trip SPEC`, both ways JSON. The rows are read before the clock starts: that
is the gateway's work, here only the way to the worker and back is measured.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Final, cast

import numpy as np
import uvloop

from asgi_project import engines, env
from bench.load import Load
from bench.problem import BenchFailed
from bench.process import PYTHON, run
from bench.usage import Usage, of_process
from bench.workload import Workload
from inference.core.answers import TableRenderer
from inference.core.reader import Reader, RowReader
from inference.core.routing import Algorithm
from inference.core.rows import Read
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Context, Part, Served
from inference.core.types import NO_ERRORS, Job, LogMode, Model
from inference.engine.remote import Distant, RemoteEngine

CHECK_EVERY: Final = 61  # a prime, so that every row has its turn
PATIENCE: Final = 25.0
GLANCE: Final = 0.05
START_SECONDS: Final = 30.0
_PLACES: Final = range(1)


@dataclass(frozen=True, slots=True)
class Spec:
    """What to do: so many callers, once so many workers are there; `pids` is who answers them."""

    environment: Mapping[str, str]
    workload: str
    pids: Sequence[int]
    callers: int = 128
    workers: int = 1
    warm: float = 1.0
    seconds: float = 5.0


class OneRow:
    """A row that was read before it is asked for."""

    def __init__(self, text: str, values: Sequence[float]) -> None:
        self._text = text
        self._read = Read((np.array([values], dtype=np.float64),), _PLACES, NO_ERRORS)

    def __len__(self) -> int:
        return 1

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        return self._read

    def raw(self, position: int) -> str:
        return self._text


class Crowd:
    """Callers that ask again as soon as they are answered."""

    def __init__(self, engine: RemoteEngine, workload: Workload, served: Served) -> None:
        self.waits: list[float] = []
        self._engine = engine
        self._workload = workload
        self._served = served
        self._model = cast("Model", served.model)
        pairs = zip(workload.bodies, workload.rows, strict=True)
        self._rows = [OneRow(body.decode(), values) for body, values in pairs]
        self._ids = itertools.count(1)
        self._loop = asyncio.get_running_loop()

    async def ask_all(self) -> None:
        """Every row once, each answer compared with the model's."""
        for index in range(len(self._rows)):
            check(self._workload, index, await self.ask(index))

    async def load(self, callers: int, seconds: float) -> None:
        until = perf_counter() + seconds
        await asyncio.gather(*(self._caller(first, until) for first in range(callers)))

    async def ask(self, index: int) -> Part:
        part = self._part(index)
        assert part.tensors is not None  # every row of the workload fits its schema
        deadline = self._loop.time() + PATIENCE
        await self._engine.submit(Job(self._model, part.tensors, deadline, LogMode.OFF, part))
        return part

    async def _caller(self, first: int, until: float) -> None:
        for turn in itertools.count(first):
            began = perf_counter()
            if began >= until:
                return
            index = turn % len(self._rows)
            part = await self.ask(index)
            self.waits.append(perf_counter() - began)
            if len(self.waits) % CHECK_EVERY == 0:
                check(self._workload, index, part)

    def _part(self, index: int) -> Part:
        context = Context(self._rows[index], "", LogMode.OFF, datetime.now(UTC))
        return Part(self._served, None, _PLACES, [next(self._ids)], context)


def check(workload: Workload, index: int, part: Part) -> None:
    """Raises BenchFailed unless it is the answer to this row, under this request's id."""
    said = json.loads(part.texts[0])
    right = workload.right(index, said["probability"]) and said["request_id"] == part.ids[0]
    if not right:
        raise BenchFailed(f"Row {index} was answered wrongly: {said}")


def served(workload: Workload, algorithm_id: int) -> Served:
    """The algorithm as a process knows it that holds no model."""
    features = tuple(Feature(name, "number") for name in workload.names)
    schema = Schema(features, Target("diagnosis", "binary", workload.classes))
    algorithm = Algorithm(algorithm_id, "random forest", "0.0.1", "production")
    model = Distant(algorithm_id, "onnx")
    return Served(algorithm, RowReader(schema), TableRenderer(schema.target, algorithm), model)


async def drive(spec: Spec, workload: Workload) -> Load:
    """Warm up, then count what is answered within `seconds`."""
    engine = engines.distant(env.read(spec.environment))
    try:
        await engine.start()
        model = await _model(engine, spec.workers)
        crowd = Crowd(engine, workload, served(workload, model))
        return await _measured(spec, crowd)
    finally:
        await engine.close()


async def _model(engine: RemoteEngine, workers: int) -> int:
    """One that all workers have loaded; raises BenchFailed if they do not come."""
    deadline = perf_counter() + START_SECONDS
    while perf_counter() < deadline:
        found = [set(seen.beat.serves) for seen in engine.roster.alive.values()]
        if len(found) >= workers and (common := set.intersection(*found)):
            return min(common)
        await asyncio.sleep(GLANCE)
    raise BenchFailed(f"{workers} workers with a model were not seen in {START_SECONDS} s.")


async def _measured(spec: Spec, crowd: Crowd) -> Load:
    await crowd.ask_all()
    await crowd.load(spec.callers, spec.warm)
    crowd.waits.clear()
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as a web process has it
    with Usage(partial(_together, spec.pids), process_time) as usage:
        await crowd.load(spec.callers, spec.seconds)
    waits = 1e3 * np.array(crowd.waits)
    p50, p99 = np.percentile(waits, (50, 99))
    await crowd.ask_all()
    return Load(len(waits) / usage.wall, float(p50), float(p99), len(waits)).beside(usage)


def _together(pids: Sequence[int]) -> float:
    return sum(map(of_process, pids))


def measure(spec: Spec) -> Load:
    """The same from a process of its own."""
    command = [PYTHON, "-m", "bench.trip", json.dumps(asdict(spec))]
    said = run(command, {}, spec.warm + spec.seconds + 2 * START_SECONDS)
    return Load(**json.loads(said.splitlines()[-1]))


def main(text: str) -> None:
    spec = Spec(**json.loads(text))
    workload = Workload(**json.loads(Path(spec.workload).read_text(encoding="utf-8")))
    print(json.dumps(asdict(uvloop.run(drive(spec, workload)))))


if __name__ == "__main__":
    main(sys.argv[1])
