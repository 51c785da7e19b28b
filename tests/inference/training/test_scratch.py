"""A version is tried where it can do no harm; what happens to it there is a sentence."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline

from inference import bundles
from inference.bundles import Bundle
from inference.core.reach import NOWHERE
from inference.runtimes import loader
from inference.runtimes.confinement import Bounds
from inference.training import pack, scratch
from inference.training.pack import Trial
from tests.inference import artefacts

MATRIX = artefacts.SCHEMA.encode_many(artefacts.rows().records)
HOME = os.getpid()


class Trouble(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Behaves where it was made, and in no other process."""

    def __init__(self, kind: str = "", home: int = HOME) -> None:
        self.kind = kind
        self.home = home
        self.classes_ = np.array(["high", "low"])

    def fit(self, rows: Any, labels: Any) -> Trouble:
        return self

    def predict_proba(self, rows: Any) -> Any:
        if self.kind == "company":
            return np.repeat([[0.5 + len(rows) / 1e4, 0.5 - len(rows) / 1e4]], len(rows), axis=0)
        if os.getpid() != self.home:
            _misbehave(self.kind)
        return np.repeat([[0.25, 0.75]], len(rows), axis=0)


def _misbehave(kind: str) -> None:
    if kind == "dies":
        os._exit(3)
    while kind == "hangs":
        os.sched_yield()
    if kind == "fails":
        raise ArithmeticError("there is no licence file here")


def bundle(kind: str) -> Bundle:
    model = make_pipeline(Trouble(kind))
    return pack.pack(
        artefacts.IDENTITY, artefacts.artefact(model), Trial(artefacts.rows().records, "rows")
    )


@pytest.mark.slow
def test_a_process_of_its_own_says_how_long_and_how_much() -> None:
    found = scratch.tried(artefacts.bundle(), MATRIX)

    assert found.troubles == ()
    assert found.row_us is not None
    assert found.row_p99_us is not None
    assert found.batch_us is not None
    assert 0 < found.row_us <= found.row_p99_us
    assert found.memory_mib is not None
    assert found.memory_mib > 1.0
    assert "troubles" not in found.as_dict()


@pytest.mark.slow
def test_a_strangers_model_is_measured_in_the_child_that_would_serve_it() -> None:
    found = scratch.tried(artefacts.bundle(), MATRIX, NOWHERE, Bounds(512 << 20, 10.0))

    assert found.troubles == ()
    assert found.memory_mib is not None
    assert found.memory_mib > 30.0  # an interpreter with an engine, and not only a pipe


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "sentence"),
    [("dies", "died with 3"), ("hangs", "not done after"), ("fails", "ArithmeticError")],
)
def test_whoever_dies_hangs_or_fails_there_is_told_apart(kind: str, sentence: str) -> None:
    found = scratch.tried(bundle(kind), MATRIX, patience=5.0 if kind == "hangs" else 50.0)

    assert sentence in found.troubles[0]
    assert found.row_us is None


def test_a_row_that_minds_its_neighbours_is_named() -> None:
    data = bundles.write(artefacts.bundle(), artefacts.KEY)
    assert scratch.measured(data, artefacts.KEY, MATRIX).troubles == ()

    runtime = loader.load(artefacts.artefact(make_pipeline(Trouble("company"))))

    assert scratch._alone(runtime, MATRIX[:64]) == pytest.approx(63 / 1e4)
    assert scratch._company(0.0063).endswith("by 6.3e-03.")


def test_a_bundle_that_is_not_what_it_was_is_one_trouble() -> None:
    data = bundles.write(artefacts.bundle(), artefacts.KEY)

    assert len(scratch.measured(data, b"another key", MATRIX).troubles) == 1
