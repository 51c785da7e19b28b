"""How good a model is on rows it has never seen, by what will serve it."""

from __future__ import annotations

import numpy as np

from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.training.dataset import Rows

_LEAST = 1e-15


def metrics(schema: Schema, outputs: Matrix, rows: Rows) -> dict[str, float]:
    """Accuracy, log loss and Brier score of probabilities; the usual errors of values."""
    if schema.target.task == "regression":
        return _of_values(outputs[:, 0], np.asarray(rows.labels, dtype=np.float64))
    return _of_classes(outputs, np.array([str(label) for label in rows.labels]), schema)


def _of_classes(
    probabilities: Matrix, labels: np.ndarray[tuple[int], np.dtype[np.str_]], schema: Schema
) -> dict[str, float]:
    truth = (labels[:, None] == np.array(schema.target.classes)[None, :]).astype(np.float64)
    right = (truth * probabilities).sum(axis=1)
    said = np.array(schema.target.classes)[probabilities.argmax(axis=1)]
    return {
        "rows": float(len(labels)),
        "accuracy": float(np.mean(said == labels)),
        "log_loss": float(-np.mean(np.log(np.maximum(right, _LEAST)))),
        "brier": float(0.5 * np.mean(((probabilities - truth) ** 2).sum(axis=1))),
    }


def _of_values(
    values: np.ndarray[tuple[int], np.dtype[np.float64]],
    truth: np.ndarray[tuple[int], np.dtype[np.float64]],
) -> dict[str, float]:
    errors = values - truth
    spread = float(np.sum((truth - truth.mean()) ** 2))
    found = {
        "rows": float(len(truth)),
        "mean_absolute_error": float(np.mean(np.abs(errors))),
        "root_mean_squared_error": float(np.sqrt(np.mean(errors**2))),
    }
    # Without any spread there is nothing to explain, so no share of it either.
    return found | ({"r2": 1.0 - float(np.sum(errors**2)) / spread} if spread else {})
