"""The values that the gateway, the engine and the sink hand each other."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple, Protocol

from inference.core.errors import WeirError
from inference.core.precedence import Level
from inference.core.tensors import Tensors


class LogMode(StrEnum):
    """What an endpoint promises about its prediction log."""

    STRICT = "strict"  # rows are committed before the answer leaves
    FAST = "fast"  # the answer leaves first; a killed process may lose the last rows
    OFF = "off"  # nothing is written


class Model(Protocol):
    """A loaded model as the engine sees it: one lane per key."""

    @property
    def key(self) -> Hashable: ...

    @property
    def inline_ok(self) -> bool:
        """Whether `predict` only computes, on the thread that calls it: it never waits."""
        ...

    @property
    def free_form(self) -> bool:
        """Whether its outputs are what they are, as a graph's, and no sign of a failure.

        NaN and infinity are answers like others, and the outputs of two jobs may differ in shape.
        """
        ...

    def predict(self, tensors: Tensors) -> Tensors:
        """One row out for each row in.

        May raise anything; must be thread-safe, leave what it is given alone, and keep no hand on
        what it returns.
        """
        ...


NO_ERRORS: Mapping[int, WeirError] = MappingProxyType({})


class Outcome(NamedTuple):
    """What became of one job. (A tuple: one is made per job, and a frozen dataclass costs 1 us.)

    `outputs` has one row per row of the job, or is None if no row has a result; rows named in
    `errors` (by index in the job) hold NaN.
    """

    outputs: Tensors | None
    errors: Mapping[int, WeirError] = NO_ERRORS
    batch_rows: int = 0
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0


class Ticket(Protocol):
    """What the one who submitted a job keeps for it; opaque to the engine.

    `settle` is called exactly once, on the event loop, after the computation and before the
    commit: it prepares what is logged and answered from the same values.
    """

    def settle(self, outcome: Outcome) -> None: ...


@dataclass(slots=True, eq=False)
class Job:
    """Rows that travel through the engine together.

    `deadline` is in seconds of the event loop's clock; see `Admission` for who is `hurried`.
    Nobody waits for the row in the log of a `leisurely` one.
    """

    model: Model
    tensors: Tensors
    deadline: float
    mode: LogMode
    ticket: Ticket
    hurried: bool = False
    level: Level = Level.USUAL
    leisurely: bool = False


class PredictionRow(NamedTuple):
    """One row of the prediction log, in the order of its columns.

    `response` is the label, or "error"; `latency_us` is the time in the queue and in the model.
    """

    id: int
    algorithm_id: int
    arm_id: int | None
    input_data: str
    full_response: str
    response: str
    error_code: str
    subject: str
    created_at: datetime
    latency_us: int
