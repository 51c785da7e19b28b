"""The whole circle: the world changes, it is noticed, a challenger wins in the shadow, and serves.

Two features say which class a row is of: first the one, later the other. A server process answers;
the log it writes is all that the commands of a scheduler know.
"""

from __future__ import annotations

import csv
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests import servers
from tests.processes import until
from tests.servers import Server

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

ENDPOINT: Final = "weather"
API: Final = "/api/v1"
MODEL: Final = ("--estimator", "sklearn.ensemble:RandomForestClassifier", "--param")
SMALL: Final = (*MODEL, "n_estimators=20")


@dataclass
class World:
    """What is true of a row, which may change."""

    server: Server
    http: httpx.Client
    by: str = "humid"
    dice: random.Random = field(default_factory=lambda: random.Random(7))  # a seeded stream

    def rows(self, count: int) -> list[dict[str, float]]:
        each = ("humid", "windy")
        return [{name: self.dice.uniform(-1, 1) for name in each} for _ in range(count)]

    def truth(self, row: dict[str, float]) -> str:
        noise = self.dice.random() < 0.02
        return "rain" if (row[self.by] > 0) is not noise else "sun"

    def lived(self, count: int) -> float:
        """So many rows are predicted and labelled; the accuracy of the answers."""
        right = 0
        for _ in range(count // 50):
            rows = self.rows(50)
            answers = self.http.post(f"{API}/{ENDPOINT}/predict", json=rows).json()
            truths = [self.truth(row) for row in rows]
            right += sum(a["label"] == t for a, t in zip(answers, truths, strict=True))
            labels = [
                {"id": answer["request_id"], "feedback": truth}
                for answer, truth in zip(answers, truths, strict=True)
            ]
            said = self.http.post(f"{API}/mlrequests/feedback", json={"labels": labels})
            assert said.json()["missing"] == []
        return right / count

    def manage(self, *words: str) -> str:
        return servers.manage(self.server.data, *words)

    def retrain(self, *words: str, code: int = 0) -> dict[str, Any]:
        """What a scheduler would read."""
        command = ("retrain", ENDPOINT, *words, "--json")
        done = subprocess.run(  # our own command
            [sys.executable, "manage.py", *command],
            cwd=servers.ROOT,
            env=servers.environment(self.server.data),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def statuses(self) -> dict[int, str]:
        rows = self.http.get(f"{API}/mlalgorithms").json()
        return {row["id"]: row["current_status"] for row in rows}


def history(path: Path) -> Path:
    """What the first model learns from."""
    dice = random.Random(3)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["humid", "windy", "weather"])
        for _ in range(600):
            humid, windy = dice.uniform(-1, 1), dice.uniform(-1, 1)
            out.writerow([humid, windy, "rain" if humid > 0 else "sun"])
    return path


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    data = tmp_path / "data"
    servers.manage(data, "migrate", "--verbosity", "0")
    rows = history(tmp_path / "weather.csv")
    words = ("--data", str(rows), "--target", "weather", *SMALL)
    servers.manage(data, "train", ENDPOINT, *words)
    servers.manage(data, "promote", "1", "--force", "--reason", "the first one")
    with Server(data) as server, httpx.Client(base_url=server.url, timeout=20) as http:
        yield World(server, http)
        assert "Traceback" not in server.log


def test_the_circle_closes_and_a_bad_challenger_does_not_get_round(world: World) -> None:
    assert world.lived(300) > 0.9
    calm = world.retrain("--if-needed", *SMALL)
    assert (calm["trained"], calm["why"]) == (False, "No trigger fires.")
    assert calm["seen"]["accuracy"] > 0.9

    world.by = "windy"
    assert world.lived(600) < 0.65
    rejected(world)
    world.lived(200)
    challenger, test = put_to_the_test(world)

    def promoted() -> bool:
        world.lived(50)
        return world.statuses()[challenger] == "production"

    until(promoted, "the challenger did not win", 60)
    assert world.lived(300) > 0.9
    shown = world.http.get(f"{API}/abtests/{test}/live").json()
    assert shown["verdict"]["code"] == "winner"
    done = [row["what"] for row in world.http.get(f"{API}/abtests/{test}/decisions").json()]
    assert done == ["started", "stopped", "promoted"]
    audited(world, challenger)


def rejected(world: World) -> None:
    """A model that has learnt nothing meets nobody; and then there is nothing new to learn."""
    dummy = ("--estimator", "sklearn.dummy:DummyClassifier", "--newest", "600")
    bad = world.retrain("--if-needed", *dummy, code=1)
    assert [each["kind"] for each in bad["triggers"]] == ["accuracy"]
    assert (bad["blessed"], bad["experiment"]) == (False, None)
    assert world.statuses() == {1: "production", bad["challenger"]: "rejected"}
    waits = world.retrain("--if-needed", *SMALL)
    assert (waits["trained"], waits["why"]) == (
        False,
        "0 labels came since the last training; 200 are needed.",
    )


def put_to_the_test(world: World) -> tuple[int, int]:
    """One that has learnt what is true now: the challenger, and its test in the shadow."""
    good = world.retrain("--if-needed", *SMALL, "--newest", "800", "--minimum", "50")
    challenger, test = good["challenger"], good["experiment"]
    statuses = world.statuses()
    assert (good["blessed"], statuses[challenger], statuses[1]) == (True, "shadow", "production")
    lineage = good["lineage"]
    assert lineage["parent"]["id"] == 1
    assert lineage["triggers"][0]["kind"] == "accuracy"
    assert set(lineage["window"]) == {"since", "until"}
    assert {"data_sha256", "held_out_sha256", "packages", "rows"} <= set(lineage)
    again = world.retrain("--if-needed", *SMALL)
    assert (again["trained"], again["why"]) == (False, f"Test {test} runs on {ENDPOINT}.")
    return challenger, test


def audited(world: World, challenger: int) -> None:
    """All of it is in the audit, and the way back is one command."""
    assert json.loads(world.manage("audit", "--verify", "--json"))["whole"] is True
    rows = world.http.get(f"{API}/audit", params={"algorithm": challenger}).json()
    assert [row["after"] for row in rows if row["what"] == "transition"] == [
        "registered",
        "testing",
        "shadow",
        "production",
    ]
    assert rows[-1]["evidence"]["verdict"]["code"] == "winner"
    swapped = json.loads(world.manage("rollback", ENDPOINT, "--json"))
    assert swapped == {"production": 1, "rolled_back": challenger}
