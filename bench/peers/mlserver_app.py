"""MLServer with adaptive batching: its scikit-learn runtime, or one of its user's for ONNX.

`python -m bench.peers.mlserver_app FOLDER` writes the settings that `mlserver start FOLDER` reads.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

from bench.peers.kernels import ONNX, folder, load

RUNTIMES = {True: "bench.peers.mlserver_app.Compiled", False: "mlserver_sklearn.SKLearnModel"}


class Compiled(MLModel):
    """What the manual calls a custom runtime."""

    async def load(self) -> bool:
        self._kernel = load()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        found = NumpyCodec.encode_output("predict_proba", self._kernel.predict(rows))
        return InferenceResponse(model_name=self.name, outputs=[found])


def write(into: Path) -> None:
    """The server and its one model, batched, in the process of its own that is the default."""
    server = {
        "host": "127.0.0.1",
        "http_port": int(os.environ["PORT"]),
        "grpc_port": int(os.environ["GRPC_PORT"]),
        "metrics_endpoint": None,
        "debug": False,  # otherwise each request is a line on stdout
    }
    model = {
        "name": "bench",
        "implementation": RUNTIMES[os.environ["BENCH_KERNEL"] == ONNX],
        "parameters": {"uri": str(folder() / "model.joblib")},
        "max_batch_size": 128,
        "max_batch_time": 0.005,
    }
    into.mkdir(exist_ok=True)
    (into / "settings.json").write_text(json.dumps(server), encoding="utf-8")
    (into / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
