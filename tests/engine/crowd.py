"""Models, tickets and threads that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import numpy as np

from inference.core.tensors import Tensors
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.engine.thread import Then

R = TypeVar("R")

# A row of this value makes Sevenfold raise, as one number makes a real model raise for its batch.
POISON = -1.0
# Loop turns after which whatever could happen without a thread or a timer has happened.
TURNS = 20


class Sevenfold:
    """Answers seven times its input; remembers the values of each batch it was given."""

    free_form = False

    def __init__(self, key: Hashable = "sevenfold", *, inline_ok: bool = False) -> None:
        self.key = key
        self.inline_ok = inline_ok
        self.batches: list[list[float]] = []

    def predict(self, tensors: Tensors) -> Tensors:
        (matrix,) = tensors[:1]
        self.batches.append([float(value) for value in matrix[:, 0]])
        if (matrix == POISON).any():
            raise ValueError("a poisonous row")
        return (np.multiply(matrix, 7.0),)


class Does(Sevenfold):
    """A model with a behaviour of its own."""

    def __init__(
        self,
        behaviour: Callable[[Tensors], Tensors],
        key: Hashable = "sevenfold",
        *,
        inline_ok: bool = False,
    ) -> None:
        super().__init__(key, inline_ok=inline_ok)
        self.behaviour = behaviour

    def predict(self, tensors: Tensors) -> Tensors:
        super().predict(tensors)
        return self.behaviour(tensors)


class Slip:
    """A ticket that remembers how often it was settled, and with what."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def settle(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


class Torn(Slip):
    """A ticket that cannot be settled."""

    def settle(self, outcome: Outcome) -> None:
        super().settle(outcome)
        raise LookupError("torn")


class HandThread:
    """A thread that makes its next call when the test says `go`."""

    made: list[HandThread]

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[tuple[Callable[[], object], Then[object]]] = []
        self.alive = True
        self.closed = False

    def call(self, work: Callable[[], R], then: Then[R]) -> None:
        self.calls.append((work, then))  # type: ignore[arg-type]  # only each pair fits together

    def close(self) -> None:
        self.closed = True

    def go(self) -> None:
        work, then = self.calls.pop(0)
        try:
            result = work()
        except Exception as error:  # noqa: BLE001  # as a real thread does
            then(None, error)
        else:
            then(result, None)

    def break_down(self, error: BaseException) -> None:
        self.calls.pop(0)[1](None, error)


class Hands:
    """Makes hand threads and finds them again by the beginning of their name."""

    def __init__(self) -> None:
        self.threads: list[HandThread] = []

    def __call__(self, name: str) -> HandThread:
        self.threads.append(HandThread(name))
        return self.threads[-1]

    async def go(self, name: str = "weir-", *, times: int = 1) -> None:
        for _ in range(times):
            await turns()
            next(t for t in self.threads if t.name.startswith(name) and t.calls).go()
        await turns()

    def waiting(self, name: str = "weir-") -> int:
        return sum(len(t.calls) for t in self.threads if t.name.startswith(name))


class Ledger:
    """A log: what was written, in which groups; refuses the tickets it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[Ticket]] = []
        self.refused: set[Ticket] = set()
        self.tries = 0

    def write(self, tickets: Sequence[Ticket]) -> None:
        self.tries += 1
        if self.refused.intersection(tickets):
            raise OSError("disk full")
        self.groups.append(list(tickets))

    @property
    def written(self) -> list[Ticket]:
        return [ticket for group in self.groups for ticket in group]


def job(
    model: Sevenfold,
    *values: float,
    patience: float = 20.0,
    mode: LogMode = LogMode.OFF,
    ticket: Ticket | None = None,
) -> Job:
    """One row for each value."""
    matrix = np.array(values, dtype=np.float64).reshape(-1, 1)
    deadline = asyncio.get_running_loop().time() + patience
    return Job(model, (matrix,), deadline, mode, ticket or Slip())


def values(outcome: Outcome) -> list[float]:
    assert outcome.outputs is not None
    return [float(value) for value in outcome.outputs[0][:, 0]]


async def turns(number: int = TURNS) -> None:
    for _ in range(number):
        await asyncio.sleep(0)
