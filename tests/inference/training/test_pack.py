"""A packed model has been tried on rows before anybody may ask it."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import pytest
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.dummy import DummyClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

from inference import bundles
from inference.core.errors import BundleInvalid, RowInvalid
from inference.core.reference import Reference
from inference.runtimes.base import Artefact, Kind
from inference.training import adopt, lesson, pack
from inference.training.pack import Trial
from tests.inference import artefacts

ROWS = artefacts.rows()
TRIAL = Trial(ROWS.records, "rows", ROWS, {"seed": 3})


def test_what_is_known_of_a_model_is_in_its_bundle() -> None:
    card = pack.pack(artefacts.IDENTITY, artefacts.artefact(), TRIAL).card

    assert (card.endpoint, card.name, card.version, card.owner) == (
        "income",
        "forest",
        "1.0",
        "tests",
    )
    assert card.report["decision"] == "onnx"
    assert card.report["rows"] == 120
    assert card.metrics["accuracy"] > 0.9
    assert card.lineage == {"seed": 3}
    assert set(card.libraries) >= {"scikit-learn", "numpy", "onnx", "skl2onnx"}
    assert [dict(record) for record in ROWS.records[:16]] == card.golden.records


def test_the_reference_is_of_the_training_rows_and_of_answers_to_others() -> None:
    training = artefacts.rows(300).records
    trial = dataclasses.replace(TRIAL, records=[{"age": 1}, *ROWS.records], training=training)

    card = pack.pack(artefacts.IDENTITY, artefacts.artefact(), trial).card

    reference = Reference.from_json(card.reference)
    assert reference is not None
    assert [each.name for each in reference.binnings] == ["age", "work", "hours", "score", "label"]
    assert sum(reference.counts[1]) == 300
    assert sum(reference.counts[4]) == 120


def test_without_training_rows_the_reference_is_of_the_rows_it_was_tried_on() -> None:
    reference = Reference.from_json(artefacts.bundle().card.reference)

    assert reference is not None
    assert sum(reference.counts[1]) == 120


def test_rows_that_were_drawn_are_no_reference() -> None:
    trial = adopt.trial(artefacts.SCHEMA, None)

    assert pack.pack(artefacts.IDENTITY, artefacts.artefact(), trial).card.reference == {}


def test_a_compiled_model_is_packed_as_it_came() -> None:
    onnx = artefacts.bundle().artefact(Kind.ONNX)

    bundle = pack.pack(artefacts.IDENTITY, onnx, Trial(ROWS.records, "rows"))

    assert set(bundle.files) == {Kind.ONNX}
    assert bundle.card.original is Kind.ONNX
    assert bundle.card.report["reason"] == "registered as ONNX"
    assert bundle.card.metrics == {}
    assert bundles.load(bundle).kind is Kind.ONNX


def test_a_model_that_reads_frames_is_served_as_it_is() -> None:
    import pandas as pd

    frame = pd.DataFrame(artefacts.SCHEMA.decode(artefacts.SCHEMA.encode_many(ROWS.records)))
    model = DummyClassifier().fit(frame, ROWS.labels)
    reading = dataclasses.replace(artefacts.artefact(model), reads="frame")

    bundle = pack.pack(artefacts.IDENTITY, reading, TRIAL)

    assert bundle.card.serving is Kind.JOBLIB
    assert bundle.card.report["reason"] == "it reads a data frame"
    assert bundles.load(bundle).kind is Kind.JOBLIB


def test_a_model_that_cannot_take_the_rows_of_its_trial_is_refused() -> None:
    whole: Any = LogisticRegression().fit([[1, 2, 3], [4, 5, 6]], ["high", "low"])

    with pytest.raises(BundleInvalid, match=r"fails on a row: ValueError: .*NaN"):
        pack.pack(artefacts.IDENTITY, artefacts.artefact(whole), TRIAL)


def test_a_graph_whose_numbers_are_no_probabilities_is_refused() -> None:
    margins = make_pipeline(SimpleImputer(), SVC())
    margins.fit(artefacts.SCHEMA.encode_many(ROWS.records), ROWS.labels)
    rows = [("rows", FloatTensorType([None, artefacts.SCHEMA.width]))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        graph = to_onnx(margins, initial_types=rows, options={"zipmap": False})
    onnx = Artefact(Kind.ONNX, graph.SerializeToString(), artefacts.SCHEMA)

    with pytest.raises(BundleInvalid, match="scores, not probabilities"):
        pack.pack(artefacts.IDENTITY, onnx, TRIAL)


def test_a_row_that_does_not_fit_the_schema_is_named() -> None:
    crooked = [*ROWS.records, {"age": "old"}]

    with pytest.raises(RowInvalid) as caught:
        pack.pack(artefacts.IDENTITY, artefacts.artefact(), Trial(crooked, "rows"))

    assert (caught.value.row, caught.value.field) == (120, "age")


@pytest.fixture(scope="module")
def diabetes() -> lesson.Lesson:
    return lesson.of("diabetes")


@pytest.mark.slow
@pytest.mark.parametrize("recipe", ["random forest", "extra trees"])
def test_a_lesson_ends_in_the_same_artefact_every_time(
    diabetes: lesson.Lesson, recipe: str
) -> None:
    first, again = (
        lesson.bundle(diabetes, recipe, version="0.0.1", owner="tests") for _ in range(2)
    )

    assert first.artefact_hash == again.artefact_hash
    assert first.card.serving is Kind.ONNX
    assert first.card.metrics["r2"] > 0.4


def test_a_lesson_tries_gaps_and_unseen_categories_first(diabetes: lesson.Lesson) -> None:
    bundle = lesson.bundle(diabetes, "random forest", version="0.0.1", owner="tests")
    nothing, strange = bundle.card.golden.records[:2]

    assert set(nothing.values()) == {None}
    assert strange["sex"] == "(never seen in training)"
    assert bundles.load(bundle).kind is Kind.ONNX
