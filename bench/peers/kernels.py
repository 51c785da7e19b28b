"""The model as a peer's user holds it: scikit-learn's own, or the compiled one.

Runs in the peers' environments, where nothing of ours is installed: only numpy, joblib,
scikit-learn and ONNX Runtime.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

SKLEARN: Final = "scikit-learn"
ONNX: Final = "ONNX"
Predict = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Kernel:
    """`predict` turns a matrix into the probabilities of each class."""

    predict: Predict
    names: Sequence[str]
    classes: Sequence[str]
    codes: Mapping[str, Mapping[str, float]]

    def row(self, record: Mapping[str, Any]) -> list[float]:
        """A record by name as the numbers that the model reads."""
        if not self.codes:
            return [record[name] for name in self.names]
        return [self._number(name, record[name]) for name in self.names]

    def answer(self, probabilities: Any) -> dict[str, float | str]:
        """What is said of one row."""
        second = float(probabilities[1])
        return {"probability": second, "label": self.classes[second > 0.5]}

    def _number(self, name: str, value: Any) -> float:
        codes = self.codes.get(name)
        return float(value) if codes is None else codes.get(value, float("nan"))


def folder() -> Path:
    """Where the run put the model."""
    return Path(os.environ["BENCH_DIR"])


def load() -> Kernel:
    """What BENCH_KERNEL says, out of BENCH_DIR."""
    told = json.loads((folder() / "job.json").read_text(encoding="utf-8"))
    codes = {
        name: {value: float(at) for at, value in enumerate(values)}
        for name, values in told["categories"].items()
    }
    predict = _compiled() if os.environ["BENCH_KERNEL"] == ONNX else _original()
    return Kernel(predict, told["names"], told["classes"], codes)


def _original() -> Predict:
    import joblib

    model = joblib.load(folder() / "model.joblib")
    return lambda rows: model.predict_proba(np.asarray(rows, dtype=np.float64))


def _compiled() -> Predict:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # more of them fight for two cores, and are slower here
    session = onnxruntime.InferenceSession(str(folder() / "model.onnx"), options)
    (source,) = session.get_inputs()
    kind = np.float64 if "double" in source.type else np.float32
    outputs = [session.get_outputs()[-1].name]
    return lambda rows: session.run(outputs, {source.name: np.asarray(rows, dtype=kind)})[0]
