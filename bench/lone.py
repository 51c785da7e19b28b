"""One caller alone: what the server adds to an empty request and to the model itself."""

from __future__ import annotations

import socket
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np

from bench.problem import BenchFailed
from bench.workload import Workload


@dataclass(frozen=True, slots=True)
class Lone:
    """Medians in milliseconds."""

    predict_ms: float
    empty_ms: float
    model_ms: float

    @property
    def added_ms(self) -> float:
        return self.predict_ms - self.empty_ms - self.model_ms


class Line:
    """A keep-alive connection that does as little as possible itself."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10.0)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, request: bytes) -> bytes:
        """The whole answer, headers and body; raises BenchFailed unless it is 200."""
        self._socket.sendall(request)
        answer = self._socket.recv(65536)
        while not complete(answer):
            more = self._socket.recv(65536)
            if not more:
                raise BenchFailed("The server hung up.")
            answer += more
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise BenchFailed(f"The server answered {answer[:300]!r}")
        return answer

    def close(self) -> None:
        self._socket.close()


def complete(answer: bytes) -> bool:
    """Whether these bytes are a whole response with a Content-Length."""
    head, blank, body = answer.partition(b"\r\n\r\n")
    if not blank:
        return False
    _, found, rest = head.lower().partition(b"\r\ncontent-length:")
    return bool(found) and len(body) >= int(rest.split(b"\r\n", 1)[0])


def requests(path: str, workload: Workload) -> list[bytes]:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return [
        f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in workload.bodies
    ]


def measure(port: int, path: str, workload: Workload, model: bytes, calls: int) -> Lone:
    """The three take turns, so that a noisy moment falls on all of them."""
    line = Line(port)
    asked = cycle(requests(path, workload))
    empty = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    rows = cycle([np.array([row], dtype=np.float64) for row in workload.rows])
    predict = direct(model, workload)
    predicts, empties, models = [], [], []
    for _ in range(calls):
        predicts.append(timed(lambda: line.ask(next(asked))))
        empties.append(timed(lambda: line.ask(empty)))
        models.append(timed(lambda: predict(next(rows))))
    line.close()
    return Lone(*(1e3 * median(each[calls // 10 :]) for each in (predicts, empties, models)))


def timed(call: Callable[[], object]) -> float:
    began = perf_counter()
    call()
    return perf_counter() - began


def direct(model: bytes, workload: Workload) -> Callable[[np.ndarray], object]:
    """The compiled model as the server holds it, called without a server."""
    from inference.core.schema import Feature, Schema, Target
    from inference.runtimes.base import Artefact, Kind
    from inference.runtimes.loader import load

    features = tuple(Feature(name, "number") for name in workload.names)
    schema = Schema(features, Target("diagnosis", "binary", workload.classes))
    runtime = load(Artefact(Kind.ONNX, model, schema, "matrix", {}))
    return lambda row: runtime.predict((row,))


def compiled(folder: Path) -> bytes:
    """The ONNX graph out of the newest bundle; raises BenchFailed if the model was not compiled."""
    bundles = sorted(folder.rglob("*.weir"), key=lambda path: path.stat().st_mtime)
    if not bundles:
        raise BenchFailed(f"There is no bundle under {folder}.")
    with zipfile.ZipFile(bundles[-1]) as bundle:
        found = [name for name in bundle.namelist() if name.endswith(".onnx")]
        if not found:
            raise BenchFailed("The model was not compiled to ONNX.")
        return bundle.read(found[0])
