"""Models of each kind that a runtime may be, to see where their batches are best computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import thread_time
from typing import Any, Final

import joblib
import numpy as np
import sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from inference.core.schema import Feature, Schema, Target
from inference.core.tensors import Matrix
from inference.runtimes import loader
from inference.runtimes.base import Artefact
from inference.runtimes.base import Kind as Format

Predict = Callable[[Matrix], Matrix]
_OPSET: Final = {"": 21, "ai.onnx.ml": 3}
_SLOW_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Kind:
    """`make` fits an estimator; None is a model that is nothing but slow Python."""

    name: str
    format: Format
    make: Callable[[], Any] | None

    def prepare(self, folder: Path) -> None:
        if self.make is None:
            return
        rows = _scaled()
        model = self.make().fit(rows, load_breast_cancer().target)
        if self.format is Format.ONNX:
            self._file(folder).write_bytes(_compiled(model, rows))
        else:
            joblib.dump(model, self._file(folder))

    def load(self, folder: Path) -> Predict:
        if self.make is None:
            return _slow
        data, libraries = self._file(folder).read_bytes(), {"scikit-learn": sklearn.__version__}
        runtime = loader.load(Artefact(self.format, data, _schema(), libraries=libraries))
        return lambda rows: runtime.predict((rows,))[0]  # type: ignore[return-value]  # a matrix

    def rows(self, count: int) -> Matrix:
        return np.ascontiguousarray(_scaled()[:count])

    def _file(self, folder: Path) -> Path:
        return folder / f"{self.name}.model"


def _scaled() -> Matrix:
    rows: Matrix = load_breast_cancer().data
    scaled: Matrix = (rows - rows.mean(axis=0)) / rows.std(axis=0)
    return scaled


def _compiled(model: Any, rows: Matrix) -> bytes:
    from skl2onnx import to_onnx

    graph = to_onnx(
        model, rows[:1].astype(np.float32), options={"zipmap": False}, target_opset=_OPSET
    )
    return bytes(graph.SerializeToString())


def _schema() -> Schema:
    names = load_breast_cancer().feature_names
    features = tuple(Feature(str(name), "number") for name in names)
    return Schema(features, Target("y", "binary", ("0", "1")))


def _slow(rows: Matrix) -> Matrix:
    """Never lets go of the interpreter by itself, as a model that its author wrote in Python."""
    until, turns = thread_time() + _SLOW_SECONDS, 0
    while thread_time() < until:
        turns += 1
    return np.full((len(rows), 2), 0.5)


KINDS: Final = (
    Kind("logistic regression, ONNX", Format.ONNX, lambda: LogisticRegression(max_iter=200)),
    Kind("forest of 100, ONNX", Format.ONNX, lambda: RandomForestClassifier(100, random_state=7)),
    Kind("logistic regression", Format.JOBLIB, lambda: LogisticRegression(max_iter=200)),
    Kind("histogram boosting", Format.JOBLIB, HistGradientBoostingClassifier),
    Kind("forest of 100", Format.JOBLIB, lambda: RandomForestClassifier(100, random_state=7)),
    Kind("20 ms of Python", Format.JOBLIB, None),
)
