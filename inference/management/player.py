"""Plays labelled rows against a running server as its clients would: ask, later say the truth."""

from __future__ import annotations

import heapq
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple

from weir_client import Client, Retries
from weir_client.errors import LineError, WeirError

TIMEOUT: Final = 15.0  # seconds for one request
RETRIES: Final = Retries(attempts=3, total=TIMEOUT)
WORKERS: Final = 12
IN_FLIGHT: Final = 48  # a server that is slower than the rate is not buried under a queue of ours
LOOK: Final = 0.05  # seconds between two looks at what is due


class Row(NamedTuple):
    """What is sent, to which endpoint, on whose behalf, and what the right answer is."""

    endpoint: str
    record: Mapping[str, object]
    subject: str
    label: str
    delay: float | None  # seconds until the truth is known; None if it never is


@dataclass(frozen=True, slots=True)
class Pace:
    """How many rows a second at most, and for how long if the server keeps up."""

    rate: float
    seconds: float

    @property
    def rows(self) -> int:
        return max(1, round(self.rate * self.seconds))


class Player:
    """Sends rows at a pace and labels when they are due; `told` hears how far it is."""

    def __init__(self, server: Client, told: Callable[[Counter[str]], None]) -> None:
        self._server = server
        self._told = told
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._room = threading.BoundedSemaphore(IN_FLIGHT)
        self._due: list[tuple[float, int, str]] = []

    def play(self, rows: Iterator[Row], pace: Pace) -> Counter[str]:
        """Until all are sent or somebody interrupts; labels that are still due go out at once."""
        with ThreadPoolExecutor(WORKERS, thread_name_prefix="traffic") as pool:
            try:
                self._run(rows, pace, pool)
            except KeyboardInterrupt:
                pool.shutdown(wait=True, cancel_futures=True)
                return self._counts
            self._label(pool, until=float("inf"))
        self._told(self._counts)
        return self._counts

    def _run(self, rows: Iterator[Row], pace: Pace, pool: ThreadPoolExecutor) -> None:
        sent, owed, looked = 0, 1.0, time.monotonic()
        while sent < pace.rows:
            for _ in range(min(int(owed), pace.rows - sent)):
                self._submit(pool, self._predict, next(rows))
                sent, owed = sent + 1, owed - 1
            self._label(pool, until=looked)
            self._told(self._counts)
            time.sleep(min(LOOK, 1 / pace.rate))
            before, looked = looked, time.monotonic()
            # What a slow server could not take is not made up for by a flood.
            owed += min(looked - before, 4 * LOOK) * pace.rate

    def _label(self, pool: ThreadPoolExecutor, until: float) -> None:
        while True:
            with self._lock:
                if not self._due or self._due[0][0] > until:
                    return
                _, request_id, label = heapq.heappop(self._due)
            self._submit(pool, self._tell, request_id, label)

    def _submit(self, pool: ThreadPoolExecutor, verb: Callable[..., str], *what: object) -> None:
        self._room.acquire()
        pool.submit(self._counted, verb, *what)

    def _counted(self, verb: Callable[..., str], *what: object) -> None:
        try:
            outcome = verb(*what)
        except LineError:
            outcome = "unreachable"
        finally:
            self._room.release()
        with self._lock:
            self._counts[outcome] += 1

    def _predict(self, row: Row) -> str:
        try:
            answer = self._server.predict(row.endpoint, row.record, subject=row.subject)
        except LineError:
            raise
        except WeirError:
            return "refused"
        if row.delay is not None:
            due = (time.monotonic() + row.delay, answer.request_id, row.label)
            with self._lock:
                heapq.heappush(self._due, due)
        return "right" if answer.label == row.label else "wrong"

    def _tell(self, request_id: int, label: str) -> str:
        try:
            self._server.feedback(request_id, label)
        except LineError:
            raise
        except WeirError:
            return "unlabelled"
        return "labelled"
