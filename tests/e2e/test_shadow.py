"""A shadow test with real processes, in both modes: nobody notices, and everything is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from tests import servers
from tests.processes import until
from tests.servers import Mode, Server

NAME = "breast_cancer"
PATH = f"/api/v1/{NAME}/predict"
REQUESTS = 60


@pytest.fixture(scope="module")
def shadowed(
    prepared: Path, mode: Mode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = servers.copy(prepared, tmp_path_factory.mktemp("shadow") / "data")
    with Server(data, mode=mode) as running:
        yield running


def test_a_shadow_test_from_its_start_to_its_end(shadowed: Server, record: dict[str, Any]) -> None:
    with httpx.Client(base_url=shadowed.url, timeout=20) as http:
        test = _start(http)
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: http.post(PATH, json=record).json(), range(REQUESTS)))
        answers += http.post(PATH, json=[record] * 10).json()
        answers += _over_a_socket(shadowed, record)
        assert {answer["algorithm"] for answer in answers} == {1}

        asked = len(answers)
        until(lambda: _arms(http, test)[1]["exposures"] == asked, "not all inputs were mirrored")
        for number, answer in enumerate(answers):
            label = "benign" if number % 3 else "malignant"
            path = f"/api/v1/mlrequests/{answer['request_id']}"
            assert http.patch(path, json={"feedback": label}).status_code == 200
        champion, challenger = _arms(http, test)
        logged = http.get("/api/v1/mlrequests").json()
        found = servers.manage(shadowed.data, "recount", str(test), env=shadowed.env)
        stopped = http.post(f"/api/v1/stop_ab_test/{test}").json()
        metrics = http.get("/metrics").text

    assert {row["parent_mlalgorithm"] for row in logged} == {1}
    assert (champion["exposures"], challenger["exposures"]) == (asked, asked)
    assert (champion["labelled"], challenger["labelled"]) == (asked, asked)
    assert _cells(challenger) == asked
    assert found.endswith("log and tallies agree.\n")
    assert stopped["message"] == "AB Test finished."
    assert f"shadow_rows_total {float(asked)}" in metrics


def _start(http: httpx.Client) -> int:
    arms = [{"algorithm": 1}, {"algorithm": 2}]
    asked = {"title": "shadow", "created_by": "tests", "mode": "shadow", "arms": arms}
    answer = http.post("/api/v1/abtests", json=asked)
    assert answer.status_code == 201, answer.text
    started: int = answer.json()["id"]
    return started


def _over_a_socket(server: Server, record: dict[str, Any]) -> list[dict[str, Any]]:
    with connect(f"{server.ws}/ws/v1/predict/{NAME}") as socket:
        socket.recv(timeout=10)
        socket.send(json.dumps({"id": 1, "record": record, "subject": "ada"}))
        return [json.loads(socket.recv(timeout=10))["result"]]


def _arms(http: httpx.Client, test: int) -> list[dict[str, Any]]:
    arms: list[dict[str, Any]] = http.get(f"/api/v1/abtests/{test}/live").json()["arms"]
    return arms


def _cells(arm: dict[str, Any]) -> int:
    pairs = arm["pairs"]
    return sum(pairs[cell] for cell in ("both", "only_control", "only_this", "neither"))
