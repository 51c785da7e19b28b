"""How a scikit-learn model predicts, in the version it was trained with."""

from __future__ import annotations

import io
import warnings
from typing import Any, Protocol

import joblib
import numpy as np
import sklearn
from sklearn.exceptions import InconsistentVersionWarning

from inference.core.errors import BundleInvalid
from inference.core.schema import Schema
from inference.core.tensors import Matrix, Tensors
from inference.runtimes import archive
from inference.runtimes.base import Artefact, Kind, Reads, width

_SKOPS_LIMITS = archive.Limits(packed=256 << 20, unpacked=1 << 30, entries=100_000)

# Types beyond those skops trusts by itself that a model may hold. Each is a plain container of
# arrays without side effects when it is built. Never extend it by what a file asks for.
TRUSTED = frozenset(
    {
        "numpy.dtype",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
    }
)


class Estimator(Protocol):
    """As much of scikit-learn's interface as every fitted model has."""

    def get_params(self, *, deep: bool = True) -> dict[str, object]: ...
    def set_params(self, **params: object) -> Estimator: ...
    def predict(self, rows: Any) -> Any: ...


class SklearnRuntime:
    """A fitted estimator, asked for probabilities or values."""

    inline_ok = True

    def __init__(self, model: Estimator, artefact: Artefact) -> None:
        self.kind = artefact.kind
        self.model = model
        self._schema = artefact.schema
        self._reads = artefact.reads
        self._width = width(artefact.schema)
        self._columns = _columns(model, artefact.schema)
        self._call = _method(model, artefact.schema)
        self._frame_columns = _frame_columns(model, artefact)

    def predict(self, tensors: Tensors) -> Tensors:
        matrix = np.asarray(tensors[0], dtype=np.float64)
        out = np.asarray(self._call(self._rows(matrix)), dtype=np.float64)
        out = out.reshape(len(matrix), self._width)
        return (out if self._columns is None else out[:, self._columns],)

    def close(self) -> None:
        self._call = None

    def _rows(self, matrix: Matrix) -> Any:
        if self._reads == "matrix":
            return matrix
        return frame(self._schema, matrix)[self._frame_columns]


def load(artefact: Artefact) -> SklearnRuntime:
    """The estimator in these bytes; raises BundleInvalid."""
    _check_version(artefact)
    return SklearnRuntime(estimator(artefact.kind, artefact.data), artefact)


def estimator(kind: Kind, data: bytes) -> Estimator:
    """The object in the file. A joblib file runs code while it is read: only our own, signed."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            return _single_threaded(_READERS[kind](data))
        except BundleInvalid:
            raise
        except InconsistentVersionWarning as warning:
            raise BundleInvalid(_other_version(warning.original_sklearn_version)) from warning
        except Exception as error:  # a pickle of another version may fail in any way
            raise BundleInvalid(f"The model cannot be read: {type(error).__name__}.") from error


def frame(schema: Schema, matrix: Matrix) -> Any:
    """The rows as the data frame that a model is fitted on, and asked with; raises BundleInvalid.

    A column of categories has the type of texts also where all of them happen to be missing, so
    that a row is read alike whatever it comes with.
    """
    pandas = _pandas()
    categories = {each.name for each in schema.features if each.kind == "category"}
    columns = {
        name: pandas.Series([*values, ""])[:-1] if name in categories else values
        for name, values in schema.decode(matrix).items()
    }
    return pandas.DataFrame(columns)


def wants(model: Estimator) -> Reads:
    """A frame if the model was fitted on named columns, else the schema's matrix."""
    return "frame" if hasattr(model, "feature_names_in_") else "matrix"


def _from_joblib(data: bytes) -> Any:
    return joblib.load(io.BytesIO(data))


def _from_skops(data: bytes) -> Any:
    from skops import io as skops

    # skops opens any zip: look at it first.
    archive.members(data, _SKOPS_LIMITS, allowed=_plain_name)
    untrusted = set(skops.get_untrusted_types(data=data))
    if not untrusted <= TRUSTED:
        strangers = ", ".join(sorted(untrusted - TRUSTED))
        raise BundleInvalid(f"The file holds types that are not trusted: {strangers[:200]}.")
    return skops.loads(data, trusted=sorted(untrusted))


_READERS = {Kind.JOBLIB: _from_joblib, Kind.SKOPS: _from_skops}


def _plain_name(name: str) -> bool:
    return name == "schema.json" or (name.endswith(".npy") and "/" not in name and "\\" not in name)


def _single_threaded(model: Estimator) -> Estimator:
    """A pool per call costs more than it gives for one batch, and sums in changing order."""
    if not hasattr(model, "get_params"):
        raise BundleInvalid("The file holds no scikit-learn estimator.")
    jobs = {name: 1 for name in model.get_params() if name.rpartition("__")[2] == "n_jobs"}
    return model.set_params(**jobs)


def _check_version(artefact: Artefact) -> None:
    written = artefact.libraries.get("scikit-learn", "an unknown version")
    if written != sklearn.__version__:
        raise BundleInvalid(_other_version(written))


def _other_version(written: str) -> str:
    return (
        f"The model was written by scikit-learn {written}, here is {sklearn.__version__}: "
        "train it again, or register it as ONNX."
    )


def _method(model: Estimator, schema: Schema) -> Any:
    name = "predict" if schema.target.task == "regression" else "predict_proba"
    method = getattr(model, name, None)
    if method is None:
        raise BundleInvalid(f"{type(model).__name__} has no {name}.")
    return method


def _columns(model: Estimator, schema: Schema) -> list[int] | None:
    """Where the schema's classes stand in the model's output; None if in the same order."""
    if schema.target.task == "regression":
        return None
    classes = [str(each) for each in getattr(model, "classes_", [])]
    if sorted(classes) != sorted(schema.target.classes):
        raise BundleInvalid(f"The model's classes {classes[:20]} are not those of its schema.")
    columns = [classes.index(each) for each in schema.target.classes]
    return None if columns == sorted(columns) else columns


def _frame_columns(model: Estimator, artefact: Artefact) -> list[str]:
    """The columns in the order the model was fitted on; nothing for one that reads a matrix."""
    if artefact.reads == "matrix":
        return []
    _pandas()
    names = [str(name) for name in getattr(model, "feature_names_in_", artefact.schema.names)]
    strangers = sorted(set(names) - set(artefact.schema.names))
    if strangers:
        raise BundleInvalid(f"The model reads {strangers[:20]}, which its schema does not have.")
    return names


def _pandas() -> Any:
    try:
        import pandas as pd
    except ImportError as error:
        raise BundleInvalid("This model reads data frames, and pandas is not installed.") from error
    return pd
