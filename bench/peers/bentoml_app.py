"""BentoML with its adaptive batching: `bentoml serve bench.peers.bentoml_app:Service`."""

from __future__ import annotations

import bentoml
import numpy as np

from bench.peers.kernels import load


@bentoml.service(workers=1, traffic={"timeout": 60})
class Service:
    """One batchable method, as in the manual."""

    def __init__(self) -> None:
        self._kernel = load()

    @bentoml.api(batchable=True, max_batch_size=128, max_latency_ms=1000)
    def predict(self, rows: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.asarray(self._kernel.predict(rows))
        return found
