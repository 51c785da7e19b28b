from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.core.routing import Endpoint
from inference.engine.remote import RemoteLane
from inference.operations import Operations, resident_megabytes
from tests.inference.fakes import FOREST, IDLE, INCOME, TREES, World


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def operations() -> Operations:
    return Operations(started=100.0)


def endpoint(operations: Operations, world: World, *, history: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = operations.snapshot(world, history=history)["endpoints"][0]
    return body


def test_an_endpoint_sums_its_algorithms(operations: Operations, world: World) -> None:
    world.ran(FOREST, predictions=30, batches=10, errors=1, refused=2, expired=3, queue_rows=4)
    world.ran(TREES, predictions=10, batches=10, queue_rows=1)
    operations.tick(101.0, 1_000, world.stats(), world)

    found = endpoint(operations, world)

    assert (found["id"], found["name"], found["experiment"]) == (5, "income", 7)
    assert (found["predictions"], found["errors"], found["refused"]) == (40, 1, 5)
    assert (found["rate"], found["batch_rows"], found["queue_rows"]) == (40.0, 2.0, 5)


def test_an_algorithm_stands_under_its_endpoint_with_its_own_numbers(
    operations: Operations, world: World
) -> None:
    world.ran(TREES, predictions=10, batches=5, latency=(0.001, 0.002, 0.003))
    operations.tick(101.0, 1_000, world.stats(), world)

    _, trees = endpoint(operations, world)["algorithms"]

    assert trees == {
        "id": 2,
        "name": "trees",
        "version": "0.0.2",
        "status": "ab_testing",
        "runtime": "",
        "failure": "not loaded",
        "aliases": [],
        "predictions": 10,
        "errors": 0,
        "refused": 0,
        "rate": 10.0,
        "batch_rows": 2.0,
        "latency_ms": {"p50": 1.0, "p95": 2.0, "p99": 3.0},
    }


def test_only_what_is_new_since_the_last_second_counts_again(
    operations: Operations, world: World
) -> None:
    world.ran(FOREST, predictions=30, batches=10)
    operations.tick(101.0, 1_000, world.stats(), world)
    operations.tick(102.0, 1_001, world.stats(), world)

    found = endpoint(operations, world)

    assert found["predictions"] == 30
    assert found["tick"] == {"t": 1_001, "rate": 0.0, "p50": None, "p99": None, "batch": None}


def test_a_model_that_was_loaded_again_goes_on_counting(
    operations: Operations, world: World
) -> None:
    world.ran(FOREST, predictions=30, batches=10)
    operations.tick(101.0, 1_000, world.stats(), world)
    world.lanes.clear()
    world.ran(FOREST, generation=1, predictions=5, batches=5)
    operations.tick(102.0, 1_001, world.stats(), world)

    assert endpoint(operations, world)["predictions"] == 35


def test_what_was_refused_on_the_way_to_the_workers_hides_no_latency(
    operations: Operations, world: World
) -> None:
    world.lanes[RemoteLane("a", TREES.id)] = replace(
        IDLE, predictions=10, batches=5, latency=(0.001, 0.002, 0.003)
    )
    world.lanes[RemoteLane("", TREES.id)] = replace(IDLE, refused=1)
    operations.tick(101.0, 1_000, world.stats(), world)

    _, trees = endpoint(operations, world)["algorithms"]

    assert trees["latency_ms"] == {"p50": 1.0, "p95": 2.0, "p99": 3.0}
    assert endpoint(operations, world)["tick"]["p99"] == 3.0


def test_the_latency_is_that_of_all_workers_that_ran(operations: Operations, world: World) -> None:
    busy = replace(IDLE, predictions=30, batches=5, latency=(0.001, 0.002, 0.003))
    world.lanes[RemoteLane("a", TREES.id)] = busy
    world.lanes[RemoteLane("b", TREES.id)] = replace(
        busy, predictions=10, latency=(0.005, 0.006, 0.007)
    )
    world.lanes[RemoteLane("c", TREES.id)] = replace(IDLE, latency=(1.0, 1.0, 1.0))
    operations.tick(101.0, 1_000, world.stats(), world)

    _, trees = endpoint(operations, world)["algorithms"]

    assert trees["latency_ms"] == pytest.approx({"p50": 2.0, "p95": 6.0, "p99": 7.0})


def test_the_curves_come_only_where_they_are_asked_for(
    operations: Operations, world: World
) -> None:
    world.ran(FOREST, predictions=30, batches=10, latency=(0.001, 0.002, 0.003))
    operations.tick(101.0, 1_000, world.stats(), world)

    assert "history" not in endpoint(operations, world)
    assert endpoint(operations, world, history=True)["history"] == {
        "t": [1_000],
        "rate": [30.0],
        "p50": [1.0],
        "p99": [3.0],
        "batch": [3.0],
    }


def test_an_endpoint_that_is_gone_is_forgotten(operations: Operations, world: World) -> None:
    world.ran(FOREST, predictions=30, batches=10)
    operations.tick(101.0, 1_000, world.stats(), world)
    world.endpoints.clear()
    operations.tick(102.0, 1_001, world.stats(), world)
    world.endpoints["income"] = Endpoint(5, "income", INCOME.log_mode, (FOREST,))
    operations.tick(103.0, 1_002, world.stats(), world)

    assert endpoint(operations, world)["predictions"] == 0


def test_the_process_says_how_long_it_runs_and_how_much_it_holds(
    operations: Operations, world: World
) -> None:
    operations.tick(161.5, 1_000, world.stats(), world)

    found = operations.snapshot(world, history=False)

    assert found["uptime_s"] == 61.5
    assert 10 < found["rss_mb"] < 10_000


def test_memory_is_known_on_systems_without_proc(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("inference.operations._STATM", tmp_path / "nothing")

    assert resident_megabytes() > 10
