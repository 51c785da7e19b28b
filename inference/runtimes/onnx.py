"""How an ONNX graph predicts, by ONNX Runtime, without scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort

from inference.core.errors import BundleInvalid
from inference.core.tensors import Tensors, unrounded
from inference.runtimes.base import Artefact, Kind, width

_INPUTS = {"tensor(float)": np.float32, "tensor(double)": np.float64}
_SEVERITY_ERROR = 3


class OnnxRuntime:
    """One session, one thread: the batch is the parallelism."""

    kind = Kind.ONNX
    inline_ok = True

    def __init__(self, session: ort.InferenceSession, artefact: Artefact) -> None:
        source = _input(session, artefact.schema.width)
        self._input_name = source.name
        self._dtype = _INPUTS[source.type]
        self._outputs = [_output(session)]
        self._width = width(artefact.schema)
        self._probabilities = artefact.schema.target.task != "regression"
        self._run: Any = session.run

    def predict(self, tensors: Tensors) -> Tensors:
        rows = tensors[0].astype(self._dtype, copy=False)
        (out,) = self._run(self._outputs, {self._input_name: rows})
        out = out.astype(np.float64).reshape(len(rows), self._width)
        return (unrounded(out) if self._probabilities else out,)

    def close(self) -> None:
        self._run = None


def load(artefact: Artefact) -> OnnxRuntime:
    """The session over these bytes; raises BundleInvalid."""
    return OnnxRuntime(session(artefact.data), artefact)


def session(data: bytes) -> ort.InferenceSession:
    """One thread over the graph in these bytes; raises BundleInvalid."""
    try:
        return ort.InferenceSession(data, _options(), providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a dozen unrelated errors for one meaning
        raise BundleInvalid(f"ONNX Runtime refuses the model: {_short(error)}") from error


def _options() -> ort.SessionOptions:
    options = ort.SessionOptions()
    # A pool per model would fight the other models and the event loop for two cores.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = _SEVERITY_ERROR
    options.use_deterministic_compute = True
    return options


def _input(session: ort.InferenceSession, features: int) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _INPUTS or len(inputs[0].shape) != 2:
        raise BundleInvalid("The model must read one matrix of floats: rows by features.")
    columns = inputs[0].shape[1]
    if isinstance(columns, int) and columns != features:
        raise BundleInvalid(f"The model reads {columns} features, its schema has {features}.")
    return inputs[0]


def _output(session: ort.InferenceSession) -> str:
    """The name of the output that holds numbers; the label is ours to say, from the classes."""
    outputs = session.get_outputs()
    if any("map(" in output.type for output in outputs):
        raise BundleInvalid("The model puts out maps; convert it with the option zipmap=False.")
    numbers = [output.name for output in outputs if output.type in _INPUTS]
    if len(numbers) != 1:
        raise BundleInvalid(f"The model has {len(numbers)} outputs of floats, not one.")
    return str(numbers[0])


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
