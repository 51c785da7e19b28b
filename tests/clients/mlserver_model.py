"""A model of a few lines that MLServer serves.

Run by the Python of the clients, not by ours: see `test_elsewhere.py`. `python -m` with a folder
and two ports writes what `mlserver start FOLDER` reads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

NAME: Final = "radius"


class Radius(MLModel):
    """A small tumour is likely benign; one whose radius is not known is anything."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        rows = NumpyCodec.decode_input(payload.inputs[0])
        benign = 1.0 / (1.0 + np.exp(np.nan_to_num(rows[:, 0] - 15.0)))
        outputs = [
            NumpyCodec.encode_output("predict", (benign > 0.5).astype(np.int64)),
            NumpyCodec.encode_output("predict_proba", np.stack([benign, 1.0 - benign], axis=1)),
        ]
        return InferenceResponse(model_name=self.name, outputs=outputs)


def write(into: Path, port: int, other_port: int) -> None:
    """One process, so that killing it is the end of the model."""
    server = {
        "host": "127.0.0.1",
        "http_port": port,
        "grpc_port": other_port,
        "metrics_endpoint": None,
        "parallel_workers": 0,
    }
    model = {"name": NAME, "implementation": "tests.clients.mlserver_model.Radius"}
    into.mkdir(exist_ok=True)
    (into / "settings.json").write_text(json.dumps(server), encoding="utf-8")
    (into / "model-settings.json").write_text(json.dumps(model), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
