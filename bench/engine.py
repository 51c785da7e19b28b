"""`python -m bench.engine`: what a job costs in the engine, no HTTP and next to no model.

Beside it: the same callers when a bare future answers them in the next turn of the loop.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sequence
from time import perf_counter

import numpy as np
import uvloop

from inference.core.batching import BatchPolicy
from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine

ROUNDS = 5
ROW = np.arange(30.0).reshape(1, -1)
CALLERS = {1: 4_000, 32: 20_000, 128: 40_000}


class Trivial:
    """Costs what one numpy call costs; counts that."""

    key = "trivial"
    inline_ok = True
    free_form = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self.batches = 0

    def predict(self, tensors: Tensors) -> Tensors:
        began = perf_counter()
        outputs = (np.negative(tensors[0][:, :2]),)
        self.seconds += perf_counter() - began
        self.batches += 1
        return outputs


class Slip:
    """The cheapest ticket."""

    def settle(self, outcome: Outcome) -> None:
        """Keep nothing."""


def forget(tickets: Sequence[Ticket]) -> None:
    """The cheapest log."""


async def floor(callers: int, jobs: int) -> float:
    loop, waiting = asyncio.get_running_loop(), list[asyncio.Future[None]]()

    def answer() -> None:
        batch, waiting[:] = waiting[:], []
        for future in batch:
            future.set_result(None)

    async def caller() -> None:
        for _ in range(jobs // callers):
            if not waiting:
                loop.call_soon(answer)
            waiting.append(loop.create_future())
            await waiting[-1]

    began = perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return (perf_counter() - began) / jobs * 1e6


async def engine(callers: int, jobs: int, mode: LogMode) -> tuple[float, float, float]:
    """Microseconds per job over `predict`, those of `predict`, and jobs per batch."""
    loop, model = asyncio.get_running_loop(), Trivial()
    engine = LocalEngine(BatchPolicy(), GroupCommit(forget))

    async def caller(jobs: int) -> None:
        for _ in range(jobs):
            await engine.submit(Job(model, (ROW,), loop.time() + 25.0, mode, Slip()))

    await asyncio.gather(*(caller(20) for _ in range(callers)))
    model.seconds, model.batches = 0.0, 0
    began = perf_counter()
    await asyncio.gather(*(caller(jobs // callers) for _ in range(callers)))
    seconds = perf_counter() - began
    await engine.close()
    return (seconds - model.seconds) / jobs * 1e6, model.seconds / jobs * 1e6, jobs / model.batches


async def main() -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    print(
        "callers  log     over predict  predict  bare future  jobs/batch   (us per job, best of 5)"
    )
    for callers, jobs in CALLERS.items():
        bare = min([await floor(callers, jobs) for _ in range(ROUNDS)])
        for mode in (LogMode.OFF, LogMode.STRICT):
            over, predict, jobs_per_batch = min(
                [await engine(callers, jobs, mode) for _ in range(ROUNDS)]
            )
            times = f"{over:13.1f} {predict:8.1f} {bare:12.1f}"
            print(f"{callers:7d}  {mode:6s} {times} {jobs_per_batch:11.1f}")


if __name__ == "__main__":
    print("asyncio")
    asyncio.run(main())
    print("uvloop")
    uvloop.run(main())
