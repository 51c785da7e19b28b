"""A compiled model serves only if it says the same as the original."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from inference.core.schema import Schema
from inference.runtimes import sklearn
from inference.training import compile as compiling
from inference.training.compile import Original
from tests.inference import artefacts

ROWS = artefacts.rows()


class Unheard(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # untyped library
    """No converter knows it."""

    def fit(self, rows: Any, labels: Any) -> Unheard:
        self.classes_ = np.unique(labels)
        return self

    def predict_proba(self, rows: Any) -> Any:
        return np.full((len(rows), 2), 0.5)


def original(model: Any, schema: Schema = artefacts.SCHEMA) -> Original:
    runtime = sklearn.load(artefacts.artefact(model, schema))
    sample = schema.encode_many(ROWS.records)
    return Original(runtime.model, runtime, schema, sample, "rows")


@pytest.mark.parametrize(
    ("model", "schema"),
    [(artefacts.forest(), artefacts.SCHEMA), (artefacts.regression(), artefacts.VALUES)],
    ids=["classes", "values"],
)
def test_a_forest_is_compiled_with_gaps_and_categories(model: Any, schema: Schema) -> None:
    data, report = compiling.compiled(original(model, schema))

    assert data is not None
    assert report.decision == "onnx"
    assert report.precision == "float"
    assert report.label_flips == 0
    assert report.largest_difference is not None
    assert report.largest_difference <= compiling.TOLERANCE
    assert report.rows == 120
    assert report.original_us is not None
    assert report.compiled_us is not None
    assert report.compiled_us < report.original_us


@pytest.mark.parametrize("model", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_boosting_over_histograms_is_compiled_too(model: Any) -> None:
    """It takes gaps as they are, which a flag in the graph says; the converter gets it wrong."""
    regression = model is HistGradientBoostingRegressor
    schema = artefacts.VALUES if regression else artefacts.SCHEMA
    labels = [float(at % 7) for at in range(len(ROWS.labels))] if regression else ROWS.labels
    fitted = model(max_iter=20, random_state=0).fit(schema.encode_many(ROWS.records), labels)

    data, report = compiling.compiled(original(fitted, schema))

    assert data is not None, report.reason
    assert report.label_flips == 0


def test_compiling_twice_gives_the_same_bytes() -> None:
    first, _ = compiling.compiled(original(artefacts.forest()))
    again, _ = compiling.compiled(original(artefacts.forest()))

    assert first == again


def test_a_model_that_loses_by_single_precision_is_compiled_in_double() -> None:
    matrix = np.nan_to_num(artefacts.SCHEMA.encode_many(ROWS.records))
    matrix[:, 2] = 1e7 + matrix[:, 2] / 100
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100)).fit(matrix, ROWS.labels)
    fine = dataclasses.replace(original(model), sample=matrix)

    data, report = compiling.compiled(fine)

    assert data is not None
    assert report.precision == "double"


def test_a_model_that_nobody_can_convert_is_served_as_it_is() -> None:
    model = Unheard().fit(np.zeros((2, 3)), ["high", "low"])

    data, report = compiling.compiled(original(model))

    assert data is None
    assert report.decision == "scikit-learn"
    assert "float: " in report.reason
    assert "double: " in report.reason
    assert report.compiled_us is None


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda out: out[:, ::-1], "float: 120 labels differ"),
        (lambda out: out * 0.9999, "float: 0 labels differ, at most by 1.0e-04"),
    ],
    ids=["label", "probability"],
)
def test_a_compiled_model_that_disagrees_is_dropped(change: Any, finding: str) -> None:
    """The conversion itself is exact here, so the original is made to change its mind."""
    matrix = np.nan_to_num(artefacts.SCHEMA.encode_many(ROWS.records))
    model = LogisticRegression(max_iter=500).fit(matrix, ROWS.labels)
    honest = dataclasses.replace(original(model), sample=matrix)

    class Changed:
        kind = honest.runtime.kind
        inline_ok = True

        def predict(self, tensors: Any) -> Any:
            (out,) = honest.runtime.predict(tensors)
            return (change(out),)

        def close(self) -> None: ...

    data, report = compiling.compiled(dataclasses.replace(honest, runtime=Changed()))

    assert data is None
    assert report.decision == "scikit-learn"
    assert finding in report.reason


def test_a_difference_of_values_is_in_proportion() -> None:
    before, after = np.array([[1000.0], [0.5]]), np.array([[1000.1], [0.5]])

    flips, difference = compiling.compare(before, after, artefacts.VALUES)

    assert flips == 0
    assert difference == pytest.approx(1e-4)


def test_a_difference_of_probabilities_is_absolute() -> None:
    before, after = np.array([[0.4, 0.6], [0.5, 0.5]]), np.array([[0.4, 0.6], [0.499, 0.501]])

    flips, difference = compiling.compare(before, after, artefacts.SCHEMA)

    assert flips == 1
    assert difference == pytest.approx(1e-3)


def test_the_report_says_only_what_is_known() -> None:
    report = compiling.not_compiled(original(artefacts.forest()), "no reason")

    assert set(report.as_dict()) == {"decision", "reason", "sample", "rows", "original_us"}


CONVERTED = """
import hashlib
from tests.inference import artefacts
from inference.runtimes.base import Kind
print(hashlib.sha256(artefacts.bundle().files[Kind.ONNX]).hexdigest())
"""


@pytest.mark.slow
def test_another_process_compiles_the_same_bytes() -> None:
    """Whatever the seed of its hashes, in whose order the converter lists sets of operators."""
    hashes = {
        subprocess.run(
            [sys.executable, "-c", CONVERTED],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "3")
    }

    assert len(hashes) == 1
