"""Which statuses an algorithm may take, and which arm of a finished test goes into production."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

from inference.core import balance
from inference.core.errors import TransitionRefused
from inference.core.experiment import Arm, Mode, Terms
from inference.core.verdict import judge


class Status(StrEnum):
    """Where an algorithm stands in its life."""

    REGISTERED = "registered"  # known, not served by default
    TESTING = "testing"
    STAGING = "staging"
    AB_TESTING = "ab_testing"  # an arm of the running test that answers its share
    SHADOW = "shadow"  # given the same inputs as the control of a test, unseen
    CANARY = "canary"  # answers more and more units while guardrails hold
    PRODUCTION = "production"  # the one that answers by default
    RETIRED = "retired"
    REJECTED = "rejected"  # shown to be worse, by a test or an evaluation
    ROLLED_BACK = "rolled_back"  # was given traffic, and it was taken away again


class Rule(StrEnum):
    """What a test does about production when it is stopped; stated before it starts."""

    ACCURACY = "accuracy"  # the higher score wins, however small the lead
    EVIDENCE = "evidence"  # a winner only if the verdict names one
    NONE = "none"  # everything returns to where it was


# An arm of a running test, whether it answers anybody or not.
IN_TEST: Final = frozenset({Status.AB_TESTING, Status.SHADOW, Status.CANARY})
# Who may answer a request that names nobody.
ANSWERING: Final = frozenset({Status.PRODUCTION, Status.AB_TESTING, Status.CANARY})
# No process loads these.
AT_REST: Final = frozenset({Status.RETIRED, Status.REJECTED, Status.ROLLED_BACK})

_FREE = frozenset({Status.REGISTERED, Status.TESTING, Status.STAGING, Status.RETIRED})
_ANYWHERE = _FREE | {Status.PRODUCTION, Status.REJECTED}
_NOWHERE: frozenset[Status] = frozenset()

# Production is left only because another algorithm is promoted, so that an endpoint never stops
# answering by a slip of the hand. What was rejected is looked at again before it serves.
BY_HAND: Mapping[Status, frozenset[Status]] = {
    Status.REGISTERED: _ANYWHERE,
    Status.TESTING: _ANYWHERE,
    Status.STAGING: _ANYWHERE,
    Status.AB_TESTING: _NOWHERE,
    Status.SHADOW: _NOWHERE,
    Status.CANARY: _NOWHERE,
    Status.PRODUCTION: frozenset({Status.PRODUCTION}),
    Status.RETIRED: _ANYWHERE,
    Status.REJECTED: frozenset({Status.TESTING, Status.RETIRED, Status.REJECTED}),
    Status.ROLLED_BACK: _FREE | {Status.PRODUCTION, Status.REJECTED, Status.ROLLED_BACK},
}

_BEFORE = frozenset({Status.REGISTERED, Status.TESTING, Status.STAGING})
_AFTER = _BEFORE | {Status.PRODUCTION, Status.REJECTED, Status.ROLLED_BACK}

# A test takes its arms from anywhere but rest. It returns them, or promotes the winner; whom it
# has shown to be worse it puts to rest. A control that is in production may stay there meanwhile.
BY_TEST: Mapping[Status, frozenset[Status]] = {
    Status.REGISTERED: IN_TEST,
    Status.TESTING: IN_TEST,
    Status.STAGING: IN_TEST,
    Status.AB_TESTING: _AFTER,
    Status.SHADOW: _AFTER,
    Status.CANARY: _AFTER,
    Status.PRODUCTION: IN_TEST | {Status.PRODUCTION, Status.TESTING},
    Status.RETIRED: _NOWHERE,
    Status.REJECTED: _NOWHERE,
    Status.ROLLED_BACK: _NOWHERE,
}

# What an algorithm becomes when another one takes its place in production, or wins its test.
DISPLACED = Status.TESTING

_OF_CHALLENGERS: Mapping[Mode, Status] = {
    Mode.SPLIT: Status.AB_TESTING,
    Mode.SHADOW: Status.SHADOW,
    Mode.CANARY: Status.CANARY,
    Mode.BANDIT: Status.AB_TESTING,
}


def taken(mode: Mode, position: int, before: Status) -> Status:
    """What an arm is while its test runs; `position` counts from 0, which is the control.

    Where the challengers answer nobody or few, the control stays in production.
    """
    if position > 0:
        return _OF_CHALLENGERS[mode]
    stays = mode in (Mode.SHADOW, Mode.CANARY) and before is Status.PRODUCTION
    return before if stays else Status.AB_TESTING


def lost(rule: Rule, position: int, before: Status) -> Status:
    """What becomes of an arm when another one is promoted.

    A lead may be chance, so only evidence rejects; and never what was in production before.
    """
    beaten = rule is Rule.EVIDENCE and position > 0 and before is not Status.PRODUCTION
    return Status.REJECTED if beaten else DISPLACED


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
    if old in IN_TEST:
        return "the algorithm is an arm of a running test; stop the test first"
    if new in IN_TEST:
        return f"only starting a test puts an algorithm into {new}"
    if new is Status.ROLLED_BACK:
        return "only a rollback makes an algorithm rolled_back"
    if old is Status.REJECTED:
        return "the algorithm was rejected; put it into testing first"
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
