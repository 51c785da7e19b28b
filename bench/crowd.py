"""`python -m bench models`: whether models that nobody asks for cost those who ask for another.

Servers with 0, 10 and 100 further models run at once and take turns.
"""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from bench import asker, jobs, wire, wrk
from bench.contenders import manage, ours_environment
from bench.family import Family
from bench.floors import crowded
from bench.jobs import LINEAR, Job
from bench.load import Load
from bench.process import PYTHON, free_port, run
from bench.progress import Progress
from bench.report import floor_table
from bench.standings import times
from bench.table import number, table
from bench.wire import Ask

CONNECTIONS: Final = (32, 128)
NAME: Final = "asked"
REGISTER_SECONDS: Final = 900.0


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--further", default="10,100", help="how many, with commas, beside none")
    parser.add_argument("--turns", type=int, default=0, help="of one second, for each server")


def main(options: Namespace, folder: Path) -> int:
    wrk.require()
    progress = Progress()
    turns = options.turns or (5 if options.quick else 20)
    counts = [0, *(int(count) for count in options.further.split(","))]
    job = jobs.prepare(LINEAR, folder)
    homes = {count: _registered(folder, job, count, progress) for count in counts}
    with ExitStack() as stack:
        servers = {count: stack.enter_context(_server(home)) for count, home in homes.items()}
        ask = wire.RECORDS.at(f"/api/v1/{NAME}/predict", {}).singles(job)
        for server in servers.values():
            server.until(partial(asker.is_up, server, ask))
            asker.check_all(server, ask)
        loads = _loads(folder, ask, servers, turns, progress)
        memory = {count: server.proportional_megabytes() for count, server in servers.items()}
    print(_page(loads, memory))
    floors = crowded(shares(loads))
    print(floor_table(floors))
    return 1 if options.gate and any(not floor.met for floor in floors) else 0


def _registered(folder: Path, job: Job, further: int, progress: Progress) -> Path:
    """A data directory with the model that is asked for, and these many beside it."""
    home = folder / f"with{further}"
    home.mkdir()
    progress.say(f"registering {further} further models")
    manage(home, "migrate", "--verbosity", "0")
    extra = ours_environment(home) | {
        "DJANGO_SETTINGS_MODULE": "asgi_project.settings",
        "WEIR_LOG_MODE": "off",
    }
    run(
        [PYTHON, "-m", "bench.registering", str(job.folder), NAME, str(further)],
        extra,
        REGISTER_SECONDS,
    )
    return home


def _server(home: Path) -> Family:
    port = free_port()
    log = home.with_suffix(".log")
    return Family("Weir", [PYTHON, "manage.py", "serve"], port, ours_environment(home, port), log)


Loads = Mapping[tuple[int, int], Sequence[Load]]


def _loads(
    folder: Path, ask: Ask, servers: Mapping[int, Family], turns: int, progress: Progress
) -> Loads:
    """By further models and connections."""
    found: dict[tuple[int, int], list[Load]] = {}
    for turn in range(turns):
        progress.say(f"turn {turn + 1} of {turns}")
        for connections in CONNECTIONS:
            for further, server in servers.items():
                load = asker.load(server, ask, folder / "crowd.lua", connections, 1.0)
                found.setdefault((further, connections), []).append(load)
    return found


def shares(loads: Loads) -> dict[str, float]:
    """Rates divided by those with nothing else registered, turn by turn."""
    return {
        f"{further} further models, {connections} connections": times(each, loads[0, connections])
        for (further, connections), each in loads.items()
        if further
    }


def _page(loads: Loads, memory: Mapping[int, float]) -> str:
    head = ("further models", "-c", "requests/s", "p99 ms", "MB")
    rows = [
        (
            str(further),
            str(connections),
            number(median(load.rate for load in each)),
            number(median(load.p99_ms for load in each)),
            number(memory[further]),
        )
        for (further, connections), each in loads.items()
    ]
    return table("One JSON row, logistic regression, log off", head, rows)
