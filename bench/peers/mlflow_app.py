"""MLflow: `python -m bench.peers.mlflow_app FOLDER` saves what `mlflow models serve` serves."""

from __future__ import annotations

import os
import sys

import joblib
import mlflow
import onnx

from bench.peers.kernels import ONNX, folder


def save(path: str) -> None:
    """With the flavour of the kernel; none of them batches requests."""
    if os.environ["BENCH_KERNEL"] == ONNX:
        mlflow.onnx.save_model(onnx.load(folder() / "model.onnx"), path, pip_requirements=[])
        return
    model = joblib.load(folder() / "model.joblib")
    mlflow.sklearn.save_model(
        model,
        path,
        pyfunc_predict_fn="predict_proba",
        serialization_format="cloudpickle",
        pip_requirements=[],
    )


if __name__ == "__main__":
    save(sys.argv[1])
