"""From a raw CSV to a served version, by commands alone; its answers are those of `score`."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests import servers
from tests.inference import steps
from tests.processes import until
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ENDPOINT: Final = "earnings"
AT_ONCE: Final = 500
ADULT = pytest.param(
    "adult",
    marks=pytest.mark.skipif("ADULT_CSV" not in os.environ, reason="ADULT_CSV names no file"),
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation in which nothing is registered."""
    servers.manage(tmp_path / "data", "migrate", "--verbosity", "0")
    return tmp_path / "data"


@pytest.fixture(params=["people", ADULT])
def raw(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "adult":
        return Path(os.environ["ADULT_CSV"])
    return steps.people(tmp_path / "people.csv", 800)


def taken(data: Path, *words: str | Path) -> dict[str, Any]:
    """What a step says as JSON; it must pass."""
    found: dict[str, Any] = json.loads(servers.manage(data, *map(str, words), "--json"))
    return found


def asked(server: Server, records: list[dict[str, str]]) -> list[dict[str, Any]]:
    url, answers = f"{server.url}/api/v1/{ENDPOINT}/predict", list[dict[str, Any]]()
    with httpx.Client(timeout=30) as client:
        for start in range(0, len(records), AT_ONCE):
            response = client.post(url, json=records[start : start + AT_ONCE])
            answers += response.raise_for_status().json()
    return answers


def is_served(server: Server, record: dict[str, str]) -> bool:
    url = f"{server.url}/api/v1/{ENDPOINT}/predict"
    return httpx.post(url, json=record, timeout=10).status_code == 200


def test_a_csv_becomes_a_version_that_is_served(data: Path, raw: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    train, held_out = folder / "train.csv", folder / "held_out.csv"
    with Server(data) as server:
        taken(data, "build_dataset", folder, "--csv", raw, "--target", "income")
        taken(data, "profile", train)
        taken(data, "validate", train, "--against", folder / "train.schema.json")
        made = taken(data, "train", ENDPOINT, "--data", train)
        judged = taken(data, "evaluate", ENDPOINT, "--data", held_out, "--floor", "accuracy=0.75")
        taken(data, "promote", str(made["algorithm"]))
        scored = taken(data, "score", held_out, "--algorithm", ENDPOINT)["answers"]
        records = [
            {name: value for name, value in row.items() if name != "income"}
            for row in csv.DictReader(held_out.read_text().splitlines())
        ]
        until(lambda: is_served(server, records[0]), "the new version is served")
        answers = asked(server, records)

    assert judged["blessed"]
    assert made["report"]["label_flips"] == 0
    assert made["report"]["largest_difference"] <= 1e-5
    assert len(answers) == len(scored) == judged["report"]["rows"]
    assert [answer["label"] for answer in answers] == [row["income"] for row in scored]
    second = list(scored[0])[2]
    gaps = [abs(a["probability"] - row[second]) for a, row in zip(answers, scored, strict=True)]
    assert max(gaps) <= 1e-9
    right = sum(
        answer["label"] == row["income"]
        for answer, row in zip(
            answers, csv.DictReader(held_out.read_text().splitlines()), strict=True
        )
    )
    assert right / len(answers) == pytest.approx(judged["report"]["metrics"]["accuracy"])
