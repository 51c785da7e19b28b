"""Any ONNX graph, by one command from a file to answers, in one process and with a worker."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import httpx
import jsonschema
import msgspec
import numpy as np
import pytest
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from inference.core import datatypes
from tests import servers
from tests.e2e.rows import query
from tests.inference import onnxgraphs
from tests.servers import Server
from weir_client import AsyncClient, Client

FILES: Final = {
    "two": onnxgraphs.WEIGHED,
    "words": onnxgraphs.WORDS,
    "fixed": onnxgraphs.FIXED,
    "bare": onnxgraphs.BARE,
    "log": onnxgraphs.LOG,
    "series": onnxgraphs.SERIES,
}
REGISTER: Final = """
from django.core.management import call_command
from pathlib import Path
for path in sorted(Path({folder!r}).glob("*.onnx")):
    for version in ("1", "2") if path.stem == "two" else ("1",):
        status = "production" if version == "1" else "testing"
        names = ["--endpoint", path.stem, "--name", "graph", "--version", version]
        call_command("register", str(path), *names, "--status", status)
"""


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("graphs")
    for name, text in FILES.items():
        (data / f"{name}.onnx").write_bytes(onnxgraphs.parsed(text))
    servers.manage(data, "migrate", "--verbosity", "0")
    script = REGISTER.format(folder=str(data))
    said = servers.manage(data, "shell", "--no-imports", "-c", script)
    assert "a graph, row by row: x FP32 [-1, 3] -> y FP32 [-1, 2]" in said
    return data


@pytest.fixture(scope="module")
def server(
    registered: Path, mode: servers.Mode, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    data = servers.copy(registered, tmp_path_factory.mktemp(mode) / "data")
    with Server(data, mode=mode) as running:
        yield running


def post(server: Server, endpoint: str, row: Any, **headers: str) -> httpx.Response:
    url = f"{server.url}/api/v1/{endpoint}/predict"
    return httpx.post(url, json=row, headers=headers, timeout=20)


def outputs(server: Server, endpoint: str, row: Any) -> Any:
    answer = post(server, endpoint, row)
    assert answer.status_code == 200, answer.text
    return answer.json()["outputs"]


def test_tensors_go_in_and_come_out_by_name(server: Server) -> None:
    answer = post(server, "two", {"weight": 2, "x": [1, 3, 2]}).json()

    assert answer["outputs"] == {"scores": [2.0, 6.0, 4.0], "label": 1}
    assert (answer["label"], answer["status"], answer["version"]) == ("1", "OK", "1")


def test_a_batch_is_a_list_of_rows(server: Server) -> None:
    rows = [{"text": ["a"], "loud": True}, {"text": ["ä"], "loud": False}]

    found = [each["outputs"] for each in post(server, "words", rows).json()]

    assert found == [{"said": ["a!"], "quiet": False}, {"said": ["ä!"], "quiet": True}]


def test_rows_of_different_lengths_are_different_batches(server: Server) -> None:
    for words in (["a"], ["a", "b", "c"], []):
        said = outputs(server, "words", {"text": words, "loud": True})["said"]
        assert said == [f"{word}!" for word in words]


def test_graphs_without_a_batch_answer_row_by_row(server: Server) -> None:
    found = post(server, "fixed", [[1, 2, 3], {"x": [4, 5, 6]}]).json()

    assert [each["outputs"]["y"] for each in found] == [[1.0, 3.0], [4.0, 6.0]]
    bare = outputs(server, "bare", {"x": [1, 2, 3], "m": [[1, 2], [3, 4]]})
    assert bare == {"total": 6.0, "turned": [[1.0, 3.0], [2.0, 4.0]]}


def test_what_is_no_number_is_null(server: Server) -> None:
    assert outputs(server, "log", {"x": -1}) == {"y": [None]}


@pytest.mark.parametrize(
    ("endpoint", "row", "field"),
    [
        ("two", {"weight": 2, "x": [1, 3]}, "x"),
        ("two", {"weight": 2.5, "x": [1, 3, 2]}, "weight"),
        ("two", {"x": [1, 3, 2]}, "weight"),
        ("words", {"text": [["a"]], "loud": True}, "text"),
        ("fixed", {"z": [1, 2, 3]}, "z"),
    ],
)
def test_what_does_not_fit_names_the_tensor(
    server: Server, endpoint: str, row: Any, field: str
) -> None:
    answer = post(server, endpoint, row).json()

    assert (answer["status"], answer["code"], answer["field"]) == ("Error", "row_invalid", field)


def speaking(server: Server, endpoint: str, protocol: str) -> ClientConnection:
    url = f"{server.ws}/ws/v1/predict/{endpoint}"
    return connect(url, subprotocols=[Subprotocol(protocol)])


def test_a_frame_carries_a_row_of_tensors(server: Server) -> None:
    frame = {"id": 1, "record": {"weight": -1, "x": [1, 3, 2]}}
    ways: list[tuple[str, Any, Any]] = [
        ("weir.v1.json", json.dumps, json.loads),
        ("weir.v1.msgpack", msgspec.msgpack.encode, msgspec.msgpack.decode),
    ]
    for protocol, encode, decode in ways:
        with speaking(server, "two", protocol) as socket:
            socket.recv(timeout=10)
            socket.send(encode(frame))
            said = decode(socket.recv(timeout=10))
        assert said["result"]["outputs"] == {"scores": [-1.0, -3.0, -2.0], "label": 0}


def test_a_block_is_the_only_tensor(server: Server) -> None:
    x = np.arange(6, dtype="<f4").reshape(2, 3)
    block = {"datatype": "FP32", "shape": [2, 3], "data": x.tobytes()}

    assert tables(server, "fixed", block)["outputs"] == {"y": [[0.0, 2.0], [3.0, 5.0]]}
    wide = {"datatype": "FP64", "shape": [1, 1], "data": np.array([-1.0]).tobytes()}
    assert math.isnan(tables(server, "log", wide)["outputs"]["y"][0][0])
    assert tables(server, "two", block)["code"] == "row_invalid"


def tables(server: Server, endpoint: str, block: Any) -> Any:
    with speaking(server, endpoint, "weir.v1.msgpack") as socket:
        socket.recv(timeout=10)
        socket.send(msgspec.msgpack.encode({"id": 1, "block": block}))
        said: Any = msgspec.msgpack.decode(cast("bytes", socket.recv(timeout=10)))
    if said["type"] == "error":
        return said
    arrays = {
        each["name"]: datatypes.decoded("", each["datatype"], each["shape"], each["data"]).array
        for each in said["block"]["outputs"]
    }
    return {"outputs": {name: array.tolist() for name, array in arrays.items()}}


def test_answers_are_what_both_descriptions_say(server: Server) -> None:
    schema = httpx.get(f"{server.url}/api/v1/schema?format=json").json()
    path = schema["paths"]["/api/v1/{endpoint_name}/predict"]["post"]
    described = path["responses"]["200"]["content"]["application/json"]["schema"]
    frames = httpx.get(f"{server.url}/asyncapi.json").json()
    result = {**frames, "$ref": "#/components/schemas/Result"}
    row = {"weight": 2, "x": [1, 3, 2]}

    for body in (row, [row, row]):
        jsonschema.validate(post(server, "two", body).json(), described)
    with speaking(server, "two", "weir.v1.json") as socket:
        socket.recv(timeout=10)
        socket.send(json.dumps({"id": 1, "record": row}))
        jsonschema.validate(json.loads(socket.recv(timeout=10)), result)


async def test_the_client_has_each_output_by_its_name(server: Server) -> None:
    row = {"weight": 2, "x": [1, 3, 2]}
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    wanted = {"scores": [2.0, 6.0, 4.0], "label": 1}

    with Client(server.url) as client:
        assert client.predict("two", row).outputs == wanted
        later = client.submit("two", row)
        assert client.result(later.request_ids[0], timeout=10).outputs == wanted
    async with AsyncClient(server.url) as waiting:
        assert [a.outputs async for a in waiting.stream("two", [row])] == [wanted]  # type: ignore[union-attr]  # no failures
        (block,) = [b async for b in waiting.stream("fixed", x)]
        assert block.outputs["y"].tolist() == [[0.0, 2.0], [3.0, 5.0]]  # type: ignore[union-attr]  # the same
        async with waiting.stream("series", session=False) as stream:
            totals = await stream.ask(np.array([[1, 2, 3], [4, 5, 6]]))
        assert totals.outputs["total"].tolist() == [6, 15]


def test_an_answer_may_come_later(server: Server) -> None:
    accepted = post(server, "two", {"weight": 2, "x": [1, 3, 2]}, Prefer="respond-async, wait=10")

    assert accepted.status_code in {200, 202}
    found = httpx.get(f"{server.url}/api/v1/mlrequests/{accepted.json()['request_id']}").json()
    assert json.loads(found["full_response"])["outputs"]["label"] == 1


def test_graphs_are_tested_against_each_other(server: Server) -> None:
    arms = [{"algorithm": each["id"], "weight": 1} for each in algorithms(server, "two")]
    body = {"title": "t", "created_by": "t", "arms": arms}
    started = httpx.post(f"{server.url}/api/v1/abtests", json=body, timeout=20)
    assert started.status_code == 201, started.text

    answer = post(server, "two", {"weight": 2, "x": [1, 3, 2]}).json()
    feedback = {"feedback": "1"}
    httpx.put(f"{server.url}/api/v1/mlrequests/{answer['request_id']}", json=feedback, timeout=20)

    counted = query(server.data, "select sum(labelled), sum(correct) from inference_armtally")
    assert counted == [(1, 1)]
    httpx.post(f"{server.url}/api/v1/stop_ab_test/{started.json()['id']}", timeout=20)


def algorithms(server: Server, endpoint: str) -> list[dict[str, Any]]:
    api = f"{server.url}/api/v1"
    ids = {each["name"]: each["id"] for each in httpx.get(f"{api}/endpoints").json()}
    rows = httpx.get(f"{api}/mlalgorithms").json()
    return [row for row in rows if row["parent_endpoint"] == ids[endpoint]]


def test_what_a_row_looks_like_can_be_asked(server: Server) -> None:
    (one,) = algorithms(server, "words")
    found = httpx.get(f"{server.url}/api/v1/endpoints/{one['parent_endpoint']}/schema").json()

    graph = found["graph"]
    assert graph["batched"]
    assert graph["inputs"][0] == {"name": "text", "datatype": "BYTES", "shape": [-1, -1]}
    assert httpx.get(f"{server.url}/").status_code == 200


def test_a_graph_may_live_in_another_server_of_ours(
    registered: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    there = servers.copy(registered, tmp_path_factory.mktemp("there") / "data")
    here = tmp_path_factory.mktemp("here")
    with Server(there) as remote:
        env = {"WEIR_REMOTE_HOSTS": remote.url.removeprefix("http://")}
        servers.manage(here, "migrate", "--verbosity", "0")
        for name in ("two", "words"):
            words = ["--remote", remote.url, "--remote-model", name, "--status", "production"]
            names = ["--endpoint", name, "--name", "far", "--version", "1"]
            servers.manage(here, "register", *words, *names, env=env)
        with Server(here, env=env) as near:
            two = post(near, "two", {"weight": 2, "x": [1, 3, 2]}).json()
            said = outputs(near, "words", {"text": ["a", "\N{SNOWMAN}"], "loud": True})["said"]
            remote.process.kill()
            remote.process.wait()
            gone = post(near, "two", {"weight": 2, "x": [1, 3, 2]})

    assert (two["outputs"], two["label"]) == ({"scores": [2.0, 6.0, 4.0], "label": 1}, "1")
    assert said == ["a!", "\N{SNOWMAN}!"]
    assert (gone.status_code, gone.json()["code"]) == (503, "model_unavailable")
    assert gone.headers["retry-after"]
