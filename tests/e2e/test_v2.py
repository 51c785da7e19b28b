"""The Open Inference Protocol in both modes: arrays go to whoever computes, and come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests import servers
from tests.e2e.corpus import ENDPOINT
from tests.servers import Server

INFER = f"/v2/models/{ENDPOINT}/infer"
SIZES = ["small", "large", "of nobody"]


@pytest.fixture(scope="module")
def client(
    mode: servers.Mode, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    data = servers.copy(prepared, tmp_path_factory.mktemp("v2") / "data")
    with (
        Server(data, mode=mode) as server,
        httpx.Client(base_url=server.url, timeout=20.0) as opened,
    ):
        yield opened


def columns(radius: list[float | None]) -> list[dict[str, Any]]:
    rows = len(radius)
    return [
        {"name": "mean_radius", "shape": [rows], "datatype": "FP64", "data": radius},
        {"name": "size", "shape": [rows], "datatype": "BYTES", "data": SIZES[:rows]},
    ]


def by_name(answer: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each["data"] for each in answer["outputs"]}


def test_arrays_say_what_records_say_and_take_feedback(client: httpx.Client) -> None:
    records = [
        {"mean_radius": radius, "size": size}
        for radius, size in zip([14.1, 20.6, None], SIZES, strict=True)
    ]
    rest = client.post(f"/api/v1/{ENDPOINT}/predict", json=records).json()

    answer = client.post(INFER, json={"inputs": columns([14.1, 20.6, None])}).json()

    found = by_name(answer)
    assert answer["model_version"] == rest[0]["version"]
    assert found["label"] == [each["label"] for each in rest]
    np.testing.assert_allclose(
        found["probabilities"][1::2], [each["probability"] for each in rest], rtol=1e-9
    )
    for request_id, record in zip(found["request_id"], records, strict=True):
        row = client.get(f"/api/v1/mlrequests/{request_id}").json()
        assert json.loads(row["input_data"]) == record
    said = client.put(
        f"/api/v1/mlrequests/{found['request_id'][0]}", json={"feedback": "malignant"}
    )
    assert said.json()["feedback"] == "malignant"


def test_bytes_go_both_ways(client: httpx.Client) -> None:
    array = np.array([[14.1] * 31, [20.6] * 30 + [1.0]], dtype="<f4")
    array[0, 30] = np.nan
    tensor: dict[str, Any] = {"name": "x", "shape": array.shape, "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": array.nbytes}
    wanted = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": [tensor], "outputs": wanted}).encode()
    name = "Inference-Header-Content-Length"

    answer = client.post(INFER, content=head + array.tobytes(), headers={name: str(len(head))})

    assert answer.status_code == 200, answer.text
    found = np.frombuffer(answer.content[int(answer.headers[name]) :], "<f8").reshape(2, 2)
    np.testing.assert_allclose(found.sum(axis=1), 1.0)


def test_a_row_that_does_not_fit_is_named(client: httpx.Client) -> None:
    answer = client.post(INFER, json={"inputs": columns([14.1, 1e39])})

    assert (answer.status_code, answer.json()["code"]) == (400, "row_invalid")
    assert (answer.json()["row"], answer.json()["field"]) == (1, "mean_radius")


def test_what_is_served_is_ready_and_counted(client: httpx.Client) -> None:
    assert client.get("/v2/health/ready").json() == {"live": True, "ready": True}
    assert client.get(f"/v2/models/{ENDPOINT}/ready").json()["ready"] is True
    index = client.post("/v2/repository/index").json()
    assert {each["state"] for each in index} == {"READY"}
    (stats,) = client.get(f"/v2/models/{ENDPOINT}/stats").json()["model_stats"]
    assert set(stats["inference_stats"]) >= {"success", "fail", "queue", "compute_infer"}
