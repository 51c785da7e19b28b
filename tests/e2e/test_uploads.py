"""A stranger's model over HTTP: tried, registered, answering apart, with and without a worker."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import httpx
import numpy as np
import psutil
import pytest
from onnx import TensorProto, helper

from tests import servers
from tests.inference import malicious, onnxgraphs
from tests.processes import until
from tests.servers import Server

# As much memory as one row asks for, and as many turns as another.
GREEDY: Final = """greedy (int64[N] size, int64[N] trips) => (float[N] y) {
    most = ReduceMax<keepdims = 1>(size)
    many = ConstantOfShape<value = float[1] {1.0}>(most)
    total = ReduceSum<keepdims = 0>(many)
    none = Sub(total, total)
    turns = ReduceMax<keepdims = 0>(trips)
    on = Constant<value = bool {1}>()
    spun = Loop(turns, on, none) <body = again (int64 i, bool go, float before)
        => (bool goes, float after) { goes = Identity(go) after = Neg(before) }>
    floats = Cast<to = 1>(size)
    y = Add(floats, spun)
}"""
TIMEOUT: Final = {"WEIR_ISOLATED_TIMEOUT_MS": "1500", "WEIR_UPLOADS": "true"}


@pytest.fixture(scope="module")
def server(
    prepared: Path, mode: servers.Mode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = servers.copy(prepared, tmp_path_factory.mktemp(f"uploads-{mode}") / "data")
    with Server(data, mode=mode, env=TIMEOUT) as running:
        yield running


def upload(server: Server, data: bytes, endpoint: str, **more: str) -> httpx.Response:
    given = {"endpoint": endpoint, "name": "theirs", "version": "1", **more}
    files = {"file": ("model.onnx", data)}
    url = f"{server.url}/api/v1/mlalgorithms"
    return httpx.post(url, data=given, files=files, timeout=120)


def ask(server: Server, endpoint: str, row: Any) -> httpx.Response:
    url = f"{server.url}/api/v1/{endpoint}/predict?status=testing"
    return httpx.post(url, json=row, timeout=30)


@pytest.fixture(scope="module")
def greedy(server: Server) -> Server:
    """With an endpoint of that name that answers."""
    answer = upload(server, onnxgraphs.parsed(GREEDY), "greedy")
    assert answer.status_code == 201, answer.text
    until(lambda: ask(server, "greedy", FINE).status_code == 200, "it does not answer", 60)
    return server


FINE: Final = {"size": 3, "trips": 1}


def test_an_uploaded_model_answers(greedy: Server) -> None:
    assert ask(greedy, "greedy", FINE).json()["outputs"] == {"y": 3.0}


@pytest.mark.parametrize(
    "row", [{"size": 1 << 32, "trips": 1}, {"size": 3, "trips": 1 << 62}], ids=["eats", "hangs"]
)
def test_a_row_that_it_does_not_survive_is_an_error_with_a_code(greedy: Server, row: Any) -> None:
    answer = ask(greedy, "greedy", row)

    assert (answer.json()["status"], answer.json()["code"]) == ("Error", "model_crashed")
    assert ask(greedy, "greedy", FINE).json()["outputs"] == {"y": 3.0}


def test_the_models_beside_it_do_not_notice(greedy: Server, record: dict[str, Any]) -> None:
    with ThreadPoolExecutor(1) as pool, httpx.Client(timeout=30) as beside:
        hangs = pool.submit(ask, greedy, "greedy", {"size": 3, "trips": 1 << 62})
        url = f"{greedy.url}/api/v1/breast_cancer/predict"

        codes = [beside.post(url, json=record).status_code for _ in range(20)]

        assert not hangs.done()
        assert hangs.result().json()["code"] == "model_crashed"
    assert codes == [200] * 20


def test_a_large_file_gets_through(server: Server) -> None:
    """Larger than any other body may be, and than what one may look like on the wire."""
    weights = np.arange(5 << 20, dtype=np.float32)
    node = helper.make_node("Gather", ["w", "x"], ["y"])
    graph = helper.make_graph(
        [node],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.INT64, ["n"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
        [helper.make_tensor("w", TensorProto.FLOAT, [5 << 20], weights.tobytes(), raw=True)],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)

    answer = upload(server, made.SerializeToString(), "large", licence="CC0")

    assert answer.status_code == 201, answer.text


def test_a_pickle_is_refused_and_does_nothing(server: Server) -> None:
    malicious.canary().unlink(missing_ok=True)

    answer = upload(server, malicious.pickled(), "income", schema=json.dumps({}))

    assert (answer.status_code, answer.json()["code"]) == (415, "format_refused")
    assert answer.headers["content-type"] == "application/problem+json"
    assert not malicious.canary().exists()


def test_the_children_end_with_their_server(
    prepared: Path, tmp_path: Path, mode: servers.Mode
) -> None:
    data = servers.copy(prepared, tmp_path / "data")
    graph = tmp_path / "log.onnx"
    graph.write_bytes(onnxgraphs.parsed(onnxgraphs.LOG))
    names = ("--endpoint", "log", "--name", "log", "--version", "1", "--isolated")
    servers.manage(data, "register", str(graph), *names)
    with Server(data, mode=mode) as server:
        until(lambda: ask(server, "log", {"x": 1.0}).status_code == 200, "it does not answer", 60)
        found = [child for pid in pids(server) for child in cells(pid)]
        assert len(found) == 1
        for pid in pids(server):
            psutil.Process(pid).send_signal(signal.SIGKILL)
        until(lambda: not any(each.is_running() for each in found), "a child lives on")


def pids(server: Server) -> list[int]:
    """Of the server and of its worker, if it has one."""
    return [process.pid for process in server.processes]


def cells(pid: int) -> list[psutil.Process]:
    children = psutil.Process(pid).children(recursive=True)
    return [each for each in children if "inference.runtimes.cell" in each.cmdline()]
