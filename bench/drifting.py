"""`python -m bench drift`: what it costs that rows are counted to notice drift.

Two servers with the same model, one that counts and one that does not, run at once and take turns.
"""

from __future__ import annotations

import json
import shutil
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from bench import lesson, wrk
from bench.contenders import OFF, ours_environment, register
from bench.floors import Floor
from bench.load import Load
from bench.process import PYTHON, Server, free_port
from bench.progress import Progress
from bench.report import floor_table
from bench.standings import times
from bench.table import number, table
from bench.workload import Workload

MOST: Final = 5.0  # per cent of the processor time of an answer
ROWS: Final = 64
SINGLES: Final = {"one row, 32 connections": 32, "one row, 128 connections": 128}
BATCHES: Final = {f"{ROWS} rows, 32 connections": 32}
PATH: Final = f"/api/v1/{OFF}/predict"

Loads = Mapping[tuple[str, bool], Sequence[Load]]


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)
    parser.add_argument("--turns", type=int, default=0, help="of one second, for each server")


def main(options: Namespace, folder: Path) -> int:
    wrk.require()
    progress = Progress()
    turns = options.turns or (5 if options.quick else 30)
    progress.say("training a forest of 100 trees on 30 features")
    work = lesson.prepare(folder)
    _registered(folder, work)
    with ExitStack() as stack:
        servers = {counts: stack.enter_context(_server(folder, counts)) for counts in (True, False)}
        for server in servers.values():
            server.wait("/readyz")
        loads = _loads(folder, work, servers, turns, progress)
    print(_page(loads))
    floors = [Floor(what, cost, MOST, " %", most=True) for what, cost in costs(loads).items()]
    print(floor_table(floors))
    if options.json:
        options.json.write_text(json.dumps(costs(loads), indent=1), encoding="utf-8")
    return 1 if options.gate and any(not floor.met for floor in floors) else 0


def _registered(folder: Path, work: Workload) -> None:
    """With a reference, which is made of the rows that a model is tried on; twice the same."""
    rows = [dict(zip(work.names, row, strict=True)) for row in work.rows]
    (folder / "rows.json").write_text(json.dumps(rows), encoding="utf-8")
    register(folder, "--rows", str(folder / "rows.json"))
    shutil.copytree(folder / "weir", folder / "uncounted" / "weir")


def _server(folder: Path, counts: bool) -> Server:  # which of two
    home, port = folder if counts else folder / "uncounted", free_port()
    given = {"WEIR_DRIFT_WINDOW_SECONDS": "60" if counts else "0"}
    command, log = [PYTHON, "manage.py", "serve"], home / "weir.log"
    return Server("Weir", command, port, ours_environment(home, port) | given, log)


def _loads(
    folder: Path,
    work: Workload,
    servers: Mapping[bool, Server],
    turns: int,
    progress: Progress,
) -> Loads:
    """By what is sent, and whether it is counted; who goes first changes from turn to turn."""
    singles, batches = folder / "singles.lua", folder / "batches.lua"
    singles.write_text(wrk.script(work.bodies), encoding="utf-8")
    batches.write_text(wrk.script([b"[" + b",".join(work.bodies[:ROWS]) + b"]"]), encoding="utf-8")
    jobs = [(what, singles, c) for what, c in SINGLES.items()]
    jobs += [(what, batches, c) for what, c in BATCHES.items()]
    found: dict[tuple[str, bool], list[Load]] = {}
    for turn in range(turns):
        progress.say(f"turn {turn + 1} of {turns}")
        order = (True, False) if turn % 2 else (False, True)
        for what, script, connections in jobs:
            for counts in order:
                load = wrk.post(servers[counts], PATH, script, connections, 1.0)
                found.setdefault((what, counts), []).append(load)
    return found


def costs(loads: Loads) -> dict[str, float]:
    """What counting adds to the processor time of an answer, in per cent, turn by turn.

    The server has one processor to itself and uses all of it, so that is what its rate falls by;
    but where others use the machine too, the rate says more of them.
    """
    found = {}
    for (what, counts), each in loads.items():
        if counts:
            pairs = zip(each, loads[what, False], strict=True)
            found[what] = 100.0 * (median(one.cost_us / other.cost_us for one, other in pairs) - 1)
    return found


def _page(loads: Loads) -> str:
    head = ("what", "counted", "requests/s", "of those without", "p99 ms", "CPU us each")
    rows = [
        (
            what,
            "yes" if counts else "no",
            number(median(load.rate for load in each)),
            f"{times(each, loads[what, False]):.3f}",
            number(median(load.p99_ms for load in each)),
            number(median(load.cost_us for load in each)),
        )
        for (what, counts), each in loads.items()
    ]
    return table("JSON rows for the forest of 100 trees on 30 features, log off", head, rows)
