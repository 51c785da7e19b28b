"""Plays labelled rows against a running server as its clients would: ask, later say the truth."""

from __future__ import annotations

import heapq
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlsplit

TIMEOUT: Final = 15.0  # seconds for one request
WORKERS: Final = 12
IN_FLIGHT: Final = 48  # a server that is slower than the rate is not buried under a queue of ours
LOOK: Final = 0.05  # seconds between two looks at what is due


class Unreachable(Exception):
    """Nothing answers there."""


class Answer(NamedTuple):
    """A status and the JSON that came with it."""

    status: int
    body: Any

    @property
    def well(self) -> bool:
        return 200 <= self.status < 300


class Server:
    """The API under one address; each thread keeps a connection of its own open."""

    def __init__(self, url: str, key: str = "") -> None:
        parts = urlsplit(url if "//" in url else f"http://{url}")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not an address like http://127.0.0.1:8000.")
        self.url = f"{parts.scheme}://{parts.netloc}"
        self._netloc, self._secure = parts.netloc, parts.scheme == "https"
        self._headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Api-Key {key}"
        self._mine = threading.local()

    def ask(self, method: str, path: str, body: object = None, **headers: str) -> Answer:
        """Raises Unreachable. A connection that went stale in the meantime is opened once more."""
        data = None if body is None else json.dumps(body).encode()
        for last in (False, True):
            try:
                return self._ask(method, path, data, {**self._headers, **headers})
            except (OSError, HTTPException) as error:
                self._mine.connection = None
                if last:
                    raise Unreachable(f"Nothing answers at {self.url} ({error}).") from error
        raise AssertionError("unreachable: the second try returns or raises")

    def _ask(self, method: str, path: str, data: bytes | None, headers: dict[str, str]) -> Answer:
        connection = getattr(self._mine, "connection", None) or self._connected()
        connection.request(method, f"/api/v1/{path}", data, headers)
        response = connection.getresponse()
        text = response.read()
        try:
            return Answer(response.status, json.loads(text))
        except ValueError:
            return Answer(response.status, None)

    def _connected(self) -> HTTPConnection:
        make = HTTPSConnection if self._secure else HTTPConnection
        self._mine.connection = made = make(self._netloc, timeout=TIMEOUT)
        return made


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

    def __init__(self, server: Server, told: Callable[[Counter[str]], None]) -> None:
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
        except Unreachable:
            outcome = "unreachable"
        finally:
            self._room.release()
        with self._lock:
            self._counts[outcome] += 1

    def _predict(self, row: Row) -> str:
        path = f"{quote(row.endpoint, safe='')}/predict"
        answer = self._server.ask("POST", path, row.record, **{"X-Subject": row.subject})
        if not answer.well or answer.body.get("status") != "OK":
            return "refused"
        if row.delay is not None:
            due = (time.monotonic() + row.delay, answer.body["request_id"], row.label)
            with self._lock:
                heapq.heappush(self._due, due)
        return "right" if answer.body["label"] == row.label else "wrong"

    def _tell(self, request_id: int, label: str) -> str:
        told = self._server.ask("PUT", f"mlrequests/{request_id}", {"feedback": label})
        return "labelled" if told.well else "unlabelled"
