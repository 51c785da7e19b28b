"""An estimator is found by a name, and made so that a second one would be the same."""

from __future__ import annotations

from typing import Any

import pytest

from inference.core.errors import TrainingFailed
from inference.training import estimators
from inference.training.estimators import Found, Wanted
from tests.inference import artefacts

HERE = "tests.inference.factories"


def find(reference: str, **params: object) -> Found:
    return estimators.find(Wanted(reference, params, seed=7), artefacts.SCHEMA)


def test_a_recipe_is_found_by_its_name_and_takes_parameters() -> None:
    found = find("extra trees", max_depth=3)
    model: Any = found.estimator["model"]

    assert (found.name, found.reads) == ("extra trees", "matrix")
    assert (model.max_depth, model.random_state, model.n_estimators) == (3, 7, 100)


@pytest.mark.parametrize("reference", [f"{HERE}:FOREST", "sklearn.ensemble:RandomForestClassifier"])
def test_a_class_is_called_seeded_and_gets_our_preparation(reference: str) -> None:
    found = find(reference, n_estimators=3, max_depth=2)
    model: Any = found.estimator["model"]

    assert list(found.estimator.named_steps) == ["prepare", "model"]
    assert (model.n_estimators, model.max_depth, model.random_state) == (3, 2, 7)
    assert found.reads == "matrix"


def test_an_object_is_copied_not_taken() -> None:
    first, second = find(f"{HERE}:RIDGE"), find(f"{HERE}:RIDGE", fit_intercept=False)

    assert first.estimator["model"].fit_intercept
    assert not second.estimator["model"].fit_intercept


def test_a_pipeline_is_taken_as_it_is_and_says_what_it_reads() -> None:
    by_name, by_type = find(f"{HERE}:of_names", c=0.5), find(f"{HERE}:of_types")

    assert list(by_name.estimator.named_steps) == ["columns", "model"]
    assert by_name.estimator["model"].C == 0.5
    assert by_name.estimator["model"].random_state == 7
    assert (by_name.reads, by_type.reads) == ("frame", "frame")
    assert "def of_names" in by_name.code


def test_a_factory_may_ask_for_the_schema() -> None:
    model: Any = find(f"{HERE}:of_schema", trees=4, criterion="entropy").estimator["model"]

    assert (model.n_estimators, model.max_depth, model.criterion) == (4, 3, "entropy")


def test_the_source_of_a_library_is_not_kept() -> None:
    assert find("sklearn.ensemble:RandomForestClassifier").code == ""


@pytest.mark.parametrize(
    ("reference", "params", "sentence"),
    [
        ("forest", {}, "neither package.module:factory nor one of: extra trees, random forest"),
        (f"{HERE}:", {}, "neither"),
        ("no.such.module:thing", {}, "cannot be had"),
        (f"{HERE}:nothing", {}, "cannot be had"),
        (f"{HERE}:NUMBER", {}, "no estimator"),
        (f"{HERE}:Schema", {"features": (), "target": None}, "no scikit-learn estimator"),
        (f"{HERE}:broken", {}, "licence"),
        (f"{HERE}:FOREST", {"tress": 3}, "tress"),
        ("random forest", {"tress": 3}, "tress"),
    ],
)
def test_what_cannot_be_had_is_one_sentence(
    reference: str, params: dict[str, object], sentence: str
) -> None:
    with pytest.raises(TrainingFailed, match=sentence):
        find(reference, **params)


def test_parameters_are_json_or_else_text() -> None:
    words = ["a=3", "b=0.5", "c=null", "d=[1, 2]", "e=sqrt", "f=x=y", "g="]

    assert estimators.params(words) == {
        "a": 3,
        "b": 0.5,
        "c": None,
        "d": [1, 2],
        "e": "sqrt",
        "f": "x=y",
        "g": "",
    }
    for wrong in ("a", "=3"):
        with pytest.raises(TrainingFailed, match="name=value"):
            estimators.params([wrong])
