"""The wrapper around the pickled model, and the dict in which each worker holds it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import joblib
import pandas as pd

from bench.peers.tutorial.models import Endpoint, MLAlgorithm, MLAlgorithmStatus

Answer = dict[str, Any]


class Forest:
    """Preprocess, predict, postprocess; any failure is an answer."""

    def __init__(self) -> None:
        folder = Path(os.environ["BENCH_DIR"])
        self._fill: Any = joblib.load(folder / "means.joblib")
        self._model: Any = joblib.load(folder / "of_frames.joblib")

    def compute_prediction(self, record: Answer) -> Answer:
        try:
            scores = self._model.predict_proba(self._preprocessed(record))[0]
            return self._answer(scores)
        except Exception as error:  # noqa: BLE001  # the tutorial answers so
            return {"status": "Error", "message": str(error)}

    def _preprocessed(self, record: Answer) -> pd.DataFrame:
        return pd.DataFrame(record, index=[0]).fillna(self._fill)

    def _answer(self, scores: Any) -> Answer:
        label = self._model.classes_[1 if scores[1] > 0.5 else 0]
        return {"probability": float(scores[1]), "label": str(label), "status": "OK"}


class Registry:
    """Algorithm id to the object that predicts, filled when a worker imports the WSGI module."""

    def __init__(self) -> None:
        self.endpoints: dict[int, Forest] = {}

    def add_algorithm(self, endpoint_name: str, algorithm: Forest) -> None:
        endpoint, _ = Endpoint.objects.get_or_create(name=endpoint_name, owner="bench")
        row, created = MLAlgorithm.objects.get_or_create(
            name="random forest",
            description="100 trees",
            code="",
            version="0.0.1",
            owner="bench",
            parent_endpoint=endpoint,
        )
        if created:
            MLAlgorithmStatus.objects.create(
                status="production", active=True, created_by="bench", parent_mlalgorithm=row
            )
        self.endpoints[row.pk] = algorithm


REGISTRY = Registry()
