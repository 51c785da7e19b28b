"""The same rows over WebSockets: ours, and a peer that has a door for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, Protocol

from bench import sockets
from bench.family import Family
from bench.jobs import Job
from bench.ours import NAME, OFF, Ours, endpoint
from bench.problem import BenchFailed
from bench.rivals import Rival
from bench.sockets import Spec
from bench.standings import Stream

MANY: Final = "16 sockets x 32 frames of one row"
ONE: Final = "one socket x 32 frames of one row"
LONE: Final = "one socket x one frame of one row"
BATCHES: Final = "16 sockets x 4 frames of 64 rows, JSON"
BLOCKS: Final = "16 sockets x 4 blocks of 64 rows"
SHAPES: Final[Mapping[str, Mapping[str, Any]]] = {
    MANY: {"sockets": 16, "in_flight": 32},
    ONE: {"sockets": 1, "in_flight": 32},
    LONE: {"sockets": 1, "in_flight": 1},
    BATCHES: {"sockets": 16, "in_flight": 4, "rows": 64},
    BLOCKS: {"sockets": 16, "in_flight": 4, "rows": 64, "dialect": "blocks"},
}


class Times(Protocol):
    """How long it takes."""

    @property
    def seconds(self) -> float: ...

    @property
    def warm(self) -> float: ...


def of_ours(folder: Path, job: Job, server: Family, ours: Ours, times: Times) -> Iterator[Stream]:
    path = f"/ws/v1/predict/{endpoint(job.name, OFF)}"
    base = _spec(folder, job, server, path, times)
    base |= {"headers": ours.headers}
    return (_stream(NAME, what, base | dict(shape)) for what, shape in SHAPES.items())


def of_peer(folder: Path, job: Job, server: Family, rival: Rival, times: Times) -> Iterator[Stream]:
    """Blocks are ours alone."""
    base = _spec(folder, job, server, rival.sockets, times)
    shapes = {what: shape for what, shape in SHAPES.items() if what != BLOCKS}
    return (_stream(rival.name, what, base | dict(shape)) for what, shape in shapes.items())


def _spec(folder: Path, job: Job, server: Family, path: str, times: Times) -> dict[str, Any]:
    file = folder / f"{job.name}.workload.json"
    file.write_text(json.dumps(asdict(job.work)), encoding="utf-8")
    where = {"port": server.port, "pid": server.pid, "path": path, "workload": str(file)}
    return {**where, "warm": times.warm, "seconds": times.seconds}


def _stream(who: str, what: str, given: dict[str, Any]) -> Stream:
    try:
        return Stream(who, what, sockets.measure(Spec(**given)))
    except BenchFailed as failed:
        lines = [line for line in str(failed).splitlines() if line.strip()]
        return Stream(who, what, None, lines[-1][:160])
