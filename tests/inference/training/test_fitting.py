"""What is fitted can be served, says the same again, and knows where it comes from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference import bundles
from inference.bundles import Bundle
from inference.core.errors import BundleInvalid, TrainingFailed
from inference.core.schema import Schema
from inference.runtimes.base import Kind
from inference.training import backends, build, files, fitting, profile
from inference.training.backends import Backend
from inference.training.build import Cut, Source
from inference.training.courses import Course
from inference.training.dataset import Rows
from inference.training.estimators import Wanted
from inference.training.fitting import Labels, Trained
from tests.inference import artefacts

HERE = "tests.inference.factories"
LABELS = Labels("income", "tests", lineage={"parent": {"id": 3}})


def course(labels: list[Any] | None = None) -> Course:
    rows = artefacts.rows(200)
    parts = build.cut(
        Source(files.typed(Rows(rows.records, labels or rows.labels), "income")), Cut(seed=5)
    )
    schema = profile.schema_of_table(parts["train"])
    return Course(schema, parts["train"], parts["held_out"])


def trained(estimator: str, given: Course | None = None, **params: object) -> Trained:
    params = {"n_estimators": 5} if estimator == "random forest" else params
    return fitting.trained(given or course(), Wanted(estimator, params, 5), LABELS, Backend())


def table(bundle: Bundle) -> Schema:
    assert isinstance(bundle.schema, Schema)
    return bundle.schema


def test_a_recipe_becomes_a_compiled_bundle_with_its_lineage() -> None:
    given = course()
    card = trained("random forest", given).bundle.card

    assert (card.endpoint, card.name, card.serving) == ("income", "random forest", Kind.ONNX)
    assert len(card.version) == 12
    assert card.metrics["rows"] == len(given.held_out)
    told: Any = card.lineage
    assert told["rows"] == len(given.train)
    assert (told["seed"], told["params"]) == (5, {"n_estimators": 5})
    assert told["parent"] == {"id": 3}
    assert told["packages"]["scikit-learn"]
    assert told["schema"] == given.schema.hash


def test_two_runs_say_the_same_to_the_bit_and_another_seed_does_not() -> None:
    first, again = trained("random forest"), trained("random forest")
    wanted = Wanted("random forest", {"n_estimators": 5}, 6)
    other = fitting.trained(course(), wanted, LABELS, Backend())

    assert first.predictions_sha256 == again.predictions_sha256
    assert first.bundle.artefact_hash == again.bundle.artefact_hash
    assert first.bundle.card.version == again.bundle.card.version
    assert first.predictions_sha256 != other.predictions_sha256
    assert first.bundle.card.version != other.bundle.card.version


@pytest.mark.slow
@pytest.mark.parametrize("name", ["loky", "dask"])
def test_workers_of_a_backend_make_the_same_model(name: backends.Name) -> None:
    if name == "dask":
        pytest.importorskip("distributed", reason="dask and distributed are not installed")
    wanted = Wanted("random forest", {"n_estimators": 5}, 5)
    spread = fitting.trained(course(), wanted, LABELS, Backend(name, 2))

    assert spread.predictions_sha256 == trained("random forest").predictions_sha256


@pytest.mark.parametrize("estimator", [f"{HERE}:of_names", f"{HERE}:of_types"])
def test_a_pipeline_over_a_data_frame_says_the_same_alone_and_in_company(estimator: str) -> None:
    given = course()
    bundle = trained(estimator, given).bundle
    runtime = bundles.load(bundle)
    matrix = table(bundle).encode_many(given.held_out.rows.records)

    together = bundles.answers(runtime, matrix)
    alone = np.concatenate([bundles.answers(runtime, row[None, :]) for row in matrix])

    assert bundle.card.serving is Kind.JOBLIB
    assert bundle.card.reads == "frame"
    assert np.allclose(together, alone, atol=1e-12)
    assert bundle.card.metrics["accuracy"] > 0.8


def test_quantities_and_several_classes_are_learnt_too() -> None:
    hours = [float(str(row["hours"])) for row in artefacts.rows(200).records]
    kinds = ["short" if each < 20 else "long" if each > 60 else "usual" for each in hours]

    value = trained(f"{HERE}:BOOSTED", course([each * 2 + 0.5 for each in hours]))
    kind = trained("random forest", course(kinds))

    assert value.bundle.card.metrics["r2"] > 0.9
    assert table(value.bundle).target.task == "regression"
    assert table(kind.bundle).target.classes == ("long", "short", "usual")
    assert kind.bundle.card.metrics["accuracy"] > 0.8


def test_what_cannot_be_fitted_or_served_is_one_sentence() -> None:
    with pytest.raises(TrainingFailed, match="unfit cannot be fitted: ArithmeticError"):
        trained(f"{HERE}:unfit")
    with pytest.raises(BundleInvalid, match="no predict_proba"):
        trained(f"{HERE}:MARGINS")


def test_a_required_feature_is_refused_in_serving_by_its_name() -> None:
    schema = course().schema
    lenient = Schema(
        tuple(replace(each, required=False) for each in schema.features), schema.target
    )

    assert lenient.encode({"age": 3})
    with pytest.raises(Exception, match="hours is required"):
        schema.encode({"age": 3})


def test_a_name_and_a_version_may_be_given(tmp_path: Path) -> None:
    labels = replace(LABELS, name="mine", version="2.0")
    wanted = Wanted("random forest", {"n_estimators": 2}, 5)

    card = fitting.trained(course(), wanted, labels, Backend()).bundle.card

    assert (card.name, card.version, card.owner) == ("mine", "2.0", "tests")
