"""A small server of the Open Inference Protocol over real HTTP, which does what a test tells it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import numpy as np

from inference.core import datatypes, oip
from inference.core.datatypes import Tensor
from inference.core.oip import Request
from inference.core.tensors import Array, Matrix

LENGTH = "Inference-Header-Content-Length"
Answer = tuple[int, Mapping[str, str], bytes]


def likely(rows: Array) -> Matrix:
    """Whoever has a large first number is likely to be of the last class."""
    first = np.nan_to_num(rows[:, 0].astype(np.float64))
    last: Matrix = 1.0 / (1.0 + np.exp(1 - first / 50))
    return np.stack([1 - last, last], axis=1)


def share(tensors: list[Tensor]) -> list[Tensor]:
    (rows,) = tensors
    return [datatypes.named("p", likely(rows.array))]


@dataclass
class Peer:
    """`predict` makes outputs of inputs; `refuses`, if it gives an answer, is asked before."""

    predict: Callable[[list[Tensor]], list[Tensor]] = share
    refuses: Callable[[Request], Answer | None] = lambda _: None
    extensions: list[str] = field(default_factory=lambda: ["binary_tensor_data"])
    inputs: list[dict[str, Any]] | None = None
    outputs: list[dict[str, Any]] | None = None
    ready: int = 200
    asked: list[Request] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    callers: set[Any] = field(default_factory=set)
    keys: set[str | None] = field(default_factory=set)
    url: str = ""

    def get(self, path: str) -> Answer:
        if path.endswith("/ready"):
            return self.ready, {}, b'{"error": "it is loading"}'
        model = {"inputs": self.inputs, "outputs": self.outputs}
        said = {"extensions": self.extensions} if path == "/v2" else model
        return 200, {}, json.dumps(said).encode()

    def infer(self, body: bytes, length: str | None) -> Answer:
        request = oip.read(body, None if length is None else int(length))
        self.asked.append(request)
        return self.refuses(request) or _answer(request, self.predict(list(request.inputs)))


def _spelt(value: Any) -> Any:
    """As JSON has it, which has no NaN."""
    if isinstance(value, bytes):
        return value.decode()
    return value if value == value else None  # noqa: PLR0124  # only a NaN is not itself


def _answer(request: Request, outputs: list[Tensor]) -> Answer:
    said, tail = [], b""
    for name, datatype, array in outputs:
        one: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(array.shape)}
        if request.binary:
            data = datatypes.encoded(array)
            one["parameters"] = {"binary_data_size": len(data)}
            tail += data
        else:
            one["data"] = [_spelt(each) for each in array.ravel().tolist()]
        said.append(one)
    head = json.dumps({"model_name": "m", "outputs": said}).encode()
    return 200, {LENGTH: str(len(head))} if request.binary else {}, head + tail


def _handler(peer: Peer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._tell(peer.get(self.path))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self._tell(peer.infer(body, self.headers[LENGTH]))

        def log_message(self, *_: object) -> None: ...

        def _tell(self, answer: Answer) -> None:
            peer.paths.append(self.path)
            peer.callers.add(self.client_address)
            peer.keys.add(self.headers["Authorization"])
            status, headers, body = answer
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller who hung up, which some of the tests are about."""


@contextmanager
def serving(peer: Peer, port: int = 0) -> Iterator[Peer]:
    """Until the block ends; then nobody listens there any more."""
    server = _Server(("127.0.0.1", port), _handler(peer))
    thread = Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    peer.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield peer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
