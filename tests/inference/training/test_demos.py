"""The demos' rows have what real rows have: gaps, categories, and a part nobody has seen."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.training import demos, profile

OWN = ("breast_cancer", "digits", "diabetes")


@pytest.mark.parametrize(
    ("name", "task", "rows", "width"),
    [
        ("breast_cancer", "binary", 569, 31),
        ("digits", "multiclass", 1797, 65),
        ("diabetes", "regression", 442, 11),
    ],
)
def test_three_tasks_come_with_scikit_learn(name: str, task: str, rows: int, width: int) -> None:
    dataset = demos.find(name).dataset()

    assert dataset.task == task
    assert len(dataset.train) + len(dataset.held_out) == rows
    assert profile.schema_of(dataset).width == width


@pytest.mark.parametrize("name", OWN)
def test_both_parts_have_gaps_and_categories(name: str) -> None:
    dataset = demos.find(name).dataset()

    for part in (dataset.train, dataset.held_out):
        cells = [value for record in part.records for value in record.values()]
        assert any(value is None for value in cells)
        assert any(isinstance(value, str) for value in cells)


@pytest.mark.parametrize("name", OWN)
def test_only_numbers_are_emptied_and_only_few(name: str) -> None:
    train = demos.find(name).dataset().train
    gaps = [key for record in train.records for key, value in record.items() if value is None]

    assert 0.002 < len(gaps) / (len(train) * len(train.records[0])) < 0.02


def test_the_forest_s_thirty_measures_are_numbers() -> None:
    schema = profile.schema_of(demos.find("breast_cancer").dataset())

    assert [feature.kind for feature in schema.features[:30]] == ["number"] * 30
    assert schema.target.classes == ("benign", "malignant")


def test_the_derived_category_says_nothing_the_row_does_not_say() -> None:
    for record in demos.held_out("breast_cancer").records:
        radius = record["mean_radius"]
        if isinstance(radius, float):
            expected = "small" if radius < 12 else "medium" if radius < 15 else "large"
            assert record["size"] == expected


@pytest.mark.parametrize("name", OWN)
def test_the_same_rows_come_again(name: str) -> None:
    assert demos.find(name).dataset().sha256 == demos.find(name).dataset().sha256


def test_held_out_rows_are_found_by_the_demo_s_name_or_its_endpoint(tmp_path: Path) -> None:
    csv = tmp_path / "adult.csv"
    csv.write_text("age, income\n" + "39, <=50K\n52, >50K\n" * 10)

    assert demos.held_out("income", csv) == demos.held_out("income_classifier", csv)
    assert len(demos.held_out("income", csv)) == 6


def test_an_unknown_demo_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        demos.find("titanic")


def test_income_comes_from_openml_without_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.utils import Bunch

    fetched = Bunch(
        data=np.array([[39.0, 1.0], [50.0, np.nan]]),
        feature_names=["age", "workclass"],
        categories={"workclass": ["Never-worked", "Private"]},
        target=np.array(["<=50K", ">50K"], dtype=object),
    )
    asked: dict[str, Any] = {}

    def fetch(name: str, **options: Any) -> Bunch:
        asked.update(options, name=name)
        return fetched

    monkeypatch.setattr("sklearn.datasets.fetch_openml", fetch)
    rows = demos.find("income").rows(None)

    # Without pandas: a frame would need it.
    assert asked == {"name": "adult", "version": 2, "as_frame": False, "parser": "liac-arff"}
    assert list(rows.records) == [
        {"age": 39, "workclass": "Private"},
        {"age": 50, "workclass": None},
    ]
    assert list(rows.labels) == ["<=50K", ">50K"]


@pytest.mark.skipif("ADULT_CSV" not in os.environ, reason="ADULT_CSV names no file")
def test_adult_is_read_whole() -> None:
    dataset = demos.find("income").dataset(Path(os.environ["ADULT_CSV"]))

    assert (len(dataset.train), len(dataset.held_out)) == (22_792, 9_769)
    schema = profile.schema_of(dataset)
    assert schema.target.classes == ("<=50K", ">50K")
    gaps = {key for record in dataset.train.records for key in record if record[key] is None}
    assert gaps == {"workclass", "occupation", "native-country"}
