"""What is worth an event: said once when it begins, and once when it is over.

Between the two lies a stretch in which neither is said, so that what stands at the border does not
come and go. A column begins to drift as `drift` says, and is over it when it is steady. A model
falls short when its last labels leave no doubt that it is below its floor, and is over it when they
are above.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from inference.core import drift
from inference.core.drift import Reading, Report, State

SLACK: Final = 0.05  # of accuracy that a model may lose against what was measured when it was made
LEAST_LABELS: Final = 50
_CHANCE: Final = 0.001


class Kind(StrEnum):
    """What was noticed."""

    DRIFT = "drift"  # a feature lies otherwise than in training
    ANSWERS = "answers"  # the model answers otherwise than it did
    ACCURACY = "accuracy"  # its last labels say that it is below its floor
    CHANGE = "change"  # its errors have become more: ADWIN


class Sight(NamedTuple):
    """What is seen now; `bad` is None where neither the beginning nor the end is to be said."""

    kind: Kind
    subject: str
    bad: bool | None
    value: float | None
    text: str


class News(NamedTuple):
    """A sight that began, or is over."""

    sight: Sight
    over: bool


def of_report(report: Report) -> Iterator[Sight]:
    """One for each column."""
    for kind, readings in ((Kind.DRIFT, report.features), (Kind.ANSWERS, report.answers)):
        for each in readings:
            yield Sight(kind, each.name, _bad(each), each.psi, _said(kind, each, report.rows))


def of_labels(right: Sequence[bool], expected: float | None) -> Sight | None:
    """What the last labels say of a model that was `expected` to be right so often.

    None where too few are known, or nothing was expected.
    """
    count, correct = len(right), sum(right)
    if expected is None or count < LEAST_LABELS:
        return None
    from scipy.special import bdtr  # here: commands that watch nothing start without it

    floor, found = max(0.0, expected - SLACK), correct / count
    below = bdtr(correct, count, floor) < _CHANCE
    text = (
        f"{found:.1%} of the last {count} labels are as predicted; {expected:.1%} were when the "
        f"model was made, and its floor is {floor:.1%}."
    )
    bad = True if below else None if found < floor else False
    return Sight(Kind.ACCURACY, "", bad, found, text)


def of_change(before: float, after: float, *, worse: bool) -> Sight:
    """What a detector of changes says of the errors, by the share of them."""
    text = f"{after:.1%} of the labels are otherwise than predicted, after {before:.1%}."
    return Sight(Kind.CHANGE, "", worse, after, text)


def news(sights: Iterable[Sight], standing: Collection[tuple[str, str]]) -> list[News]:
    """What has begun or is over; `standing` are kinds and subjects that began and are not."""
    found = []
    for sight in sights:
        stands = (sight.kind.value, sight.subject) in standing
        if sight.bad is not None and sight.bad is not stands:
            found.append(News(sight, over=stands))
    return found


def _bad(reading: Reading) -> bool | None:
    return {State.DRIFTING: True, State.STEADY: False}.get(reading.state)


def _said(kind: Kind, reading: Reading, rows: int) -> str:
    if reading.psi is None:
        return f"Too few rows came to say anything of {reading.name}."
    lies = reading.name if kind is Kind.DRIFT else f"{reading.name} of the answers"
    far = f"by a PSI of {reading.psi:.2f} over {rows:,} rows"
    if reading.state is State.STEADY:
        return f"{lies} lies as in training, but for what may be chance: {far}."
    return (
        f"{lies} lies otherwise than in training {far}; "
        f"{drift.DRIFTING:g} and more is commonly called drift."
    )
