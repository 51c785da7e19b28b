"""A graph from the command line to every door."""

from __future__ import annotations

import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings as configured
from django.core.management import CommandError, call_command
from pytest_django import Settings

from asgi_project.management.commands import serve
from inference import bundles, opening, registry, selectors, store
from inference import gateway as door
from inference.core.graphs import Graph
from inference.core.routing import Algorithm
from inference.models import MLAlgorithm
from tests.consumers.test_predict import client
from tests.dataplane.deployments import SIZE, site
from tests.dataplane.test_express import plane
from tests.dataplane.test_http import Call
from tests.inference import onnxgraphs
from tests.inference.gateways import gateway
from tests.inference.onnxgraphs import BOOL, FLOAT, INT64, STRING

INFER = "/v2/models/e/infer"
FORMS = {
    "two": onnxgraphs.two(),
    "texts": onnxgraphs.same(("t", STRING, ["n", 2])),
    "mixed": onnxgraphs.same(("k", INT64, ["n"]), ("b", BOOL, ["n", 1])),
    "fixed": onnxgraphs.same(("x", FLOAT, [1, 3])),
    "no_batch": onnxgraphs.same(("x", FLOAT, [3]), ("k", INT64, [])),
}


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


def register(path: Path, *more: str) -> str:
    out = io.StringIO()
    names = ("--endpoint", "e", "--name", "graph", "--version", "1.0", "--status", "production")
    call_command("register", str(path), *names, *more, stdout=out)
    return out.getvalue()


@pytest.mark.django_db
@pytest.mark.parametrize("form", FORMS)
def test_a_file_without_a_schema_is_registered_and_loads(tmp_path: Path, form: str) -> None:
    (tmp_path / "model.onnx").write_bytes(FORMS[form])

    assert "Served by onnx" in register(tmp_path / "model.onnx")

    row = MLAlgorithm.objects.get()
    opened = opening.open_algorithm(row)
    reader, _ = registry._sides(row, Algorithm(row.pk, row.name, row.version, "production"))
    assert opened.free_form
    assert reader.hash == Graph.from_json(row.schema).hash
    assert row.task == "multiclass"
    assert "graph" in (selectors.endpoint_schema(row.parent_endpoint_id) or {})
    assert "curl" in serve._example("http://x")[1]


@pytest.mark.django_db
def test_rows_to_try_it_on_are_its_golden_rows(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(FORMS["two"])
    (tmp_path / "rows.json").write_text('[{"x": [-1, 4], "k": 3}]')

    register(tmp_path / "model.onnx", "--rows", str(tmp_path / "rows.json"))

    key = configured.WEIR.signing_key.encode()
    bundle = bundles.read(store.get(MLAlgorithm.objects.get().bundle), key)
    assert bundle.card.golden.outputs == [[[None, 2.0], True]]


@pytest.mark.django_db
@pytest.mark.parametrize("rows", ['[{"x": [1], "k": 3}]', '[{"x": [1, 2]}]'])
def test_a_row_that_does_not_fit_is_one_sentence(tmp_path: Path, rows: str) -> None:
    (tmp_path / "model.onnx").write_bytes(FORMS["two"])
    (tmp_path / "rows.json").write_text(rows)

    with pytest.raises(CommandError, match="fails on a row"):
        register(tmp_path / "model.onnx", "--rows", str(tmp_path / "rows.json"))

    assert not MLAlgorithm.objects.exists()


async def test_rest_answers_rows_and_refuses_one_alone() -> None:
    one = onnxgraphs.world(FORMS["two"])
    async with gateway(one) as gate:
        door.install(gate)
        call = Call(b'[{"x": [4, -1], "k": 2}, {"x": [4], "k": 2}]')
        await call.through(plane(one))
        door.install(None)

    good, bad = call.answer
    assert good["outputs"] == {"root": [2.0, None], "label": True}
    assert (good["label"], good["status"]) == ("true", "OK")
    assert (bad["code"], bad["field"]) == ("row_invalid", "x")
    assert [row.response for row in one.log] == ["true", "error"]


async def test_v2_takes_json_and_gives_it() -> None:
    x = {"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [4, 9, 16, 25]}
    k = {"name": "k", "shape": [2], "datatype": "INT32", "data": [1, 2]}
    async with site(onnxgraphs.world(FORMS["two"])) as here:
        reply = await here.ask("POST", INFER, json.dumps({"inputs": [k, x]}).encode())
        about = await here.ask("GET", "/v2/models/e")

    assert reply.outputs["root"] == [[2, 3], [4, 5]]
    assert reply.outputs["label"] == [False, True]
    assert len(reply.outputs["request_id"]) == 2
    assert about.json["inputs"][0] == {"name": "x", "datatype": "FP32", "shape": [-1, 2]}


async def test_v2_takes_bytes_and_gives_them() -> None:
    data = b"".join(len(t).to_bytes(4, "little") + t for t in (b"a", b"bc", b"", b"d"))
    tensor = {"name": "t", "shape": [2, 2], "datatype": "BYTES", "parameters": {SIZE: len(data)}}
    asked: dict[str, Any] = {"inputs": [tensor], "parameters": {"binary_data_output": True}}
    head = json.dumps(asked).encode()
    async with site(onnxgraphs.world(FORMS["texts"])) as here:
        reply = await here.ask(
            "POST", INFER, head + data, inference_header_content_length=str(len(head))
        )

    assert reply.outputs["yt"] == [[b"a", b"bc"], [b"", b"d"]]


async def test_v2_asks_a_graph_without_a_batch_row_by_row() -> None:
    array = np.arange(6, dtype=np.float32)
    x = {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": array.tolist()}
    async with site(onnxgraphs.world(FORMS["fixed"])) as here:
        reply = await here.ask("POST", INFER, json.dumps({"inputs": [x]}).encode())

    assert reply.outputs["yx"] == array.reshape(2, 3).tolist()


async def test_a_frame_is_a_row() -> None:
    one = onnxgraphs.world(FORMS["mixed"])
    async with gateway(one) as gate:
        door.install(gate)
        speaker = client(one)
        await speaker.connect()
        await speaker.hears()
        await speaker.says(id="1", record={"k": 2**53 + 1, "b": [True]})
        heard = await speaker.hears()
        await speaker.disconnect()
        door.install(None)

    assert "9007199254740993" in json.dumps(heard)
