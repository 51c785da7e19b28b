"""A version is tried in a process of its own, which may hang, swell or die without harm.

What is asked there: does it load, does it answer its golden rows, does a row get the same answer
alone and in company, how long does it take, and how much memory.
"""

from __future__ import annotations

import multiprocessing
import resource
import secrets
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import numpy as np

from inference import bundles
from inference.bundles import Bundle
from inference.core.errors import WeirError
from inference.core.reach import NOWHERE, Reach
from inference.core.tensors import Matrix
from inference.runtimes.base import Runtime
from inference.runtimes.confinement import Bounds
from inference.runtimes.isolated import IsolatedRuntime

PATIENCE: Final = 120.0  # seconds until it is given up
ALONE: Final = 64  # rows that are asked alone and together
_BATCH: Final = 100
_TOLERANCE: Final = 1e-6
_CALLS: Final = 200
_SECONDS: Final = 1.0
_MIB: Final = 1024.0 * 1024.0


@dataclass(frozen=True, slots=True)
class Tried:
    """Times are medians, and the 99th percentile of one row, in microseconds.

    `memory_mib` is what the process grew by, libraries included. `troubles` are sentences; with
    some of them the rest is not known.
    """

    troubles: tuple[str, ...] = ()
    row_us: float | None = None
    row_p99_us: float | None = None
    batch_us: float | None = None
    memory_mib: float | None = None
    largest_difference: float | None = None

    def as_dict(self) -> dict[str, object]:
        told = {name: getattr(self, name) for name in self.__slots__ if name != "troubles"}
        return {name: value for name, value in told.items() if value is not None}


def tried(
    bundle: Bundle,
    matrix: Matrix,
    reach: Reach = NOWHERE,
    apart: Bounds | None = None,
    *,
    patience: float = PATIENCE,
) -> Tried:
    """What came of trying it on these rows; an end without an answer is one more trouble.

    With bounds to keep it `apart` it is in the confined child that would serve it.
    """
    key = secrets.token_bytes(32)
    here, there = multiprocessing.Pipe(duplex=False)
    context: Any = multiprocessing.get_context("spawn")
    plain = reach._replace(tokens=dict(reach.tokens))
    work = (there, bundles.write(bundle, key), key, matrix, plain, apart)
    process = context.Process(target=_report, args=work, daemon=True)
    process.start()
    there.close()
    try:
        if not here.poll(patience):
            return Tried((f"It was not done after {patience:.0f} s.",))
        found: Tried = here.recv()
    except EOFError:
        process.join(patience)
        return Tried((f"The process that tried it died with {process.exitcode}.",))
    else:
        return found
    finally:
        process.kill()
        process.join()
        here.close()


def measured(
    data: bytes, key: bytes, matrix: Matrix, reach: Reach = NOWHERE, apart: Bounds | None = None
) -> Tried:
    """The same in this process."""
    before = _memory()
    try:
        with closing(bundles.load(bundles.read(data, key), reach=reach, apart=apart)) as runtime:
            difference = _alone(runtime, matrix[:ALONE])
            row, high = _times(runtime, matrix[:1])
            batch, _ = _times(runtime, np.resize(matrix, (_BATCH, matrix.shape[1])))
            grown = _memory() - before + _memory_apart(runtime)
    except WeirError as error:
        return Tried((str(error),))
    troubles = [] if difference <= _TOLERANCE else [_company(difference)]
    return Tried(tuple(troubles), row, high, batch, round(grown, 1), difference)


def _report(answers: Connection, *work: Any) -> None:
    answers.send(measured(*work))


def _alone(runtime: Runtime, matrix: Matrix) -> float:
    """How far a row's answer alone is from its answer in company, at most."""
    together = bundles.answers(runtime, matrix)
    alone = [bundles.answers(runtime, matrix[at : at + 1]) for at in range(len(matrix))]
    scale = np.maximum(1.0, np.abs(together))
    return float(np.max(np.abs(np.concatenate(alone) - together) / scale))


def _company(difference: float) -> str:
    return f"A row's answer depends on the rows it comes with: by {difference:.1e}."


def _times(runtime: Runtime, matrix: Matrix) -> tuple[float, float]:
    times: list[float] = []
    while len(times) < _CALLS and sum(times) < _SECONDS:
        start = time.perf_counter()
        runtime.predict((matrix,))
        times.append(time.perf_counter() - start)
    median, high = np.quantile(times, (0.5, 0.99))
    return round(float(median) * 1e6, 1), round(float(high) * 1e6, 1)


def _memory_apart(runtime: Runtime) -> float:
    """Of the child of a model that is kept apart, in MiB, where the system says it."""
    pid = runtime.pid if isinstance(runtime, IsolatedRuntime) else None
    if pid is None or not Path(f"/proc/{pid}").exists():
        return 0.0
    return _memory(str(pid))


def _memory(process: str = "self") -> float:
    """What a process has in memory, in MiB; where nobody says so, the most this one ever had."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (_MIB if sys.platform == "darwin" else _MIB / 1024)
    return pages * resource.getpagesize() / _MIB
