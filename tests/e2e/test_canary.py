"""A canary in real processes: it climbs by itself, and goes back within a second of proven harm."""

from __future__ import annotations

import json
import math
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from inference.core.guardrails import log_e_harm
from tests import servers
from tests.e2e.rows import query
from tests.inference import artefacts, peer
from tests.inference.peer import Answer, Peer
from tests.processes import until
from tests.servers import Server

PREDICT: Final = "/api/v1/income/predict"
ROW: Final = {"age": 40, "work": "office", "hours": 30}
CALLERS: Final = 4
PATIENCE: Final = 40.0

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(180)]


@dataclass
class Deployment:
    """Two models that live elsewhere, one in production, and a server for them."""

    data: Path
    server: Server
    client: httpx.Client
    challenger: Peer
    algorithms: list[int] = field(default_factory=list)

    def start(self, **guardrails: Any) -> int:
        arms = [{"algorithm": each} for each in self.algorithms]
        said = {"title": "t", "created_by": "t", "mode": "canary", "arms": arms}
        begun = self.client.post("/api/v1/abtests", json={**said, "guardrails": guardrails})
        assert begun.status_code == 201, begun.text
        return int(begun.json()["id"])

    def snapshot(self, test: int) -> dict[str, Any]:
        found: dict[str, Any] = self.client.get(f"/api/v1/abtests/{test}/live").json()
        return found

    def step(self, test: int) -> int:
        return int(self.snapshot(test)["experiment"]["canary"]["step"])

    def running(self, test: int) -> bool:
        return bool(self.snapshot(test)["experiment"]["running"])


@pytest.fixture
def deployment(data: Path, tmp_path: Path, mode: servers.Mode) -> Iterator[Deployment]:
    schema, allowed = tmp_path / "schema.json", {"WEIR_REMOTE_HOSTS": "127.0.0.1"}
    schema.write_text(json.dumps(artefacts.SCHEMA.to_json()))
    with ExitStack() as stack:
        peers = [stack.enter_context(peer.serving(Peer())) for _ in range(2)]
        for name, there, status in zip(
            ("old", "new"), peers, ("production", "testing"), strict=True
        ):
            words = ("--endpoint", "income", "--name", name, "--version", "1.0")
            remote = ("--remote", there.url, "--remote-model", "m", "--schema", str(schema))
            servers.manage(data, "register", *words, *remote, "--status", status, env=allowed)
        server = stack.enter_context(Server(data, mode=mode, env=allowed))
        client = stack.enter_context(httpx.Client(base_url=server.url, timeout=20.0))
        rows = query(data, "select id from inference_mlalgorithm where name in ('old', 'new')")
        found = sorted(id_ for (id_,) in rows)
        until(lambda: client.post(PREDICT, json=ROW).is_success, "it does not answer", PATIENCE)
        yield Deployment(data, server, client, peers[1], found)


@contextmanager
def traffic(server: Server) -> Iterator[None]:
    """Somebody asks all the time, whatever he is answered."""
    over = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=server.url, timeout=20.0) as client:
            while not over.is_set():
                client.post(PREDICT, json=ROW)

    callers = [threading.Thread(target=ask) for _ in range(CALLERS)]
    for caller in callers:
        caller.start()
    try:
        yield
    finally:
        over.set()
        for caller in callers:
            caller.join()


def broken(_: object) -> Answer:
    return 400, {}, b'{"error": "it cannot do that"}'


def away(_: object) -> Answer:
    return 500, {}, b'{"error": "it is out of order"}'


def crossing(data: Path, test: int, threshold: float) -> datetime:
    """When the prediction was made that took the failures over the line, by the log.

    Nobody gave a name, so each prediction is a unit.
    It was committed after that, so whatever follows it followed the commit even sooner.
    """
    rows = query(
        data,
        "select r.created_at, a.position, r.error_code from inference_mlrequest r join"
        " inference_arm a on a.id = r.arm_id where a.abtest_id = ? order by r.created_at, r.id",
        test,
    )
    errors, seen = [0, 0], [0, 0]
    for created_at, position, error_code in rows:
        seen[position - 1] += 1
        errors[position - 1] += error_code != ""
        if all(seen) and float(log_e_harm(errors[1], errors[0], 0.5)) >= threshold:
            return moment(created_at)
    raise AssertionError("nothing was crossed")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_challenger_that_begins_to_fail_is_rolled_back_within_a_second(
    deployment: Deployment, mode: servers.Mode
) -> None:
    test = deployment.start(step_seconds=1, step_units=5)
    with traffic(deployment.server):
        until(lambda: deployment.step(test) >= 2, "it does not climb", PATIENCE)
        deployment.challenger.refuses = broken
        until(lambda: not deployment.running(test), "it was not rolled back", PATIENCE)

    data = deployment.data
    ((made_at, why, evidence),) = query(
        data,
        "select made_at, why, evidence from inference_decision where what = 'rolled_back'"
        " and made_by = 'weir' and abtest_id = ?",
        test,
    )
    crossed_at = crossing(data, test, math.log(1 / 0.05))
    seconds = (moment(made_at) - crossed_at).total_seconds()
    sys.stdout.write(f"{mode}: rolled back {seconds:.3f} s after the crossing\n")
    assert 0.0 <= seconds < 1.0
    assert why.startswith("new 1.0 failed for")
    assert json.loads(evidence)["guardrails"][0]["state"] == "crossed"
    shown = deployment.snapshot(test)
    assert (shown["experiment"]["outcome"], shown["experiment"]["ended_at"] is None) == (
        "rolled_back",
        False,
    )
    assert [each["what"] for each in shown["events"]][-2:] == ["stepped", "started"]
    assert shown["events"][0]["what"] == "rolled_back"
    assert deployment.client.post(PREDICT, json=ROW).json()["algorithm"] == deployment.algorithms[0]
    said = servers.manage(data, "recount", str(test))
    assert said.strip().endswith("log and tallies agree.")


def test_a_challenger_that_is_away_is_missed_and_rolled_back(deployment: Deployment) -> None:
    test = deployment.start(step_seconds=1, step_units=5)
    with traffic(deployment.server):
        until(lambda: deployment.step(test) >= 2, "it does not climb", PATIENCE)
        deployment.challenger.refuses = away
        until(lambda: not deployment.running(test), "it was not rolled back", PATIENCE)

    shown = deployment.snapshot(test)
    assert shown["events"][0]["what"] == "rolled_back"
    assert shown["events"][0]["why"].startswith("Unhealthy: traffic does not arrive as it was")


def test_one_that_does_no_harm_climbs_into_production(deployment: Deployment) -> None:
    test = deployment.start(step_seconds=0.5, step_units=5, latency_ms=5000, answers=True)
    with traffic(deployment.server):
        until(lambda: not deployment.running(test), "it does not climb", PATIENCE)

    shown = deployment.snapshot(test)
    assert shown["experiment"]["outcome"] == "arm 2 promoted"
    assert shown["experiment"]["canary"]["step"] == 5
    assert [each["what"] for each in shown["events"]] == ["promoted", *["stepped"] * 4, "started"]
    answer = deployment.client.post(PREDICT, json=ROW).json()
    assert answer["algorithm"] == deployment.algorithms[1]
    said = servers.manage(deployment.data, "recount", str(test))
    assert said.strip().endswith("log and tallies agree.")
