"""Whether a model should be trained anew: which trigger fires, and if there is enough to learn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

LEAST_JUDGED: Final = 50  # labels below which nothing is said of an accuracy
DAY: Final = 86_400.0  # seconds


class Kind(StrEnum):
    """What may call for a new model."""

    DRIFT = "drift"  # features or answers lie otherwise than in training
    ACCURACY = "accuracy"  # the last labels say that it is right too seldom
    ERROR = "error"  # the same of a model of numbers: it is too far off
    CHANGE = "change"  # its errors have become more
    AGE = "age"
    LABELS = "labels"  # there is much that it has not learnt from


class Trigger(NamedTuple):
    """One that fired, and its figures in a sentence."""

    kind: Kind
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """When to train. None: that trigger is off.

    `floor` is of the accuracy of the last labels, `ceiling` of their mean absolute error, `age` in
    seconds since the model was made, `labels` those that came since the last training. With fewer
    than `least` of those nothing is trained, so that one bad spell does not train a model each time
    somebody looks.
    """

    drift: bool = True
    floor: float | None = None
    ceiling: float | None = None
    age: float | None = None
    labels: int | None = None
    least: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of the model in production.

    `judged` labels are those that accuracy and error are of. `changed` says what a detector of
    changes saw, or nothing.
    """

    age: float
    fresh: int
    judged: int = 0
    accuracy: float | None = None
    error: float | None = None
    drifting: Sequence[str] = ()
    changed: str = ""


def fired(seen: Seen, policy: Policy) -> list[Trigger]:
    """All that call for a new model; an empty list: none is needed."""
    return [*_of_drift(seen, policy), *_of_labels(seen, policy), *_of_time(seen, policy)]


def held(seen: Seen, policy: Policy) -> str | None:
    """Why nothing is trained though it is called for, in a sentence."""
    if seen.fresh >= policy.least:
        return None
    return f"{seen.fresh:,} labels came since the last training; {policy.least:,} are needed."


def _of_drift(seen: Seen, policy: Policy) -> Iterator[Trigger]:
    if policy.drift and seen.drifting:
        yield Trigger(Kind.DRIFT, f"Otherwise than in training lie: {', '.join(seen.drifting)}.")
    if policy.drift and seen.changed:
        yield Trigger(Kind.CHANGE, seen.changed)


def _of_labels(seen: Seen, policy: Policy) -> Iterator[Trigger]:
    if seen.judged < LEAST_JUDGED:
        return
    last = f"of the last {seen.judged:,} labels"
    if _below(seen.accuracy, policy.floor):
        yield Trigger(
            Kind.ACCURACY, f"{seen.accuracy:.1%} {last} are as predicted, below {policy.floor:.1%}."
        )
    if _below(policy.ceiling, seen.error):
        yield Trigger(
            Kind.ERROR, f"The mean error {last} is {seen.error:.4g}, above {policy.ceiling:.4g}."
        )


def _of_time(seen: Seen, policy: Policy) -> Iterator[Trigger]:
    if _below(policy.age, seen.age):
        yield Trigger(Kind.AGE, f"It was made {seen.age / DAY:,.1f} days ago.")
    if policy.labels is not None and seen.fresh >= policy.labels:
        yield Trigger(Kind.LABELS, f"{seen.fresh:,} labels came since the last training.")


def _below(value: float | None, limit: float | None) -> bool:
    return value is not None and limit is not None and value < limit
