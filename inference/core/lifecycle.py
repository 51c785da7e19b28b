"""Which statuses an algorithm may take, and which arm of a finished test goes into production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from inference.core import balance
from inference.core.errors import TransitionRefused
from inference.core.experiment import Arm, Mode, Terms
from inference.core.verdict import judge


class Status(StrEnum):
    """Where an algorithm stands in its life."""

    REGISTERED = "registered"  # known, not served by default
    TESTING = "testing"
    STAGING = "staging"
    AB_TESTING = "ab_testing"  # an arm of the running test
    PRODUCTION = "production"  # the one that answers by default
    RETIRED = "retired"


class Rule(StrEnum):
    """What a test does about production when it is stopped; stated before it starts."""

    ACCURACY = "accuracy"  # the higher score wins, however small the lead
    EVIDENCE = "evidence"  # a winner only if the verdict names one
    NONE = "none"  # everything returns to where it was


_FREE = frozenset({Status.REGISTERED, Status.TESTING, Status.STAGING, Status.RETIRED})

# Production is left only because another algorithm is promoted, so that an endpoint never stops
# answering by a slip of the hand.
BY_HAND: Mapping[Status, frozenset[Status]] = {
    Status.REGISTERED: _FREE | {Status.PRODUCTION},
    Status.TESTING: _FREE | {Status.PRODUCTION},
    Status.STAGING: _FREE | {Status.PRODUCTION},
    Status.AB_TESTING: frozenset(),
    Status.PRODUCTION: frozenset({Status.PRODUCTION}),
    Status.RETIRED: _FREE | {Status.PRODUCTION},
}

# A test takes its arms from anywhere but retirement, and returns them anywhere but there.
BY_TEST: Mapping[Status, frozenset[Status]] = {
    Status.REGISTERED: frozenset({Status.AB_TESTING}),
    Status.TESTING: frozenset({Status.AB_TESTING}),
    Status.STAGING: frozenset({Status.AB_TESTING}),
    Status.AB_TESTING: frozenset(
        {Status.REGISTERED, Status.TESTING, Status.STAGING, Status.PRODUCTION}
    ),
    Status.PRODUCTION: frozenset({Status.AB_TESTING}),
    Status.RETIRED: frozenset(),
}

# What an algorithm becomes when another one takes its place in production, or wins its test.
DISPLACED = Status.TESTING


def parse(text: str) -> Status:
    """The status of that name; raises TransitionRefused naming those there are."""
    try:
        return Status(text)
    except ValueError:
        known = ", ".join(Status)
        raise TransitionRefused(f"there is no status {text!r}; there are {known}") from None


def check(old: Status, new: Status, *, by_test: bool = False) -> None:
    """Raise TransitionRefused, saying what to do instead, unless `old` may become `new`.

    `by_test` is true for the moves that starting and stopping a test makes. Making room for a
    promoted algorithm (see `DISPLACED`) is part of its promotion and not asked here.
    """
    table = BY_TEST if by_test else BY_HAND
    if new not in table[old]:
        raise TransitionRefused(_reason(old, new, by_test=by_test))


def _reason(old: Status, new: Status, *, by_test: bool) -> str:
    if by_test:
        return f"a test cannot turn {old} into {new}"
    if old is Status.AB_TESTING:
        return "the algorithm is an arm of a running test; stop the test first"
    if new is Status.AB_TESTING:
        return "only starting a test puts an algorithm into ab_testing"
    return "an endpoint needs an algorithm in production; promote another one instead"


def decide(rule: Rule, arms: Sequence[Arm], terms: Terms) -> int | None:
    """The index of the arm that goes into production when the test stops, or None for no change.

    An unhealthy test promotes nobody, whatever its rule.
    By the score (accuracy, if nothing else was agreed), a tie keeps the first of the best; an arm
    without a label leaves nothing to compare.
    """
    if rule is Rule.EVIDENCE:
        return judge(arms, terms).winner
    if rule is Rule.NONE or not balance.health(arms, terms.mode).fine:
        return None
    scores = [score for score in _scores(arms, terms) if score is not None]
    if len(scores) < len(arms):
        return None
    return scores.index(max(scores))


def _scores(arms: Sequence[Arm], terms: Terms) -> Iterator[float | None]:
    """Of what the arms can be compared by: in a shadow test, the lead over the control."""
    if terms.mode is not Mode.SHADOW:
        yield from (terms.measure.score(arm.tally) for arm in arms)
        return
    yield 0.0
    for arm in arms[1:]:
        yield arm.tally.gap / arm.tally.labelled if arm.tally.labelled else None
