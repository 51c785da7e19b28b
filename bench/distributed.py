"""`python -m bench redis`: the distributed mode, from the engine alone to REST beside one process.

Redis is a server of the run's own, or where there is none the one that REDIS_URL names.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench import beside, contenders, measure, postgres, scale, spread, trip, wrk
from bench.deployment import Deployment, queue
from bench.load import Load, middle
from bench.measure import Bench
from bench.plan import FULL, QUICK
from bench.process import Server
from bench.progress import Progress
from bench.spread import Results
from bench.trip import Spec

CALLERS: Final = (1, 32, 128)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=run)


def run(options: Namespace, folder: Path) -> int:
    wrk.require()
    plan = QUICK if options.quick else FULL
    progress = Progress()
    results = everything(measure.make(folder, plan, progress))
    print(spread.page(results, plan, progress.seconds))
    if options.json:
        options.json.write_text(json.dumps(spread.as_json(results), indent=1), encoding="utf-8")
    missed = [floor for floor in spread.floors(results) if not floor.met]
    return 1 if missed and options.gate else 0


def everything(bench: Bench) -> Results:
    waiting = scale.run(bench, bench.folder / "scale")
    with _deployed(bench, {}) as (deployment, worker):
        trips = _trips(bench, deployment, worker)
        rest = {"SQLite": beside.run(bench, deployment, worker)}
    with postgres.database() as url:
        if url:
            with _deployed(bench, {"DATABASE_URL": url}) as (deployment, worker):
                rest["PostgreSQL"] = beside.run(bench, deployment, worker)
    return Results(trips, rest, waiting)


@contextmanager
def _deployed(bench: Bench, extra: Mapping[str, str]) -> Iterator[tuple[Deployment, Server]]:
    """The forest registered, and a worker started."""
    bench.progress.say("registering the forest")
    with queue(bench.folder) as found:
        deployment = Deployment(bench.folder, found, extra)
        contenders.register(bench.folder, **extra)
        with deployment.worker() as worker:
            yield deployment, worker


def _trips(bench: Bench, deployment: Deployment, worker: Server) -> dict[int, Load]:
    loads: dict[int, list[Load]] = {callers: [] for callers in CALLERS}
    for turn in range(bench.plan.rounds):
        for callers, found in loads.items():
            found.append(trip.measure(_spec(bench, deployment, worker, callers)))
            where = f"round {turn + 1}, round trip, {callers} callers"
            bench.progress.say(f"{where}: {found[-1].rate:,.0f} rows/s")
    return {callers: middle(found) for callers, found in loads.items()}


def _spec(bench: Bench, deployment: Deployment, worker: Server, callers: int) -> Spec:
    return Spec(
        deployment.environment,
        str(bench.work_file),
        [worker.pid],
        callers,
        warm=bench.plan.warm,
        seconds=bench.plan.sockets,
    )
