"""A rollback reaches the last process within a second of its commit, however it was asked for."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests import servers
from tests.processes import IN_TIME
from tests.servers import Server

pytestmark = [pytest.mark.slow, pytest.mark.alone]

PATH: Final = "/api/v1/breast_cancer/predict"
FLOOR: Final = 1.0  # seconds
STANDS: Final = "select current_status from inference_mlalgorithm where id = 2"


@dataclass
class Both:
    """Two web processes with a worker behind them."""

    data: Path
    clients: list[httpx.Client]
    record: dict[str, Any]

    def algorithms(self) -> set[int]:
        """Those that answer."""
        answers = [client.post(PATH, json=self.record) for client in self.clients]
        assert {answer.status_code for answer in answers} == {200}
        return {answer.json()["algorithm"] for answer in answers}

    def stands(self) -> str:
        with closing(sqlite3.connect(self.data / "weir.sqlite3")) as database:
            [(status,)] = database.execute(STANDS)
        return str(status)

    def promote(self) -> None:
        body = {"force": True, "reason": "a drill"}
        answer = self.clients[0].post("/api/v1/mlalgorithms/2/promote", json=body)
        assert answer.status_code == 200, answer.text
        _moment(lambda: self.algorithms() == {2})


def _moment(so: Callable[[], bool]) -> float:
    """When it became so, to a hundredth of a second."""
    deadline = time.monotonic() + IN_TIME
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return time.monotonic()


@pytest.fixture
def both(data: Path, record: dict[str, Any]) -> Iterator[Both]:
    servers.redis_or_not()
    with Server(data, mode="redis") as first, Server(data, env={**first.env}) as second:
        clients = [httpx.Client(base_url=each.url, timeout=20) for each in (first, second)]
        yield Both(data, clients, record)
        for client in clients:
            client.close()


def test_by_one_command(both: Both) -> None:
    both.promote()
    command = [sys.executable, "manage.py", "rollback", "breast_cancer", "--reason", "a drill"]
    with subprocess.Popen(  # our own command
        command, cwd=servers.ROOT, env=servers.environment(both.data), stdout=subprocess.PIPE
    ) as process:
        committed = _moment(lambda: both.stands() == "rolled_back")
        last = _moment(lambda: both.algorithms() == {1})
        assert process.wait(IN_TIME) == 0

    assert last - committed < FLOOR


def test_by_one_request(both: Both) -> None:
    both.promote()
    begun = time.monotonic()
    answer = both.clients[1].post("/api/v1/endpoints/1/rollback", json={"reason": "a drill"})
    last = _moment(lambda: both.algorithms() == {1})

    assert answer.json() == {"production": 1, "rolled_back": 2}
    assert last - begun < FLOOR
