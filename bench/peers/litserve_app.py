"""LitServe with batching: `python -m bench.peers.litserve_app`."""

from __future__ import annotations

import os
from typing import Any

import litserve
import numpy as np

from bench.peers.kernels import load


class Service(litserve.LitAPI):
    """A row in, an answer out, the rows of a batch together, as in the manual."""

    def setup(self, device: str) -> None:
        self._kernel = load()

    # LitServe reads the annotation, and would ask for a query where this module has only its text.
    def decode_request(self, request):  # type: ignore[no-untyped-def]
        return np.asarray(request["rows"] if "rows" in request else [request["row"]])

    def batch(self, inputs: list[Any]) -> Any:
        self._sizes = [len(each) for each in inputs]
        return np.concatenate(inputs)

    def predict(self, x: Any) -> Any:
        return self._kernel.predict(x)

    def unbatch(self, output: Any) -> list[Any]:
        return np.split(output, np.cumsum(self._sizes)[:-1])

    def encode_response(self, output: Any) -> dict[str, Any]:
        return {"probabilities": output[:, 1].tolist()}


def main() -> None:
    service = Service(max_batch_size=128, batch_timeout=0.005)
    server = litserve.LitServer(service, accelerator="cpu")
    server.run(
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        generate_client_file=False,
        log_level="warning",
        num_api_servers=1,
    )


if __name__ == "__main__":
    main()
