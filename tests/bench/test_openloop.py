from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest

from bench import tensors
from bench.openloop import Generator, Overload, Spec, summed
from bench.problem import BenchFailed

REQUEST = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n"


@asynccontextmanager
async def server(statuses: list[int]) -> AsyncIterator[int]:
    """Answers by turns with these statuses."""
    turn = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal turn
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                status = statuses[turn % len(statuses)]
                turn += 1
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nok".encode())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    started = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with started:
        yield started.sockets[0].getsockname()[1]


async def driven(port: int, rate: float = 200.0) -> Overload:
    spec = Spec(port, [REQUEST], rate, seconds=0.3, warm=0.1)
    generator = Generator(spec)
    await generator.drive()
    return summed(spec, generator)


async def test_what_is_due_is_sent_and_told_apart_by_its_status() -> None:
    async with server([200, 503]) as port:
        found = await driven(port)

    assert found.refused == pytest.approx(30, abs=3)
    assert found.good == pytest.approx(100, abs=30)
    assert found.other == 0
    assert found.p99_ms > 0 < found.refusal_p99_ms


async def test_another_status_is_neither_good_nor_a_refusal() -> None:
    async with server([500]) as port:
        found = await driven(port)

    assert (found.good, found.refused) == (0, 0)
    assert found.other == pytest.approx(60, abs=2)


async def test_a_server_that_is_away_loses_everything() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        found = await driven(probe.getsockname()[1])

    assert found.statuses == {"lost": found.other}
    assert found.other == pytest.approx(60, abs=2)


def test_a_tensor_is_asked_for_with_its_bytes_behind_the_json() -> None:
    rows = np.ones((2, 3), dtype="<f4")

    head, _, body = tensors.asked("m", rows, {"X": "y"}).partition(b"\r\n\r\n")

    fields = dict(line.split(b": ") for line in head.split(b"\r\n")[1:])
    size = int(fields[b"Inference-Header-Content-Length"])
    assert body[size:] == rows.tobytes()
    assert int(fields[b"Content-Length"]) == len(body)
    assert head.startswith(b"POST /v2/models/m/infer HTTP/1.1\r\n")


def test_a_binary_answer_is_unpacked_and_any_other_refused() -> None:
    said = b'{"outputs":[{"name":"probabilities","datatype":"FP64","shape":[1,2]}]}'
    head = b"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: %d" % len(said)
    data = np.array([[0.25, 0.75]]).tobytes()

    assert tensors.answered(head + b"\r\n\r\n" + said + data).tolist() == [[0.25, 0.75]]
    with pytest.raises(BenchFailed, match="No binary answer"):
        tensors.answered(b"HTTP/1.1 200 OK\r\n\r\n" + said)
