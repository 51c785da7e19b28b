"""One worker against four, with a model that waits: what the queue itself allows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final

import joblib
import numpy as np

from bench import trip
from bench.contenders import manage
from bench.deployment import Deployment, queue
from bench.load import Load, middle
from bench.measure import Bench
from bench.peers.sleeper import Sleeper
from bench.process import Server
from bench.trip import Spec
from bench.workload import Workload

WORKERS: Final = (1, 4)
# Small batches, so that a few callers are work enough for all workers and none is short of a core;
# the callers are several times what four workers have in hand (two batches each).
BATCH_ROWS: Final = 8
CALLERS: Final = 256
SECONDS: Final = 4.0  # also in a short round: with one worker a caller waits half a second
NAME: Final = "sleeper"
ROWS: Final = 64


def run(bench: Bench, folder: Path) -> dict[int, Load]:
    """By number of workers; those that are there stay."""
    bench.progress.say("a model that waits 20 ms for each batch")
    folder.mkdir()
    register(folder)
    found = {}
    with ExitStack() as stack:
        extra = {"WEIR_MAX_BATCH_ROWS": str(BATCH_ROWS)}
        deployment = Deployment(folder, stack.enter_context(queue(folder)), extra)
        workers: list[Server] = []
        for count in WORKERS:
            while len(workers) < count:
                workers.append(stack.enter_context(deployment.worker(len(workers) + 1)))
            found[count] = _load(bench, deployment, workers)
    return found


def _load(bench: Bench, deployment: Deployment, workers: Sequence[Server]) -> Load:
    spec = Spec(
        deployment.environment,
        str(deployment.folder / "workload.json"),
        [worker.pid for worker in workers],
        CALLERS,
        len(workers),
        bench.plan.warm,
        SECONDS,
    )
    loads = []
    for turn in range(bench.plan.rounds):
        loads.append(trip.measure(spec))
        where = f"round {turn + 1}, {len(workers)} workers"
        bench.progress.say(f"{where}: {loads[-1].rate:,.0f} rows/s")
    return middle(loads)


def register(folder: Path) -> None:
    classes = ("no", "yes")
    schema = {
        "features": [{"name": "likely", "kind": "number", "minimum": 0.0, "maximum": 1.0}],
        "target": {"name": "answer", "task": "binary", "classes": list(classes)},
    }
    values = [at / ROWS for at in range(ROWS)]
    work = Workload(("likely",), classes, [[value] for value in values], values)
    model = Sleeper().fit(np.array([[0.0], [1.0]]), list(classes))
    path = folder / f"{NAME}.joblib"
    joblib.dump(model, path)
    path.with_suffix(".schema.json").write_text(json.dumps(schema), encoding="utf-8")
    (folder / "workload.json").write_text(json.dumps(asdict(work)), encoding="utf-8")
    identity = ("--name", NAME, "--version", "0.0.1", "--status", "production")
    manage(folder, "migrate", "--verbosity", "0")
    manage(folder, "register", str(path), "--endpoint", NAME, *identity, WEIR_LOG_MODE="off")
