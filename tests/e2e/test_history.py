"""The path of a test and what was done to it are there after a reload, a kill and a restart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import websockets.sync.client as websockets

from tests import servers
from tests.processes import until
from tests.servers import Mode, Server

PATIENCE: Final = 20.0
PATH: Final = "/api/v1/breast_cancer/predict"


def started(client: httpx.Client, field: str) -> int:
    algorithms = client.get("/api/v1/mlalgorithms").json()
    arms = [{"algorithm": each["id"]} for each in algorithms if each["parent_endpoint"] == 1]
    given = {"title": "t", "created_by": "ann", "arms": arms, "segment": field}
    test: int = client.post("/api/v1/abtests", json=given).raise_for_status().json()["id"]
    return test


def labelled(client: httpx.Client, record: dict[str, Any], count: int) -> None:
    rows = client.post(PATH, json=[record] * count).raise_for_status().json()
    for place, row in enumerate(rows):
        label = row["label"] if place % 3 else "neither"
        where = f"/api/v1/mlrequests/{row['request_id']}"
        client.patch(where, json={"feedback": label}).raise_for_status()


def history(client: httpx.Client, test: int) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/abtests/{test}/history").raise_for_status().json()
    return found


def first_frame(server: Server, test: int) -> dict[str, Any]:
    with websockets.connect(f"{server.ws}/ws/v1/live") as socket:
        socket.send(json.dumps({"subscribe": f"experiment:{test}"}))
        while True:
            frame: dict[str, Any] = json.loads(socket.recv(timeout=PATIENCE))
            if frame.get("topic") == f"experiment:{test}":
                return frame


def kept(client: httpx.Client, test: int) -> dict[str, Any]:
    """The path once all of it is in the database: the present point has its moment from there."""
    until(lambda: history(client, test) == history(client, test), "the path was not kept")
    return history(client, test)


@pytest.mark.alone
@pytest.mark.timeout(180)
def test_history_and_decisions_survive_a_kill(
    data: Path, record: dict[str, Any], mode: Mode
) -> None:
    with Server(data, mode=mode) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        test = started(client, next(iter(record)))
        labelled(client, record, 300)
        before = kept(client, test)
        labelled(client, record, 30)
        then = kept(client, test)
        decisions = client.get(f"/api/v1/abtests/{test}/decisions").json()
        for process in server.processes:
            process.kill()
            process.wait()

    assert then["n"][: len(before["n"]) - 1] == before["n"][:-1]
    assert then["n"][-1] == 330
    with Server(data, mode=mode) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        again = history(client, test)
        frame = first_frame(server, test)
        labelled(client, record, 30)
        until(lambda: history(client, test)["n"][-1] == 360, "the path does not go on")
        after = kept(client, test)
        listed = client.get(f"/api/v1/abtests/{test}/decisions").json()
        (segment,) = client.get(f"/api/v1/abtests/{test}/live").json()["segments"]
    printed = json.loads(servers.manage(data, "experiments", str(test), "--json"))
    recounted = servers.manage(data, "recount", str(test))

    assert again == then == frame["history"]
    assert after["n"][: len(then["n"]) - 1] == then["n"][:-1]
    assert listed == decisions
    assert [event["what"] for event in frame["events"]] == ["started"]
    assert sum(arm["labelled"] for arm in segment["arms"]) == 360
    assert printed["history"] == after
    assert recounted.strip().endswith("log and tallies agree.")
