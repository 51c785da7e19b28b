"""`python -m bench tensors`: V2 with binary tensors, beside ONNX Runtime called directly.

A thousand rows of thirty 32-bit floats a request, one caller; both take turns in each call.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np

from bench import asker, jobs
from bench.asker import TOLERANCE
from bench.family import Family
from bench.floors import packed
from bench.jobs import FOREST, LINEAR, Job
from bench.lone import Line, timed
from bench.ours import OFF, Ours, endpoint, made
from bench.problem import BenchFailed
from bench.progress import Progress
from bench.report import floor_table
from bench.table import number, table

ROWS: Final = 1000
CALLS: Final = 400
QUICK_CALLS: Final = 100
LENGTH: Final = "Inference-Header-Content-Length"
Matrix = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Times:
    """Medians in milliseconds."""

    served_ms: float
    direct_ms: float

    @property
    def times(self) -> float:
        return self.served_ms / self.direct_ms


def add_arguments(parser: ArgumentParser) -> None:
    parser.set_defaults(run=main)


def main(options: Namespace, folder: Path) -> int:
    progress = Progress()
    lessons = [jobs.prepare(name, folder) for name in (FOREST, LINEAR)]
    ours = made(folder / "weir", lessons)
    calls = QUICK_CALLS if options.quick else CALLS
    with ours.server() as server:
        first = ours.wires(FOREST)[OFF].singles(lessons[0])
        server.until(lambda: asker.is_up(server, first))
        found = {}
        for job in lessons:
            progress.say(f"{job.name}: {calls} calls of {ROWS} rows")
            found[job.name] = _measured(server, ours, job, calls)
    print(_page(found))
    floor = packed(found[FOREST].times)
    print(floor_table([floor]))
    return 1 if options.gate and not floor.met else 0


def _measured(server: Family, ours: Ours, job: Job, calls: int) -> Times:
    rows = np.resize(np.array(job.matrix, dtype="<f4"), (ROWS, len(job.matrix[0])))
    request = asked(endpoint(job.name, OFF), rows, ours.headers)
    direct = _direct(job)
    line = Line(server.port)
    _compare(line.ask(request), direct(rows.tobytes()))
    served, called = [], []
    for _ in range(calls):
        served.append(timed(lambda: line.ask(request)))
        called.append(timed(lambda: direct(rows.tobytes())))
    line.close()
    return Times(*(1e3 * median(each[calls // 10 :]) for each in (served, called)))


def asked(model: str, rows: Matrix, headers: dict[str, str]) -> bytes:
    """A whole request: JSON that describes one tensor, and its bytes behind it; binary answers."""
    data = rows.tobytes()
    tensor = {
        "name": "rows",
        "shape": list(rows.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(data)},
    }
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    said = json.dumps({"inputs": [tensor], "outputs": outputs}).encode()
    fields = {
        "Host": "127.0.0.1",
        "Content-Type": "application/octet-stream",
        LENGTH: str(len(said)),
        "Content-Length": str(len(said) + len(data)),
        **headers,
    }
    lines = [f"POST /v2/models/{model}/infer HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + said + data


def answered(answer: bytes) -> Matrix:
    """The probabilities in a binary answer; raises BenchFailed at any other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    try:
        size = int(fields[LENGTH.lower().encode()])
        (output,) = json.loads(body[:size])["outputs"]
        kind = {"FP64": "<f8", "FP32": "<f4"}[output["datatype"]]
        return np.frombuffer(body[size:], kind).reshape(output["shape"])
    except (KeyError, ValueError) as error:
        raise BenchFailed(f"No binary answer: {answer[:300]!r}") from error


def _direct(job: Job) -> Callable[[bytes], bytes]:
    """From bytes to bytes in one process: what no server can do without."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # as the server has it
    session = onnxruntime.InferenceSession(str(job.folder / "model.onnx"), options)
    (source,) = session.get_inputs()
    kind = np.float64 if "double" in source.type else np.float32
    outputs = [session.get_outputs()[-1].name]
    width = len(job.matrix[0])

    def call(data: bytes) -> bytes:
        rows = np.frombuffer(data, "<f4").reshape(-1, width).astype(kind, copy=False)
        (found,) = session.run(outputs, {source.name: rows})
        result: bytes = found.astype("<f8").tobytes()
        return result

    return call


def _compare(answer: bytes, direct: bytes) -> None:
    found = answered(answer)
    wanted = np.frombuffer(direct, "<f8").reshape(found.shape)
    if float(np.max(np.abs(found - wanted))) > TOLERANCE:
        raise BenchFailed("The server's tensor is not the model's.")


def _page(found: dict[str, Times]) -> str:
    head = ("1,000 rows x 30 FP32", "served ms", "direct ms", "served / direct", "rows/s served")
    rows = [
        (
            name,
            f"{t.served_ms:.3f}",
            f"{t.direct_ms:.3f}",
            number(t.times),
            number(ROWS / t.served_ms * 1e3),
        )
        for name, t in found.items()
    ]
    return table("V2 with binary tensors, log off: p50", head, rows)
