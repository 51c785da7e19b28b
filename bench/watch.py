"""Answers are checked while the load is on: some rows a second, each compared."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Sequence
from typing import Protocol

from bench.problem import BenchFailed
from bench.workload import Workload

PAUSE = 0.05


class Caller:
    """A keep-alive connection that asks for rows and compares the answers with the model's."""

    def __init__(self, port: int, path: str, workload: Workload) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=30.0)
        self._path = path
        self._workload = workload
        self._bodies: Sequence[bytes] = workload.bodies

    def check(self, index: int) -> None:
        """Raises BenchFailed unless the answer is right."""
        headers = {"Content-Type": "application/json"}
        self._line.request("POST", self._path, self._bodies[index], headers)
        answer = self._line.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise BenchFailed(f"{self._path} answered {answer.status}: {text[:300]!r}")
        probability = json.loads(text).get("probability")
        if probability is None or not self._workload.right(index, probability):
            raise BenchFailed(f"{self._path} answered wrongly to row {index}: {text[:300]!r}")

    def check_all(self) -> None:
        for index in range(len(self._bodies)):
            self.check(index)

    def close(self) -> None:
        self._line.close()


class Checks(Protocol):
    """Whoever asks for one row and raises if the answer is wrong."""

    def check(self, index: int) -> None: ...

    def close(self) -> None: ...


class Watch:
    """Checks in a thread for as long as the context lasts; a wrong answer is raised at its end."""

    def __init__(self, caller: Checks, rows: int) -> None:
        self._caller = caller
        self._rows = rows
        self._over = threading.Event()
        self._failed: Exception | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(60.0)
        self._caller.close()
        if self._failed is not None:
            raise BenchFailed(str(self._failed)) from self._failed

    def _run(self) -> None:
        turn = 0
        try:
            while not self._over.wait(PAUSE):
                self._caller.check(turn % self._rows)
                turn += 1
        except Exception as error:  # noqa: BLE001  # raised where the context ends
            self._failed = error
