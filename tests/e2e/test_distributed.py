"""Web processes without models, workers without a port, and Redis between them."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import websockets

from tests import servers
from tests.processes import IN_TIME, until
from tests.servers import ROOT, Server, Worker

PATH = "/api/v1/breast_cancer/predict"


@pytest.fixture(autouse=True)
def _with_redis() -> None:
    servers.redis_or_not()


@pytest.fixture
def together(data: Path) -> Iterator[Server]:
    with Server(data, mode="redis") as running:
        yield running


def workers(server: Server) -> list[dict[str, Any]]:
    said = servers.manage(server.data, "workers", "--json", env=server.env)
    found: list[dict[str, Any]] = json.loads(said)
    return found


def test_who_works_is_listed_and_shown(together: Server) -> None:
    with Worker(together.data, together.env):
        until(lambda: len(workers(together)) == 2, "the second worker was not listed")
        listed = workers(together)
    shown = httpx.get(f"{together.url}/api/v1/operations").json()["workers"]

    assert [worker["models"] for worker in listed] == [4, 4]
    assert {worker["shard"] for worker in listed} == {0, 1}
    assert {worker["name"] for worker in shown} <= {worker["name"] for worker in listed}
    until(lambda: len(workers(together)) == 1, "the second worker left without a goodbye")


@pytest.mark.alone
def test_without_a_worker_requests_are_refused_at_once(data: Path, record: dict[str, Any]) -> None:
    with Server(data, mode="redis") as server, httpx.Client(base_url=server.url) as client:
        assert client.post(PATH, json=record).status_code == 200
        server.processes[0].terminate()  # the worker
        server.processes[0].wait(IN_TIME)
        until(lambda: client.get("/readyz").status_code == 503, "readiness did not notice")
        began = time.monotonic()
        refused = client.post(PATH, json=record)
        took = time.monotonic() - began

        assert client.get("/readyz").json() == {"readyz": False, "why": "no worker is alive"}
        assert client.get("/livez").status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert refused.json()["code"] == "model_unavailable"
    assert took < 1.0


def test_a_worker_may_be_kept_to_some_endpoints(data: Path, record: dict[str, Any]) -> None:
    with Server(data, mode="redis") as server, httpx.Client(base_url=server.url) as client:
        only = Worker(data, server.env, words=("--models", "diabetes"))
        with only:
            until(lambda: len(workers(server)) == 2, "the second worker was not listed")
            server.processes[0].terminate()  # the one that has all models
            server.processes[0].wait(IN_TIME)
            until(lambda: len(workers(server)) == 1, "the first worker left without a goodbye")
            refused = client.post(PATH, json=record)
            served = client.post("/api/v1/diabetes/predict", json={})
            left = workers(server)

    assert refused.json()["code"] == "model_unavailable"
    assert served.status_code == 200
    assert [worker["models"] for worker in left] == [2]


def test_a_worker_says_so_if_it_is_kept_to_an_endpoint_that_is_not_there(together: Server) -> None:
    log = together.data / "worker.log"
    with Worker(together.data, together.env, words=("--models", "diabetes", "nobody")):
        until(lambda: "there is no endpoint nobody to work for" in log.read_text(), "it did not")

    assert "no endpoint diabetes" not in log.read_text()


def test_a_worker_that_could_not_load_its_models_is_not_listed_as_well(together: Server) -> None:
    env = {**together.env, "WEIR_SIGNING_KEY": "another" * 8}
    with Worker(together.data, env):
        until(lambda: len(workers(together)) == 2, "the second worker was not listed")
        listed = servers.manage(together.data, "workers", env=together.env)

    assert sorted(line.split("  ")[-1] for line in listed.splitlines()[1:]) == [
        "4 not loaded",
        "well",
    ]


def test_a_worker_that_is_stopped_before_it_has_started_leaves_nothing_behind(data: Path) -> None:
    env = {**servers.distributed(), "REDIS_URL": f"redis://127.0.0.1:{servers.free_port()}"}
    log = data / "worker.log"
    with Worker(data, env) as worker:
        until(lambda: "waiting for Redis" in log.read_text(), "it did not start")
        worker.process.terminate()

        assert worker.process.wait(IN_TIME) == 0
    assert "died" not in log.read_text()


def test_what_one_web_process_is_asked_is_seen_in_another(
    data: Path, record: dict[str, Any]
) -> None:
    with Server(data, mode="redis") as server:
        beside = Server(data, env={**server.env})
        with beside:
            seen = _seen_in(beside, lambda: httpx.post(f"{server.url}{PATH}", json=record))

    assert [result["label"] for result in seen["results"]]


def _seen_in(beside: Server, ask: Callable[[], object]) -> dict[str, Any]:
    async def watch() -> dict[str, Any]:
        async with websockets.connect(f"{beside.ws}/ws/v1/live") as socket:
            await socket.send(json.dumps({"subscribe": "results:breast_cancer"}))
            first = await _snapshot(socket)
            assert first["results"] == []
            await asyncio.to_thread(ask)
            return await _snapshot(socket)

    return asyncio.run(asyncio.wait_for(watch(), IN_TIME))


async def _snapshot(socket: Any) -> dict[str, Any]:
    while True:
        said: dict[str, Any] = json.loads(await socket.recv())
        if said.get("type") == "snapshot":
            return said


def test_a_worker_that_nobody_watches_logs_for_a_machine(together: Server) -> None:
    lines = (together.data / "worker.log").read_text().splitlines()

    assert lines
    assert {"at", "level", "logger", "message"} <= set(json.loads(lines[0]))


def test_a_worker_on_a_terminal_tells_each_second_what_it_does(
    together: Server, record: dict[str, Any]
) -> None:
    ours, theirs = pty.openpty()
    watched = subprocess.Popen(
        [sys.executable, "manage.py", "worker"],
        cwd=ROOT,
        env=servers.environment(together.data, together.env),
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    )
    try:
        os.close(theirs)
        said = ""
        while said.count("rows/s") < 2:
            said += os.read(ours, 4096).decode()
    finally:
        servers.end(watched)
        os.close(ours)

    assert "4 models" in said


class TestSeveralWebProcesses:
    @pytest.fixture
    def family(self, data: Path) -> Iterator[Server]:
        with Server(data, env={"WEB_CONCURRENCY": "2"}, mode="redis") as running:
            yield running

    def test_share_a_port(self, family: Server, record: dict[str, Any]) -> None:
        for _ in range(8):
            assert httpx.post(f"{family.url}{PATH}", json=record).status_code == 200
        assert len(children(family)) == 2

    def test_end_together_and_well(self, family: Server) -> None:
        family.terminate()

        assert family.process.wait(IN_TIME) == 0
        assert children(family) == []

    def test_end_with_the_parent_that_was_killed(self, family: Server) -> None:
        orphans = [psutil.Process(pid) for pid in children(family)]
        family.process.kill()

        assert len(orphans) == 2
        until(lambda: all(map(ended, orphans)), "a child went on without its parent")

    def test_end_if_one_dies_young(self, family: Server) -> None:
        os.kill(children(family)[0], 9)

        assert family.process.wait(IN_TIME) != 0
        assert children(family) == []


def ended(process: psutil.Process) -> bool:
    """Whoever inherited it may not have asked after it yet."""
    try:
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def children(server: Server) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(server.process.pid).children()]
    except psutil.NoSuchProcess:
        return []
