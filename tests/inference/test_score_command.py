"""Rows are scored, and a version is written out, without a server."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from inference import bundles, opening
from inference.models import MLAlgorithm
from inference.runtimes import loader
from tests.inference import artefacts, steps


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "forest.weir"
    path.write_bytes(bundles.write(artefacts.bundle(), opening.keyring()))
    return path


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "rows.csv"
    path.write_text("hours,age,work\n55.5,40,office\n12,,?\n3,41,sea\n")
    return path


EXPECTED = artefacts.SCHEMA.encode_many(
    [
        {"hours": 55.5, "age": 40, "work": "office"},
        {"hours": 12},
        {"hours": 3, "age": 41, "work": "sea"},
    ]
)


def test_a_bundle_answers_a_csv_with_the_bits_of_serving(bundle: Path, rows: Path) -> None:
    table = list(csv.DictReader(io.StringIO(steps.run("score", rows, "--bundle", bundle))))

    expected = bundles.answers(bundles.load(artefacts.bundle()), EXPECTED)
    assert [
        [float(row["probability high"]), float(row["probability low"])] for row in table
    ] == expected.tolist()
    assert [row["income"] for row in table] == [
        ("high", "low")[int(low > 0.5)] for _, low in expected.tolist()
    ]


def test_a_row_that_does_not_fit_gets_its_code_and_the_others_their_answers(
    bundle: Path, rows: Path, tmp_path: Path
) -> None:
    rows.write_text("hours,age,work\n55.5,40,office\nlong,40,office\n12,40,office\n")

    code, told = steps.refused("score", rows, "--bundle", bundle, "--out", tmp_path / "out.csv")

    assert (code, told["rows"], told["failed"]) == (1, 3, 1)
    table = list(csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text())))
    assert [row["code"] for row in table] == ["", "row_invalid", ""]
    assert "hours must be a number" in table[1]["message"]
    assert table[2]["income"] in {"high", "low"}


@pytest.mark.parametrize("change", ["signature", "gone"])
def test_a_bundle_that_cannot_be_trusted_scores_nothing(
    bundle: Path, rows: Path, change: str
) -> None:
    if change == "gone":
        bundle.unlink()
    else:
        bundle.write_bytes(bundles.write(artefacts.bundle(), b"another key"))

    code, told = steps.refused("score", rows, "--bundle", bundle)

    assert (code, told["error"]["code"]) == (2, "bundle_invalid")


@pytest.mark.django_db
def test_a_model_that_is_served_apart_is_asked_apart(
    bundle: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = steps.run("score", rows, "--bundle", bundle)
    steps.run("register", bundle, "--isolated")

    def load(_: object) -> None:
        raise AssertionError("a stranger's model was opened in this process")

    monkeypatch.setattr(loader, "load", load)

    assert steps.run("score", rows, "--algorithm", MLAlgorithm.objects.get().pk) == here


def test_answers_do_not_take_the_place_of_the_rows_nor_go_nowhere(
    bundle: Path, rows: Path, tmp_path: Path
) -> None:
    before = rows.read_text()

    itself = steps.refused("score", rows, "--bundle", bundle, "--out", rows)
    nowhere = steps.refused("score", rows, "--bundle", bundle, "--out", tmp_path / "no" / "out.csv")

    assert (itself[0], itself[1]["error"]["field"]) == (2, "out")
    assert rows.read_text() == before
    assert (nowhere[0], nowhere[1]["error"]["code"]) == (2, "storage_unavailable")
    assert "no/out.csv cannot be read or written" in nowhere[1]["error"]["message"]


@pytest.fixture
def trained(tmp_path: Path) -> dict[str, Any]:
    people = steps.people(tmp_path / "people.csv")
    words = ("--data", people, "--target", "income", "--param", "n_estimators=5")
    told: dict[str, Any] = steps.told("train", "income", *words)
    return told


@pytest.mark.django_db
def test_what_is_exported_is_registered_elsewhere_as_the_same_model(
    trained: dict[str, Any], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    told = steps.told("export", trained["algorithm"], "--out", out)

    assert set(told["files"]) == {
        "answers.json",
        "bundle.weir",
        "card.json",
        "model.joblib",
        "model.onnx",
        "model.schema.json",
        "rows.json",
    }
    assert json.loads((out / "card.json").read_text())["lineage"] == trained["lineage"]
    names = ("--endpoint", "elsewhere", "--name", "copy", "--version", "1")
    steps.run("register", out / "model.onnx", *names, "--rows", out / "rows.json")
    copy = MLAlgorithm.objects.get(name="copy")
    assert copy.artefact_hash == trained["artefact_hash"]


@pytest.mark.django_db
def test_a_registered_version_scores_by_its_number(
    trained: dict[str, Any], rows: Path, tmp_path: Path
) -> None:
    steps.run("export", trained["algorithm"], "--out", tmp_path / "out")
    rows.write_text("hours,age,work\n55,40,office\n")

    by_number = steps.told("score", rows, "--algorithm", trained["algorithm"])
    by_bundle = steps.told("score", rows, "--bundle", tmp_path / "out" / "bundle.weir")

    assert by_number == by_bundle
    assert steps.refused("score", rows, "--algorithm", "income")[0] == 2
    assert steps.refused("export", 10**6, "--out", tmp_path / "none")[0] == 2
