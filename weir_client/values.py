"""What the server answers, as values that do not change."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from weir_client import errors

Json = dict[str, Any]


class Prediction(Struct, frozen=True, gc=False, tag_field="status", tag="OK"):
    """The answer to one row.

    Two classes: `probability` of the second one. More: `probability` of `label`, and all of them in
    `probabilities`. Regression: `value`. A graph: each of its `outputs` by name, nested like its
    shape without the rows. `request_id` is what feedback names.
    """

    request_id: int
    algorithm: int | None = None
    version: str = ""
    label: str | None = None
    probability: float | None = None
    value: float | None = None
    probabilities: dict[str, float] | None = None
    outputs: Json | None = None


class Failure(Struct, frozen=True, gc=False, tag_field="status", tag="Error"):
    """Why one row among others has no answer; `error` is the same thing to be raised."""

    code: str
    message: str = ""
    row: int | None = None
    field: str | None = None
    request_id: int | None = None

    @property
    def error(self) -> errors.WeirError:
        return errors.of(
            self.code, self.message, row=self.row, field=self.field, request_id=self.request_id
        )


Answer = Prediction | Failure


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """The answers to `n` rows that went as one block, as arrays.

    `request_ids` is int64 [n]. Classification: `labels` is int32 [n] of places in `classes`,
    `probabilities` is float64 [n, k]. Regression: `value` is float64 [n]. At the rows that
    `errors` names stand -1 and NaN; where it names all, all three are None. `outputs` has every
    array by the name that the server gives it, those of a graph as well; texts are bytes.
    """

    request_ids: NDArray[np.int64]
    algorithm: int
    version: str
    classes: tuple[str, ...] = ()
    labels: NDArray[np.int32] | None = None
    probabilities: NDArray[np.float64] | None = None
    value: NDArray[np.float64] | None = None
    errors: dict[int, Failure] = field(default_factory=dict)
    outputs: dict[str, NDArray[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.request_ids)

    @property
    def names(self) -> list[str]:
        """The label of each row by name; empty at the rows that `errors` names."""
        if self.labels is None:  # regression, or no row at all has an answer
            return [""] * len(self) if self.classes else []
        return [self.classes[at] if at >= 0 else "" for at in self.labels.tolist()]


class Ticket(Struct, frozen=True):
    """A request that was accepted to be answered later: `client.result` has each of its ids."""

    request_ids: tuple[int, ...]


class Ready(Struct, frozen=True):
    """Whether this server should get traffic, and if not, why."""

    ready: bool
    why: str = ""


class Endpoint(Struct, frozen=True):
    """A name that clients call; `log_mode` is strict, fast or off."""

    id: int
    name: str
    owner: str
    created_at: str
    log_mode: str


class Algorithm(Struct, frozen=True):
    """A registered algorithm and the status it has now; `endpoint` is the id of one."""

    id: int
    name: str
    version: str
    endpoint: int
    status: str
    description: str = ""
    owner: str = ""
    runtime: str = ""
    created_at: str = ""
    metrics: Json | None = None


class Arm(Struct, frozen=True):
    """One algorithm's share of an experiment."""

    algorithm: int
    weight: int = 1


class Experiment(Struct, frozen=True):
    """A test between algorithms of one endpoint; `ended_at` is None while it runs."""

    id: int
    title: str
    endpoint: str
    arms: tuple[Arm, ...]
    created_by: str
    created_at: str
    ended_at: str | None = None
    rule: str = ""
    summary: str | None = None
    outcome: Any = None
    mode: str = "split"
    metric: str = "correctness"
    coverage: float = 1.0
    difference: float | None = None
    phase: int = 1

    @property
    def running(self) -> bool:
        return self.ended_at is None


class Logged(Struct, frozen=True):
    """A line of the log: what was asked, what was answered and what turned out to be right."""

    id: int
    response: str | None = None
    feedback: str | None = None
    algorithm: int | None = None
    arm: int | None = None
    subject: str | None = None
    error_code: str | None = None
    latency_us: int | None = None
    created_at: str = ""
    input_data: Any = None
    full_response: Any = None


class Snapshot(Struct, frozen=True):
    """A topic as it is now, complete in itself; `seq` grows from one to the next."""

    topic: str
    seq: int
    body: Json
