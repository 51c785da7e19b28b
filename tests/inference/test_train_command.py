"""One command from a data set to a version in testing that knows where it comes from."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from pytest_django import Settings

from inference import bundles, opening
from inference.core.lifecycle import Status
from inference.models import MLAlgorithm
from tests.inference import registered, steps

SMALL = ("--param", "n_estimators=5")


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


@pytest.fixture
def data(tmp_path: Path) -> Path:
    people = steps.people(tmp_path / "people.csv")
    steps.run("build_dataset", tmp_path, "--csv", people, "--target", "income")
    return tmp_path / "train.csv"


@pytest.mark.django_db
def test_what_was_trained_is_in_testing_with_its_parent_and_lineage(data: Path) -> None:
    champion = registered.algorithm("champion", Status.PRODUCTION)

    told = steps.told("train", "income", "--data", data, *SMALL)

    row = MLAlgorithm.objects.get(pk=told["algorithm"])
    assert (row.current_status, row.parent, row.name) == ("testing", champion, "random forest")
    assert row.lineage == told["lineage"]
    assert row.lineage["parent"]["id"] == champion.pk
    assert row.lineage["source"]["csv"] == "people.csv"
    assert row.lineage["params"] == {"n_estimators": 5}
    assert told["metrics"]["accuracy"] > 0.8


@pytest.mark.django_db
def test_the_same_again_registers_nothing_new(data: Path) -> None:
    first = steps.told("train", "income", "--data", data, *SMALL)
    again = steps.told("train", "income", "--data", data, *SMALL)

    assert (first["new"], again["new"]) == (True, False)
    assert first["algorithm"] == again["algorithm"]
    assert first["predictions_sha256"] == again["predictions_sha256"]


@pytest.mark.django_db
def test_a_bundle_is_written_where_it_is_asked_for(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "model.weir"
    words = ("--estimator", "tests.inference.factories:of_names", "--param", "c=0.5")

    told = steps.told("train", "income", "--data", data, *words, "--out", out)

    bundle = bundles.read(out.read_bytes(), opening.keyring())
    assert bundle.card.version == told["version"]
    assert bundle.card.reads == "frame"
    assert not MLAlgorithm.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--out", "no/such/folder/model.weir"), "dataset_invalid"),
        (("--estimator", "no.such:thing"), "training_failed"),
        (("--param", "trees"), "training_failed"),
        (("--target", "age"), "dataset_invalid"),
        (("--schema", "no.json"), "bundle_invalid"),
    ],
)
def test_what_cannot_be_trained_has_a_code(data: Path, words: tuple[str, ...], code: str) -> None:
    ended, said = steps.refused("train", "income", "--data", data, *words)

    assert (ended, said["error"]["code"]) == (2, code)
