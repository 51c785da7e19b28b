"""What a database is asked to do with a batch that was computed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol

from django.db import DatabaseError

from inference.core.types import PredictionRow


class Kept(NamedTuple):
    """What is known of an arm before the batch is counted; no latency if nothing ever was.

    `guardrails` and `answers` are JSON, and there only for an arm of a canary.
    """

    arm_id: int
    abtest_id: int
    phase: int
    propensity: float
    salt: str
    latency: bytes | memoryview | None
    guardrails: str | None
    answers: str | None


class First(NamedTuple):
    """A subject that may be new to a phase of a test; see `models.Exposure`.

    `first` is the prediction that brings it.
    """

    abtest_id: int
    phase: int
    subject: int
    arm_id: int
    bucket: int
    propensity: float
    first: int


class New(NamedTuple):
    """A subject that was: whose arm gained a unit, and by which prediction."""

    arm_id: int
    first: int


class Gain(NamedTuple):
    """What a batch adds to an arm's counts, and its latencies and answers from now on."""

    arm_id: int
    exposures: int
    errors: int
    subjects: int
    latency: bytes
    slow: int
    failing: int
    lagging: int
    answers: str


class Dialect(Protocol):
    """A module of this package is one of these.

    Other writers may bring the same rows at the same time: each is written by one of them, whom
    `insert` tells so, and nobody waits in a circle. A shard has one writer; should it have two for
    a moment, because one was taken for dead, counts stay right and some latencies and
    answers are lost (of which a recount finds the answers).
    """

    def in_one(self, count: int) -> bool:
        """Whether `insert` writes so many rows, or none, without a transaction around it."""
        ...

    def insert(self, rows: Sequence[PredictionRow]) -> Sequence[PredictionRow]:
        """Write the rows whose ids are not there yet, and return those, each once."""
        ...

    def kept(self, arms: Collection[int], shard: str) -> Sequence[Kept]:
        """What the shard holds for these arms, in the order of their ids."""
        ...

    def expose(self, firsts: Sequence[First]) -> Sequence[New]:
        """Write those that are not there yet, given in the order of their keys, each once.

        Returns those that were new, in any order.
        """
        ...

    def add(self, gains: Sequence[Gain], shard: str) -> None:
        """Count these, in the order that `kept` gave."""
        ...

    def beaten(self, error: DatabaseError) -> bool:
        """Whether the transaction was given up in favour of another one, and may be tried again."""
        ...
