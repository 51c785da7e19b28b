"""A model that MLServer serves takes part here: it predicts, is compared, dies and comes back."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import pytest

from tests import servers
from tests.e2e.pythons import CLIENTS, environment
from tests.inference import artefacts, peer
from tests.inference.peer import Peer
from tests.processes import until
from tests.servers import ROOT, Server

PREDICT: Final = "/api/v1/breast_cancer/predict"
START_SECONDS: Final = 40.0
RECOVERY_SECONDS: Final = 10.0
QUICK: Final = 2.0  # seconds in which somebody is told that the other server is not there

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]


@dataclass
class Elsewhere:
    """MLServer with one model, always on the same port."""

    python: Path
    folder: Path
    port: int = field(default_factory=servers.free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __post_init__(self) -> None:
        words = [str(self.folder), str(self.port), str(servers.free_port())]
        command: list[str | Path] = [self.python, "-m", "tests.clients.mlserver_model", *words]
        subprocess.run(command, cwd=ROOT, check=True, timeout=60)

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [self.python.with_name("mlserver"), "start", str(self.folder)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(
            lambda: self.process.poll() is not None or self._ready(),
            "the other server is not ready",
            START_SECONDS,
        )
        assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v2/models/radius/ready", timeout=2).is_success
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    place = tmp_path_factory.mktemp("elsewhere")
    python = environment(place / "venv", CLIENTS / "mlserver.txt")
    running = Elsewhere(python, place)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def client(data: Path, elsewhere: Elsewhere) -> Iterator[httpx.Client]:
    """A worker has the line to the other server, and web processes ask the worker."""
    servers.redis_or_not()
    allowed = {"WEIR_REMOTE_HOSTS": f"127.0.0.1:{elsewhere.port}"}
    with (
        Server(data, mode="redis", env=allowed) as server,
        httpx.Client(base_url=server.url, timeout=20.0) as opened,
    ):
        schema = data / "schema.json"
        schema.write_text(opened.get("/api/v1/endpoints/1/schema").text)
        names = ("--endpoint", "breast_cancer", "--name", "radius", "--version", "9.0")
        remote = ("--remote", elsewhere.url, "--remote-model", "radius", "--schema", str(schema))
        told = servers.manage(data, "register", *names, *remote, env=allowed)
        assert "radius 9.0 registered" in told
        assert "Served by remote" in told
        yield opened


def the_remote(client: httpx.Client, name: str = "radius") -> int:
    found = client.get("/api/v1/mlalgorithms").json()
    (wanted,) = [each["id"] for each in found if each["name"] == name]
    return int(wanted)


def until_answered(
    client: httpx.Client, algorithm: int, record: Any, path: str = PREDICT
) -> httpx.Response:
    answers: list[httpx.Response] = []

    def answered() -> bool:
        answers.append(client.post(f"{path}?algorithm={algorithm}", json=record))
        assert answers[-1].status_code in {200, 400, 503}, answers[-1].text
        return answers[-1].is_success

    until(answered, f"algorithm {algorithm} does not answer", RECOVERY_SECONDS)
    return answers[-1]


def by_subject(client: httpx.Client, record: dict[str, Any]) -> dict[int, str]:
    """Somebody for each arm of the experiment."""
    found: dict[int, str] = {}
    for number in range(40):
        answer = client.post(f"{PREDICT}?subject=s{number}", json=record)
        assert answer.status_code == 200, answer.text
        found[answer.json()["algorithm"]] = f"s{number}"
    return found


def test_it_predicts_is_compared_dies_and_comes_back(
    client: httpx.Client, elsewhere: Elsewhere, record: dict[str, Any]
) -> None:
    remote = the_remote(client)
    records = [record | {"mean_radius": radius} for radius in (11.0, 15.0, 21.5, None)]
    assert until_answered(client, remote, record).status_code == 200

    answers = client.post(f"{PREDICT}?algorithm={remote}", json=records).json()

    malignant = 1.0 - 1.0 / (1.0 + np.exp(np.array([-4.0, 0.0, 6.5, 0.0])))
    np.testing.assert_allclose(
        [each["probability"] for each in answers], malignant, rtol=1e-9, atol=1e-12
    )
    logged = client.get(f"/api/v1/mlrequests/{answers[3]['request_id']}").json()
    assert json.loads(logged["input_data"]) == records[3]

    asked = {"title": "here or there", "created_by": "t", "parent_mlalgorithm_1": 1}
    begun = client.post("/api/v1/abtests", json=asked | {"parent_mlalgorithm_2": remote})
    assert begun.status_code == 201, begun.text
    subjects = by_subject(client, record)
    assert set(subjects) == {1, remote}

    elsewhere.kill()
    for _ in range(5):
        began = time.monotonic()
        refused = client.post(f"{PREDICT}?subject={subjects[remote]}", json=record)
        assert time.monotonic() - began < QUICK
        assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")
        assert refused.headers["retry-after"] == "1"
        other = client.post(f"{PREDICT}?subject={subjects[1]}", json=record)
        assert (other.status_code, other.json()["algorithm"]) == (200, 1)

    elsewhere.start()
    assert until_answered(client, remote, record).status_code == 200


def test_who_is_away_at_the_start_is_asked_again(
    data: Path, tmp_path: Path, record: dict[str, Any]
) -> None:
    schema, allowed = tmp_path / "schema.json", {"WEIR_REMOTE_HOSTS": "127.0.0.1"}
    schema.write_text(json.dumps(artefacts.SCHEMA.to_json()))
    with peer.serving(Peer()) as there:
        names = ("--endpoint", "income", "--name", "large", "--version", "1.0")
        remote = ("--remote", there.url, "--remote-model", "m", "--schema", str(schema))
        more = ("--status", "production")
        servers.manage(data, "register", *names, *remote, *more, env=allowed)
    with (
        Server(data, env=allowed) as server,
        httpx.Client(base_url=server.url, timeout=20.0) as opened,
    ):
        row = {"age": 40, "work": "office", "hours": 30}

        refused = opened.post("/api/v1/income/predict", json=row)

        assert (refused.status_code, refused.json()["code"]) == (503, "model_unavailable")
        assert opened.post(PREDICT, json=record).status_code == 200
        with peer.serving(Peer(), int(there.url.rpartition(":")[2])):
            algorithm = the_remote(opened, "large")
            found = until_answered(opened, algorithm, row, "/api/v1/income/predict")
            assert found.status_code == 200, found.text
    assert server.log.count("cannot be served") == 1


def test_one_of_us_is_such_a_server_too(data: Path) -> None:
    """The same model here and there, over a line that carries bytes, says the same."""
    port = servers.free_port()
    allowed = {"WEIR_REMOTE_HOSTS": f"127.0.0.1:{port}"}
    with (
        Server(data, env=allowed, port=port) as server,
        httpx.Client(base_url=server.url, timeout=20.0) as opened,
    ):
        schema = data / "schema.json"
        schema.write_text(opened.get("/api/v1/endpoints/2/schema").text)
        names = ("--endpoint", "mirror", "--name", "mirror", "--version", "1.0")
        remote = ("--remote", server.url, "--remote-model", "diabetes", "--schema", str(schema))
        more = ("--status", "production", "--remote-input", "matrix:FP64")
        servers.manage(data, "register", *names, *remote, *more, env=allowed)
        features = json.loads(schema.read_text())["features"]
        numbers = [each for each in features if each["kind"] != "category"]
        records = [{each["name"]: each[end] for each in numbers} for end in ("minimum", "maximum")]
        until_answered(opened, the_remote(opened, "mirror"), records, "/api/v1/mirror/predict")

        here = opened.post("/api/v1/diabetes/predict", json=records).json()
        there = opened.post("/api/v1/mirror/predict", json=records).json()

    assert [each["label"] for each in there] == [each["label"] for each in here]
