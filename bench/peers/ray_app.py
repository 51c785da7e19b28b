"""Ray Serve with batching: `python -m bench.peers.ray_app`, one replica on a Ray of its own."""

from __future__ import annotations

import os
import signal
from typing import Any

import ray
from ray import serve
from starlette.requests import Request

from bench.peers.kernels import load


@serve.deployment(num_replicas=1, max_ongoing_requests=512, ray_actor_options={"num_cpus": 1})
class Service:
    """Rows of several requests share a call, as in the manual."""

    def __init__(self) -> None:
        self._kernel = load()

    @serve.batch(max_batch_size=128, batch_wait_timeout_s=0.005)
    async def batched(self, rows: list[list[float]]) -> list[Any]:
        return list(self._kernel.predict(rows))

    async def __call__(self, request: Request) -> Any:
        said = await request.json()
        if "rows" in said:
            return {"probabilities": self._kernel.predict(said["rows"])[:, 1].tolist()}
        return self._kernel.answer(await self.batched(said["row"]))


def main() -> None:
    names = ("BENCH_DIR", "BENCH_KERNEL", "PYTHONPATH")
    shared = {"env_vars": {name: os.environ[name] for name in names}}
    ray.init(
        include_dashboard=False,
        runtime_env=shared,
        log_to_driver=False,
        _node_ip_address="127.0.0.1",
    )
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    deployment: Any = Service  # what the decorator made of it
    serve.run(deployment.bind(), route_prefix="/predict")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    ray.shutdown()


if __name__ == "__main__":
    main()
