"""When the Redis between web and worker dies, both find the one that takes its place."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import httpx
import redis

from tests import redises
from tests.servers import Server, Worker

PATH = "/api/v1/breast_cancer/predict"
SECONDS = 15.0  # 1 until the sentinel believes it, 1 to 2 to promote, then what a heartbeat takes


def test_predictions_go_on_under_the_next_primary(
    data: Path, tmp_path: Path, record: dict[str, Any]
) -> None:
    with redises.watched(tmp_path) as watched:
        env = {"REDIS_URL": watched.url}
        with Worker(data, env), Server(data, env=env) as server:
            _until_answered(server, record)

            with redis.Redis(port=watched.primary) as primary:
                primary.shutdown(nosave=True, now=True, force=True)

            _until_answered(server, record)


def _until_answered(server: Server, record: dict[str, Any]) -> None:
    """Asks again as long as it is told to."""
    deadline = time.monotonic() + SECONDS
    while (answer := _ask(server, record)).status_code != 200:
        assert answer.status_code in {503, 504}, answer.text
        assert time.monotonic() < deadline, server.log[-2000:]
        time.sleep(min(float(answer.headers.get("Retry-After", 0)), 0.2))


def _ask(server: Server, record: dict[str, Any]) -> httpx.Response:
    return httpx.post(f"{server.url}{PATH}", json=record, timeout=SECONDS)
