"""The results as the one page that a run prints."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from bench.contenders import FASTAPI, NOTHING, OURS_OFF, TUTORIAL
from bench.floors import Floor, floors
from bench.load import Load
from bench.measure import Results
from bench.plan import Plan
from bench.table import number, table

LOAD_HEAD = ("p50 ms", "p99 ms", "CPU us each", "server CPU", "client CPU", "others")

_NOTE = "CPU in % of one; `others` is who else was busy here: beside them, only ratios count."


def page(results: Results, plan: Plan, seconds: float) -> str:
    parts = [machine(plan, seconds), _http(results), _sockets(results), _lone(results)]
    return "\n".join([*parts, floor_table(floors(results))])


def as_json(results: Results) -> dict[str, Any]:
    """For whoever compares two runs."""
    return {
        "http": [{"name": n, "connections": c} | asdict(x) for (n, c), x in results.http.items()],
        "sockets": {name: asdict(load) for name, load in results.sockets.items()},
        "lone": {name: asdict(lone) for name, lone in results.lone.items()},
        "footprint": asdict(results.footprint),
        "floors": [asdict(floor) | {"met": floor.met} for floor in floors(results)],
    }


def machine(plan: Plan, seconds: float) -> str:
    cpus = os.cpu_count()
    where = f"{cpus} CPUs, Python {platform.python_version()}, {platform.machine()}"
    how = f"medians of {plan.rounds} rounds" if plan.rounds > 1 else "one short round: a glance"
    return f"\n{where}; {how}; {seconds:.0f} s in all.\n{_NOTE}\n"


def _http(results: Results) -> str:
    base = (TUTORIAL, FASTAPI, OURS_OFF, NOTHING)
    head = ("wrk -t1", "-c", "requests/s", *LOAD_HEAD, "/ (a)", "/ (b)", "/ log off", "/ no work")
    rows = [
        (name, str(connections), number(load.rate), *cells(load), *_times(results, key, base))
        for key, load in sorted(results.http.items(), key=lambda item: item[0][1])
        for name, connections in [key]
    ]
    return table("HTTP: one JSON row of 30 floats, a forest of 100 trees", head, rows)


def _times(results: Results, key: tuple[str, int], base: Iterable[str]) -> list[str]:
    name, connections = key
    rate = results.http[key].rate
    return [
        "" if name == other else number(rate / results.http[other, connections].rate)
        for other in base
    ]


def _sockets(results: Results) -> str:
    rows = [(name, number(load.rate), *cells(load)) for name, load in results.sockets.items()]
    head = ("16 sockets, log off", "rows/s", *LOAD_HEAD)
    return table("WebSocket: 32 frames in flight on each socket, 4 of 64 rows", head, rows)


def _lone(results: Results) -> str:
    head = ("one keep-alive caller", "predict", "empty request", "model", "added")
    rows = [
        (name, *(f"{ms:.3f}" for ms in (a.predict_ms, a.empty_ms, a.model_ms, a.added_ms)))
        for name, a in results.lone.items()
    ]
    return table("Alone: p50 in ms", head, rows)


def floor_table(reached: Iterable[Floor]) -> str:
    rows = [
        (
            floor.what,
            number(floor.reached),
            f"{'<=' if floor.most else '>='} {number(floor.wanted)} {floor.unit}",
            "met" if floor.met else "MISSED",
        )
        for floor in reached
    ]
    return table("Floors", ("what", "reached", "wanted", ""), rows)


def cells(load: Load) -> list[str]:
    times = (load.p50_ms, load.p99_ms, load.cost_us)
    shares = (load.server_cpu, load.client_cpu, load.others_cpu)
    return [*(number(each) for each in times), *(f"{each:.0%}" for each in shares)]
