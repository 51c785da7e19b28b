"""A model that waits instead of computing, so that workers count even where cores are lacking."""

from __future__ import annotations

import time
from typing import Any, Final

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

BATCH_SECONDS: Final = 0.02


class Sleeper(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # these have no types
    """Takes as long for any batch; says of each row what its first number says."""

    def fit(self, rows: Any, classes: Any) -> Sleeper:
        self.classes_ = np.unique(classes)
        return self

    def predict_proba(self, rows: Any) -> Any:
        time.sleep(BATCH_SECONDS)
        second = np.asarray(rows, dtype=np.float64)[:, 0]
        return np.column_stack([1.0 - second, second])

    def predict(self, rows: Any) -> Any:
        return self.classes_[(self.predict_proba(rows)[:, 1] > 0.5).astype(int)]
