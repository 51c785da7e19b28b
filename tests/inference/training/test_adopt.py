"""A file that somebody else wrote is taken for what its bytes are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from inference import bundles
from inference.core.errors import BundleInvalid
from inference.runtimes.base import Kind
from inference.training import adopt, sample
from tests.inference import artefacts
from tests.inference.runtimes.test_sklearn import Touch, joblib_of

SCHEMA = artefacts.SCHEMA
IDENTITY = artefacts.IDENTITY


def kept(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def written(kind: Kind) -> bytes:
    if kind is Kind.SKOPS:
        data: bytes = skops.dumps(artefacts.forest())
        return data
    return artefacts.bundle().files[kind]


@pytest.mark.parametrize(
    ("name", "kind", "serving"),
    [
        ("model.onnx", Kind.ONNX, Kind.ONNX),
        ("model.skops", Kind.SKOPS, Kind.ONNX),
        ("model.joblib", Kind.JOBLIB, Kind.ONNX),
        ("MODEL.PKL", Kind.JOBLIB, Kind.ONNX),
    ],
)
def test_each_kind_of_file_becomes_a_bundle(
    tmp_path: Path, name: str, kind: Kind, serving: Kind
) -> None:
    bundle = adopt.adopt(IDENTITY, kept(tmp_path, name, written(kind)), SCHEMA)

    assert (bundle.card.original, bundle.card.serving) == (kind, serving)
    assert bundle.card.report["sample"] == "rows drawn from the schema"
    assert bundles.load(bundle).kind is serving


def test_the_same_model_is_the_same_artefact_whichever_file_it_came_in(tmp_path: Path) -> None:
    kinds = set(Kind) - {Kind.OIP}  # which is no file that somebody has
    files = [kept(tmp_path, f"model.{kind}", written(kind)) for kind in kinds]

    assert len({adopt.adopt(IDENTITY, file, SCHEMA).artefact_hash for file in files}) == 1


@pytest.mark.parametrize("name", ["model.onnx", "model.skops", "model.txt", "model"])
def test_a_pickle_under_another_name_is_refused_without_running(tmp_path: Path, name: str) -> None:
    trace = tmp_path / "ran"
    path = kept(tmp_path, name, joblib_of(Touch(trace)))

    with pytest.raises(BundleInvalid, match="its bytes, which are joblib"):
        adopt.adopt(IDENTITY, path, SCHEMA)

    assert not trace.exists()


@pytest.mark.parametrize("data", [b"", b"\x80", b"text"])
def test_what_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BundleInvalid, match="neither an ONNX"):
        adopt.adopt(IDENTITY, kept(tmp_path, "model.onnx", data), SCHEMA)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BundleInvalid, match=r"gone\.onnx cannot be read: No such file"):
        adopt.adopt(IDENTITY, tmp_path / "gone.onnx", SCHEMA)


def test_labelled_rows_measure_the_model(tmp_path: Path) -> None:
    rows = artefacts.rows()
    lines = ["age,work,hours,income"]
    for record, label in zip(rows.records, rows.labels, strict=True):
        cells = ("" if value is None else str(value) for value in record.values())
        lines.append(",".join([*cells, str(label)]))
    csv = kept(tmp_path, "rows.csv", "\n".join(lines).encode())

    bundle = adopt.adopt(IDENTITY, kept(tmp_path, "m.joblib", written(Kind.JOBLIB)), SCHEMA, csv)

    assert bundle.card.report["sample"] == "rows of rows.csv"
    assert bundle.card.metrics["rows"] == 120
    assert bundle.card.metrics["accuracy"] > 0.9


def test_rows_may_be_json_and_need_no_labels(tmp_path: Path) -> None:
    rows = kept(tmp_path, "rows.json", json.dumps(sample.drawn(SCHEMA, 5)).encode())

    trial = adopt.trial(SCHEMA, rows)

    assert len(trial.records) == 5
    assert trial.rows is None


def test_values_are_labels_of_a_regression(tmp_path: Path) -> None:
    row = {**sample.drawn(SCHEMA, 1)[0], "income": 3}
    trial = adopt.trial(artefacts.VALUES, kept(tmp_path, "rows.json", json.dumps([row]).encode()))

    assert trial.rows is not None
    assert list(trial.rows.labels) == [3.0]


@pytest.mark.parametrize("text", ["", "{}", "[]", "[1]", '{"a":'])
def test_rows_that_are_no_rows_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BundleInvalid, match=r"rows\.json"):
        adopt.trial(SCHEMA, kept(tmp_path, "rows.json", text.encode()))


def test_a_schema_is_read_as_it_is_written(tmp_path: Path) -> None:
    path = kept(tmp_path, "schema.json", json.dumps(SCHEMA.to_json()).encode())

    assert adopt.schema(path) == SCHEMA


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"features": [], "target": {"name": "y", "task": "regression"}}',
        '{"a": NaN}',
    ],
)
def test_a_schema_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(BundleInvalid, match=r"schema\.json"):
        adopt.schema(kept(tmp_path, "schema.json", text.encode()))


def test_a_model_and_a_schema_that_do_not_go_together_are_refused(tmp_path: Path) -> None:
    model: Any = LogisticRegression().fit(np.ones((2, 5)), ["high", "low"])
    path = kept(tmp_path, "model.joblib", artefacts.dump(model))

    with pytest.raises(BundleInvalid, match="5 features"):
        adopt.adopt(IDENTITY, path, SCHEMA)
