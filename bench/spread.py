"""What was measured of the distributed mode: its floors, and the page that a run prints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench import report
from bench.beside import LOGS, Beside
from bench.floors import Floor
from bench.load import Load
from bench.plan import Plan
from bench.table import number, table


@dataclass(frozen=True, slots=True)
class Results:
    """Medians: round trips by callers, REST by database, the model that waits by workers."""

    trips: Mapping[int, Load]
    rest: Mapping[str, Beside]
    scale: Mapping[int, Load]


def floors(results: Results) -> list[Floor]:
    return [*_engine(results), *_rest(results)]


def _engine(results: Results) -> Iterator[Floor]:
    callers = max(results.trips)
    rate = results.trips[callers].rate
    yield Floor(f"round trip without HTTP, {callers} callers", rate, 30_000, "rows/s")
    few, many = min(results.scale), max(results.scale)
    gain = results.scale[many].rate / results.scale[few].rate
    yield Floor(f"a model that waits, {many} workers / {few}", gain, 0.9 * many / few, "x")


def _rest(results: Results) -> Iterator[Floor]:
    for database, beside in results.rest.items():
        for log in LOGS:
            share = beside.shares[log]
            yield Floor(f"{database}, {log}: web + worker / embedded", share, 0.7, "x")
        for log in LOGS:
            added = beside.added_ms(log)
            yield Floor(f"{database}, {log}: added for one caller", added, 1.5, "ms", most=True)
        used = beside.memory.used
        yield Floor(f"{database}: web process, resident", used, 130, "MB", most=True)


def page(results: Results, plan: Plan, seconds: float) -> str:
    parts = [report.machine(plan, seconds), _trips(results), _scale(results)]
    parts += [_loads(name, beside) for name, beside in results.rest.items()]
    return "\n".join([*parts, _memory(results), report.floor_table(floors(results))])


def as_json(results: Results) -> dict[str, Any]:
    """For whoever compares two runs."""
    reached = [asdict(floor) | {"met": floor.met} for floor in floors(results)]
    return asdict(results) | {"floors": reached}


def cores_of_their_own(load: Load) -> float:
    """What the busier side could do with a core to itself: the rate, if nobody were in the way."""
    return load.rate / max(load.server_cpu, load.client_cpu)


def _trips(results: Results) -> str:
    head = ("callers", "rows/s", *report.LOAD_HEAD, "rows/s with own cores")
    rows = [
        (str(callers), number(load.rate), *report.cells(load), number(cores_of_their_own(load)))
        for callers, load in results.trips.items()
    ]
    title = "Round trip: forest of 100 trees, log off; server is the worker, client the engine"
    return table(f"{title}, Redis one of the others", head, rows)


def _scale(results: Results) -> str:
    head = ("workers", "rows/s", *report.LOAD_HEAD)
    rows = [(str(n), number(load.rate), *report.cells(load)) for n, load in results.scale.items()]
    return table("Scale-out: a model that waits 20 ms for each batch of at most 8 rows", head, rows)


def _loads(database: str, beside: Beside) -> str:
    head = ("wrk -t1 -c128", "requests/s", *report.LOAD_HEAD, "one caller, p50 ms")
    rows = [
        (name, number(load.rate), *report.cells(load), f"{beside.lone[name]:.3f}")
        for name, load in beside.http.items()
    ]
    return table(f"REST on {database}: server is web, worker and Redis together", head, rows)


def _memory(results: Results) -> str:
    head = ("web process without models, MB", "ready", "after 1,000 requests and the dashboard")
    found = {name: beside.memory for name, beside in results.rest.items()}
    rows = [(name, number(each.ready), number(each.used)) for name, each in found.items()]
    return table("Memory", head, rows)
