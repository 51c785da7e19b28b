"""Rows that lie otherwise than in training are noticed, whichever process has counted them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from inference.training import demos
from tests import servers
from tests.processes import until
from tests.servers import Mode, Server
from tests.test_metrics import samples

NAME = "breast_cancer"
MOVED = "mean_texture"


@pytest.fixture(scope="module")
def watched(
    prepared: Path, mode: Mode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """With windows of a second, so that nobody has to wait for one."""
    data = servers.copy(prepared, tmp_path_factory.mktemp("watched") / "data")
    with Server(data, mode=mode, env={"WEIR_DRIFT_WINDOW_SECONDS": "1"}) as running:
        yield running


def drift(server: Server) -> dict[str, Any]:
    """What REST says of the algorithm in production, and the endpoint's events."""
    algorithms = httpx.get(f"{server.url}/api/v1/endpoints", timeout=10).json()
    (endpoint,) = (each["id"] for each in algorithms if each["name"] == NAME)
    body = httpx.get(f"{server.url}/api/v1/endpoints/{endpoint}/drift", timeout=10).json()
    (production,) = (each for each in body["algorithms"] if each["status"] == "production")
    return {**production, "events": body["events"], "changes": body["changes"]}


def sent(server: Server, count: int, shift: float) -> None:
    """Rows of the training set, of which one column is moved; several requests of several rows."""
    dice = random.Random(3)
    records = demos.find(NAME).dataset().train.records
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for _ in range(count // 40):
            rows = [dict(record) for record in dice.choices(records, k=40)]
            for row in rows:
                row[MOVED] = float(str(row[MOVED] or 18.0)) + shift
            assert client.post(f"/api/v1/{NAME}/predict", json=rows).status_code == 200


def scraped(server: Server) -> dict[str, float]:
    """The PSI of each column of a model that was asked, as Prometheus is told."""
    text = httpx.get(f"{server.url}/metrics", timeout=10).text
    return {
        dict(labels)["feature"]: value
        for (name, *labels), value in samples(text).items()
        if name == "drift_psi"
    }


def test_the_column_that_drifts_is_named_and_no_other(watched: Server) -> None:
    sent(watched, 800, shift=12.0)
    until(lambda: drift(watched)["rows"] == 800, "not every row was counted, or one twice")

    found = drift(watched)

    assert found["drifting"] == [MOVED]
    states = {each["name"]: each["state"] for each in found["features"]}
    assert {states.pop(MOVED)} == {"drifting"}
    assert set(states.values()) <= {"steady", "moving"}
    assert sum(each["rows"] for each in found["windows"]) == 800
    until(lambda: bool(drift(watched)["events"]), "nothing was said of it")
    assert {(each["kind"], each["subject"]) for each in drift(watched)["events"]} >= {
        ("drift", MOVED)
    }
    assert scraped(watched)[MOVED] > 0.2 > scraped(watched)["mean_area"]
