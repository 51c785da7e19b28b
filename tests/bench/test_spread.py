from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bench import spread
from bench.beside import DISTRIBUTED, EMBEDDED, LOGS, Beside, Memory, named
from bench.load import Load
from bench.plan import FULL
from bench.spread import Results


def load(rate: float, server_cpu: float = 0.5, client_cpu: float = 0.25) -> Load:
    return Load(rate, 1.0, 2.0, 100, server_cpu, client_cpu)


def beside(embedded: float, distributed: float, added_ms: float, used: float) -> Beside:
    """The same with a log and without."""
    return Beside(
        {
            named(mode, log): load(rate)
            for mode, rate in ((EMBEDDED, embedded), (DISTRIBUTED, distributed))
            for log in LOGS
        },
        dict.fromkeys(LOGS, distributed / embedded),
        {
            named(mode, log): ms
            for mode, ms in ((EMBEDDED, 0.5), (DISTRIBUTED, 0.5 + added_ms))
            for log in LOGS
        },
        Memory(100.0, used),
    )


GOOD = Results(
    {1: load(1_000), 128: load(30_000)},
    {"SQLite": beside(10_000, 7_000, 1.5, 130.0)},
    {1: load(400), 4: load(1_440)},
)


def missed(results: Results) -> set[str]:
    return {floor.what for floor in spread.floors(results) if not floor.met}


def test_floors_that_are_just_reached_are_met() -> None:
    assert missed(GOOD) == set()


@pytest.mark.parametrize(
    ("worse", "what"),
    [
        (
            replace(GOOD, trips={1: load(90_000), 128: load(29_999)}),
            {"round trip without HTTP, 128 callers"},
        ),
        (
            replace(GOOD, scale={1: load(401), 4: load(1_440)}),
            {"a model that waits, 4 workers / 1"},
        ),
        (
            replace(GOOD, rest={"SQLite": beside(10_001, 7_000, 1.5, 130.0)}),
            {f"SQLite, {log}: web + worker / embedded" for log in LOGS},
        ),
        (
            replace(GOOD, rest={"SQLite": beside(10_000, 7_000, 1.6, 130.0)}),
            {f"SQLite, {log}: added for one caller" for log in LOGS},
        ),
        (
            replace(GOOD, rest={**GOOD.rest, "PostgreSQL": beside(10_000, 7_000, 1.5, 131.0)}),
            {"PostgreSQL: web process, resident"},
        ),
    ],
)
def test_a_floor_that_is_missed_is_named(worse: Results, what: set[str]) -> None:
    assert missed(worse) == what


def test_the_page_shows_every_database_and_every_floor() -> None:
    page = spread.page(replace(GOOD, rest={**GOOD.rest, "MariaDB": GOOD.rest["SQLite"]}), FULL, 9.0)

    assert "REST on SQLite" in page
    assert "REST on MariaDB" in page
    assert page.count(" met\n") == len(spread.floors(GOOD)) + 5
    assert "MISSED" not in page


@pytest.mark.parametrize(("worker", "engine", "rate"), [(0.5, 0.25, 2_000), (0.25, 0.8, 1_250)])
def test_with_cores_of_their_own_the_busier_side_is_the_limit(
    worker: float, engine: float, rate: float
) -> None:
    assert spread.cores_of_their_own(load(1_000, worker, engine)) == rate


def test_the_numbers_can_be_kept() -> None:
    kept = json.loads(json.dumps(spread.as_json(GOOD)))

    assert kept["trips"]["128"]["rate"] == 30_000
    assert kept["rest"]["SQLite"]["memory"] == {"ready": 100.0, "used": 130.0}
    assert all(floor["met"] for floor in kept["floors"])
