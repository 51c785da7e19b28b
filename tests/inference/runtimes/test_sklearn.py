"""A scikit-learn model is read in its own version, and runs nobody's code on the way."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import sys
import zipfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from skops import io as skops

from inference.core.errors import BundleInvalid
from inference.core.schema import Schema, Target
from inference.runtimes import loader
from inference.runtimes import sklearn as runtime
from inference.runtimes.base import Artefact, Kind
from tests.inference import artefacts

SCHEMA = artefacts.SCHEMA
ROWS = artefacts.rows()
MATRIX = np.nan_to_num(SCHEMA.encode_many(ROWS.records))
LABELS = list(ROWS.labels)


def skops_artefact(model: Any) -> Artefact:
    return dataclasses.replace(artefacts.artefact(), kind=Kind.SKOPS, data=skops.dumps(model))


def test_a_joblib_file_gives_probabilities() -> None:
    model = artefacts.forest()
    matrix = SCHEMA.encode_many(ROWS.records)

    (out,) = loader.load(artefacts.artefact()).predict((matrix,))

    assert out.tolist() == model.predict_proba(matrix).tolist()


def test_a_regression_gives_one_column() -> None:
    model = artefacts.regression()
    matrix = SCHEMA.encode_many(ROWS.records)

    (out,) = loader.load(artefacts.artefact(model, artefacts.VALUES)).predict((matrix,))

    assert out.tolist() == [[value] for value in model.predict(matrix)]


@pytest.mark.parametrize(
    "model",
    [
        RandomForestClassifier(3, random_state=0),
        ExtraTreesClassifier(3, random_state=0),
        HistGradientBoostingClassifier(max_iter=3),
        LogisticRegression(max_iter=500),
        KNeighborsClassifier(),
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=500)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_skops_file_gives_the_same_as_the_model_in_it(model: Any) -> None:
    model.fit(MATRIX, LABELS)

    (out,) = loader.load(skops_artefact(model)).predict((MATRIX,))

    assert out.tolist() == model.predict_proba(MATRIX).tolist()


def test_columns_follow_the_schema_s_classes_whatever_the_model_s_order() -> None:
    turned = Schema(SCHEMA.features, Target("income", "binary", ("low", "high")))
    model = LogisticRegression(max_iter=500).fit(MATRIX, LABELS)

    (out,) = loader.load(artefacts.artefact(model, turned)).predict((MATRIX,))

    assert out.tolist() == model.predict_proba(MATRIX)[:, ::-1].tolist()


def test_numbers_as_classes_are_matched_by_their_text() -> None:
    schema = Schema(SCHEMA.features, Target("y", "binary", ("0", "1")))
    model = DummyClassifier().fit(MATRIX, [label == "high" for label in LABELS])
    model.classes_ = np.array([0, 1])

    assert loader.load(artefacts.artefact(model, schema)).predict((MATRIX,))[0].shape == (120, 2)


def test_a_model_of_other_classes_is_refused() -> None:
    model = DummyClassifier().fit(MATRIX, ["yes" if label == "high" else "no" for label in LABELS])

    with pytest.raises(BundleInvalid, match="not those of its schema"):
        loader.load(artefacts.artefact(model))


def test_a_classifier_without_probabilities_is_refused() -> None:
    from sklearn.svm import LinearSVC

    model = LinearSVC().fit(MATRIX, LABELS)

    with pytest.raises(BundleInvalid, match="LinearSVC has no predict_proba"):
        loader.load(artefacts.artefact(model))


def test_a_file_without_an_estimator_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="no scikit-learn estimator"):
        loader.load(artefacts.artefact({"not": "a model"}))


def test_serving_uses_one_thread_whatever_training_used() -> None:
    model = RandomForestClassifier(3, n_jobs=2, random_state=0).fit(MATRIX, LABELS)

    loaded: Any = runtime.load(artefacts.artefact(model)).model

    assert loaded.n_jobs == 1


def test_a_model_of_another_version_is_refused_before_it_is_read() -> None:
    bad = dataclasses.replace(
        artefacts.artefact(), data=b"\x80\x04garbage", libraries={"scikit-learn": "0.1"}
    )

    with pytest.raises(BundleInvalid, match=r"written by scikit-learn 0\.1"):
        loader.load(bad)


def test_a_file_that_says_it_is_of_another_version_is_refused() -> None:
    version = sklearn.__version__.encode()
    old = artefacts.dump(artefacts.forest()).replace(version, b"1.0.0".ljust(len(version), b"0"))

    with pytest.raises(BundleInvalid, match="train it again"):
        loader.load(dataclasses.replace(artefacts.artefact(), data=old))


@pytest.mark.parametrize("kept", [2, 100, -1])
def test_a_truncated_model_is_refused(kept: int) -> None:
    cut = artefacts.artefact().data[:kept]

    with pytest.raises(BundleInvalid, match="cannot be read"):
        loader.load(dataclasses.replace(artefacts.artefact(), data=cut))


# -- frames --------------------------------------------------------------------------------------


def on_frames() -> Any:
    frame = pd.DataFrame(SCHEMA.decode(MATRIX))[["work", "hours", "age"]]
    one_hot = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["work"]), remainder="passthrough"
    )
    return make_pipeline(one_hot, RandomForestClassifier(3, random_state=0)).fit(frame, LABELS)


def test_a_model_fitted_on_a_frame_gets_its_columns_by_name() -> None:
    model = on_frames()
    assert runtime.wants(model) == "frame"

    (out,) = loader.load(dataclasses.replace(artefacts.artefact(model), reads="frame")).predict(
        (MATRIX,)
    )

    assert out.tolist() == model.predict_proba(pd.DataFrame(SCHEMA.decode(MATRIX))).tolist()


def test_a_frame_without_a_column_the_model_wants_is_refused() -> None:
    narrow = Schema(SCHEMA.features[1:], SCHEMA.target)

    with pytest.raises(BundleInvalid, match=r"reads \['age'\]"):
        loader.load(dataclasses.replace(artefacts.artefact(on_frames(), narrow), reads="frame"))


def test_a_model_that_wants_frames_says_so_where_pandas_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanting = dataclasses.replace(artefacts.artefact(on_frames()), reads="frame")
    monkeypatch.setitem(sys.modules, "pandas", None)

    with pytest.raises(BundleInvalid, match="pandas is not installed"):
        loader.load(wanting)


# -- files that mean harm ------------------------------------------------------------------------


class Touch:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.trace,)


def rezipped(data: bytes, **changes: bytes) -> bytes:
    """The archive with members changed or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        members = {name: old.read(name) for name in old.namelist()} | changes
        for name, content in members.items():
            new.writestr(name, content)
    return buffer.getvalue()


def forged(**node: object) -> bytes:
    """A skops file whose root is this node."""
    root = {"__class__": "x", "__module__": "y", "__loader__": "ObjectNode", "__id__": 1, **node}
    schema = {"protocol": 2, "_skops_version": "0.16.0", **root}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("schema.json", json.dumps(schema))
    return buffer.getvalue()


def joblib_of(thing: object) -> bytes:
    buffer = io.BytesIO()
    joblib.dump(thing, buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("claimed", [Kind.ONNX, Kind.SKOPS])
def test_a_renamed_pickle_is_refused_without_running(tmp_path: Path, claimed: Kind) -> None:
    trace = tmp_path / "ran"

    with pytest.raises(BundleInvalid):
        loader.load(Artefact(claimed, joblib_of(Touch(trace)), SCHEMA, libraries={}))

    assert not trace.exists()


def test_a_pickle_without_this_version_on_its_label_is_not_even_read(tmp_path: Path) -> None:
    trace = tmp_path / "ran"

    with pytest.raises(BundleInvalid):
        loader.load(Artefact(Kind.JOBLIB, joblib_of(Touch(trace)), SCHEMA, libraries={}))

    assert not trace.exists()


def named(function: Any) -> dict[str, str]:
    return {"__class__": function.__name__, "__module__": function.__module__}


HOSTILE = {
    "calls os.system": forged(**named(os.system), __loader__="FunctionNode"),
    "is a type nobody trusts": forged(**named(zipfile.ZipFile), __loader__="TypeNode"),
    "hides behind an operator": forged(
        __class__="methodcaller",
        __module__="operator",
        __loader__="OperatorFuncNode",
        attrs={
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "__id__": 2,
            "content": [],
        },
    ),
    "has an unknown loader": forged(__loader__="NoSuchNode"),
    "has no schema": rezipped(forged(), **{"schema.json": b"{}"}),
    "is no JSON": rezipped(forged(), **{"schema.json": b"\xff"}),
    "climbs out": rezipped(forged(), **{"../evil.npy": b""}),
    "starts at the root": rezipped(forged(), **{"/tmp/evil.npy": b""}),  # noqa: S108  # never written
    "carries a script": rezipped(forged(), **{"evil.py": b"import os"}),
    "carries another zip": rezipped(forged(), **{"evil.npz": forged()}),
    "is nested without end": rezipped(forged(), **{"schema.json": b'{"a":' * 100_000}),
    "is only a name": b"PK\x03\x04" + bytes(100),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_skops_file_is_refused(data: bytes) -> None:
    with pytest.raises(BundleInvalid):
        runtime.estimator(Kind.SKOPS, data)


def test_a_skops_file_does_not_choose_what_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    model = RandomForestClassifier(2, random_state=0).fit(MATRIX, LABELS)
    data = skops.dumps(model)
    monkeypatch.setattr(runtime, "TRUSTED", frozenset())

    with pytest.raises(BundleInvalid, match=r"not trusted: sklearn\.tree\._tree\.Tree"):
        runtime.estimator(Kind.SKOPS, data)
