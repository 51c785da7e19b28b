"""`python -m bench.tensors`: a matrix over the Open Inference Protocol beside the model itself.

1,000 rows of 30 float32 numbers for a forest of 100 trees, log off, one connection; numpy and ONNX
Runtime are called directly in turns with it.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt

from bench import contenders, lesson, lone
from bench.workload import Workload

ROWS: Final = 1000
CALLS: Final = 200
WARM: Final = 20
_TITLE: Final = f"{'':8}{'median':>21}{'best':>21}"
_PATH: Final = f"/v2/models/{contenders.OFF}/infer"


def main() -> int:
    with tempfile.TemporaryDirectory(prefix="weir-bench-") as folder:
        print(_measured(Path(folder)))
    return 0


def _measured(folder: Path) -> str:
    workload = lesson.prepare(folder)
    contenders.register(folder)
    matrix = np.array(workload.rows, dtype=np.float32)
    matrix = matrix[np.arange(ROWS) % len(matrix)]
    predict = _direct(folder, workload, matrix)
    with contenders.serve(folder) as server:
        server.wait(contenders.ours().ready)
        line = lone.Line(server.port)
        asked = {"binary": binary(matrix), "JSON": as_json(matrix)}
        calls = {name: _asking(line, request) for name, request in asked.items()}
        seconds = _in_turns({"direct": predict, **calls})
        line.close()
    return "\n".join([_TITLE, *(_line(name, seconds) for name in seconds)])


def _line(name: str, seconds: Mapping[str, Sequence[float]]) -> str:
    """Beside others who are busy, only the best call says what it takes."""
    figures = ((of(seconds[name]), of(seconds["direct"])) for of in (median, min))
    return f"{name:8}" + "".join(f"{1e3 * a:10.2f} ms {a / b:6.2f}x" for a, b in figures)


def _asking(line: lone.Line, request: bytes) -> Callable[[], object]:
    return lambda: line.ask(request)


def _in_turns(calls: Mapping[str, Callable[[], object]]) -> Mapping[str, Sequence[float]]:
    """A noisy moment falls on all of them."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(CALLS):
        for name, call in calls.items():
            seconds[name].append(lone.timed(call))
    return {name: each[WARM:] for name, each in seconds.items()}


def _direct(
    folder: Path, workload: Workload, matrix: npt.NDArray[np.float32]
) -> Callable[[], object]:
    """As the server has it, given what came over the wire."""
    model = lone.direct(lone.compiled(folder), workload)
    return lambda: model(matrix.astype(np.float64))


def binary(matrix: npt.NDArray[np.float32]) -> bytes:
    """A whole HTTP request, as Triton's client writes it: everything binary, both ways."""
    parameters = {"binary_data_size": matrix.nbytes}
    tensor = {"name": "input", "shape": matrix.shape, "datatype": "FP32", "parameters": parameters}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return _request(head + matrix.tobytes(), f"Inference-Header-Content-Length: {len(head)}\r\n")


def as_json(matrix: npt.NDArray[np.float32]) -> bytes:
    data = matrix.ravel().tolist()
    tensor = {"name": "input", "shape": matrix.shape, "datatype": "FP32", "data": data}
    return _request(json.dumps({"inputs": [tensor]}).encode())


def _request(body: bytes, header: str = "") -> bytes:
    head = (
        f"POST {_PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    sys.exit(main())
