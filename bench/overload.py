"""`python -m bench overload`: three times more than can be done, from callers who do not wait.

The model waits 20 ms for a batch of at most 8 rows: its capacity is 400 rows a second, and neither
the server nor the generator is short of a core. `--set` changes the server's settings.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from bench import openloop, scale, wrk
from bench.contenders import ours_environment
from bench.family import Family
from bench.floors import overloaded
from bench.footprint import answered
from bench.openloop import Overload, Spec
from bench.problem import BenchFailed
from bench.process import PYTHON, free_port
from bench.progress import Progress
from bench.report import floor_table
from bench.table import number, table

PATH: Final = f"/api/v1/{scale.NAME}/predict"
CLOSED: Final = 16  # two batches: enough to keep the model busy, too few to be refused
SHARES: Final = {"at 80 %": 0.8, "at capacity": 1.0, "at three times": 3.0}
HEAD: Final = (
    "load",
    "asked/s",
    "good/s",
    "p50 ms",
    "p99 ms",
    "refused",
    "refusal p50",
    "refusal p99",
    "other",
    "generator late",
)


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main, set=[])
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="of the server")
    parser.add_argument("--seconds", type=float, default=0.0, help="of each load")


def main(options: Namespace, folder: Path) -> int:
    wrk.require()
    progress = Progress()
    given = dict(each.split("=", 1) for each in options.set if "=" in each)
    seconds = options.seconds or (3.0 if options.quick else 10.0)
    home = folder / "overload"
    home.mkdir()
    progress.say("registering a model that waits")
    scale.register(home)
    with _server(home, given) as server:
        requests = _requests(home)
        server.until(lambda: answered(server, requests[0].encode()))
        peak, found = _loads(server, requests, seconds, progress)
    print(_page(peak, found, given))
    floors = overloaded(peak, found["at 80 %"], found["at three times"])
    print(floor_table(floors))
    return 1 if options.gate and any(not floor.met for floor in floors) else 0


def _loads(
    server: Family, requests: list[str], seconds: float, progress: Progress
) -> tuple[float, dict[str, Overload]]:
    """The most that callers get who wait for their answers, and then those who do not."""
    bodies = [request.partition("\r\n\r\n")[2].encode() for request in requests]
    script = server.log.with_suffix(".lua")
    script.write_text(wrk.script(bodies), encoding="utf-8")
    peak = wrk.counted(server, PATH, script, CLOSED, max(2.0, seconds)).rate
    progress.say(f"closed loop, {CLOSED} connections: {peak:,.0f} requests/s")
    found = {}
    for name, share in SHARES.items():
        progress.say(name)
        spec = Spec(server.port, requests, share * peak, seconds)
        found[name] = openloop.measure(spec)
    return peak, found


def _server(home: Path, given: Mapping[str, str]) -> Family:
    port = free_port()
    extra = ours_environment(home, port) | {"WEIR_MAX_BATCH_ROWS": str(scale.BATCH_ROWS)}
    command = [PYTHON, "manage.py", "serve"]
    return Family("Weir", command, port, extra | dict(given), home / "overload.log")


def _requests(home: Path) -> list[str]:
    work = json.loads((home / "workload.json").read_text(encoding="utf-8"))
    if not work["rows"]:
        raise BenchFailed("There are no rows to ask for.")
    bodies = [json.dumps(dict(zip(work["names"], row, strict=True))) for row in work["rows"]]
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return [f"{head}Content-Length: {len(body)}\r\n\r\n{body}" for body in bodies]


def _page(peak: float, found: Mapping[str, Overload], given: Mapping[str, str]) -> str:
    rows = [(name, *_cells(each)) for name, each in found.items()]
    settings = ", ".join(f"{name}={value}" for name, value in given.items()) or "as shipped"
    return table(
        f"Open loop; peak {number(peak)}/s in a closed one; settings {settings}", HEAD, rows
    )


def _cells(load: Overload) -> list[str]:
    waits = (load.p50_ms, load.p99_ms)
    refusals = (load.refusal_p50_ms, load.refusal_p99_ms)
    return [
        number(load.rate),
        number(load.good),
        *(number(each) for each in waits),
        f"{load.refused:,}",
        *(number(each) for each in refusals),
        f"{load.other:,}",
        number(load.late_ms),
    ]
