from __future__ import annotations

import pytest

from inference.core.errors import TransitionRefused
from inference.core.experiment import Arm, Mode, Terms
from inference.core.lifecycle import (
    ANSWERING,
    AT_REST,
    BY_HAND,
    BY_TEST,
    DISPLACED,
    IN_TEST,
    Rule,
    Status,
    check,
    decide,
    lost,
    parse,
    taken,
)
from inference.core.metrics import Measure, Metric
from inference.core.tally import Tally

ERRORS = Measure(Metric.ABSOLUTE_ERROR)

FREE = ["registered", "testing", "staging", "retired"]
TERMS = Terms()


def arm(labelled: int, correct: int) -> Arm:
    return Arm("forest", 1, Tally(exposures=labelled, labelled=labelled, correct=correct))


@pytest.mark.parametrize("new", [*FREE, "production"])
@pytest.mark.parametrize("old", FREE)
def test_by_hand_an_algorithm_moves_freely_outside_production(old: str, new: str) -> None:
    check(Status(old), Status(new))


@pytest.mark.parametrize("new", FREE)
def test_production_is_left_only_by_promoting_another(new: str) -> None:
    with pytest.raises(TransitionRefused, match="promote another one instead"):
        check(Status.PRODUCTION, Status(new))


def test_confirming_production_changes_nothing_and_is_allowed() -> None:
    check(Status.PRODUCTION, Status.PRODUCTION)


@pytest.mark.parametrize("new", sorted(IN_TEST))
@pytest.mark.parametrize("old", [*FREE, "production", "rolled_back"])
def test_only_a_test_makes_an_arm(old: str, new: Status) -> None:
    with pytest.raises(TransitionRefused, match=f"only starting a test puts .* into {new}"):
        check(Status(old), new)


@pytest.mark.parametrize("new", list(Status))
@pytest.mark.parametrize("old", sorted(IN_TEST))
def test_an_arm_of_a_running_test_is_not_moved_by_hand(old: Status, new: Status) -> None:
    with pytest.raises(TransitionRefused, match="stop the test first"):
        check(old, new)


@pytest.mark.parametrize("during", sorted(IN_TEST))
@pytest.mark.parametrize("old", ["registered", "testing", "staging", "production"])
def test_a_test_takes_its_arms_and_gives_them_back(old: str, during: Status) -> None:
    check(Status(old), during, by_test=True)
    for after in (Status(old), DISPLACED, Status.REJECTED, Status.ROLLED_BACK):
        check(during, after, by_test=True)


def test_a_rejected_algorithm_is_looked_at_before_it_serves() -> None:
    check(Status.REJECTED, Status.TESTING)
    for new in (Status.STAGING, Status.PRODUCTION):
        with pytest.raises(TransitionRefused, match="put it into testing first"):
            check(Status.REJECTED, new)


def test_what_was_rolled_back_may_be_promoted_again_but_nobody_is_rolled_back_by_hand() -> None:
    check(Status.ROLLED_BACK, Status.PRODUCTION)
    with pytest.raises(TransitionRefused, match="only a rollback"):
        check(Status.TESTING, Status.ROLLED_BACK)


@pytest.mark.parametrize("old", sorted(AT_REST))
@pytest.mark.parametrize("during", sorted(IN_TEST))
def test_no_test_takes_what_rests(old: Status, during: Status) -> None:
    with pytest.raises(TransitionRefused, match="a test cannot turn"):
        check(old, during, by_test=True)


@pytest.mark.parametrize(
    ("mode", "statuses"),
    [
        (Mode.SPLIT, ["ab_testing", "ab_testing"]),
        (Mode.BANDIT, ["ab_testing", "ab_testing"]),
        (Mode.SHADOW, ["production", "shadow"]),
        (Mode.CANARY, ["production", "canary"]),
    ],
)
def test_an_arm_has_the_status_of_its_part(mode: Mode, statuses: list[str]) -> None:
    before = [Status.PRODUCTION, Status.TESTING]
    assert [taken(mode, at, status) for at, status in enumerate(before)] == statuses


def test_a_control_that_is_not_in_production_answers_as_an_arm() -> None:
    assert taken(Mode.SHADOW, 0, Status.STAGING) is Status.AB_TESTING
    assert taken(Mode.SHADOW, 1, Status.PRODUCTION) is Status.SHADOW


@pytest.mark.parametrize(
    ("rule", "position", "before", "after"),
    [
        (Rule.EVIDENCE, 1, "testing", "rejected"),
        (Rule.EVIDENCE, 1, "production", "testing"),
        (Rule.EVIDENCE, 0, "production", "testing"),
        (Rule.ACCURACY, 1, "testing", "testing"),
    ],
)
def test_only_evidence_rejects_and_never_the_former_champion(
    rule: Rule, position: int, before: str, after: str
) -> None:
    assert lost(rule, position, Status(before)) == after


def test_who_answers_is_neither_at_rest_nor_in_the_shadow() -> None:
    assert not ANSWERING & AT_REST
    assert Status.SHADOW not in ANSWERING


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("retired", "ab_testing"),
        ("ab_testing", "retired"),
        ("ab_testing", "ab_testing"),
        ("testing", "production"),
    ],
)
def test_a_test_moves_nothing_else(old: str, new: str) -> None:
    with pytest.raises(TransitionRefused, match=f"a test cannot turn {old} into {new}"):
        check(Status(old), Status(new), by_test=True)


def test_both_tables_speak_of_every_status() -> None:
    assert set(BY_HAND) == set(BY_TEST) == set(Status)


def test_a_status_is_read_by_its_name() -> None:
    assert parse("production") is Status.PRODUCTION


@pytest.mark.parametrize("text", ["", "Production", "live", "testing "])
def test_an_unknown_status_is_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(TransitionRefused, match="registered, testing, staging, ab_testing"):
        parse(text)


@pytest.mark.parametrize(
    ("arms", "winner"),
    [
        ([arm(10, 7), arm(10, 8)], 1),
        ([arm(10, 8), arm(10, 7)], 0),
        ([arm(10, 8), arm(5, 4)], 0),
        ([arm(3, 2), arm(6, 4)], 0),
        ([arm(9, 3), arm(9, 6), arm(3, 2)], 1),
        ([arm(0, 0), arm(10, 8)], None),
        ([arm(10, 8), arm(0, 0)], None),
        ([arm(0, 0), arm(0, 0)], None),
        ([arm(10, 0), arm(10, 0)], 0),
    ],
)
def test_by_accuracy_the_higher_wins_and_a_tie_keeps_the_first(
    arms: list[Arm], winner: int | None
) -> None:
    assert decide(Rule.ACCURACY, arms, TERMS) == winner


def test_by_accuracy_a_regression_is_won_by_the_smaller_error() -> None:
    near = Arm("near", 1, Tally(labelled=4, absolute_error=2.0, squared_error=1.0))
    far = Arm("far", 1, Tally(labelled=4, absolute_error=6.0, squared_error=9.0))

    assert decide(Rule.ACCURACY, [far, near], Terms(ERRORS)) == 1
    assert decide(Rule.ACCURACY, [near, far], Terms(ERRORS)) == 0


@pytest.mark.parametrize(
    ("arms", "winner"),
    [
        ([arm(2000, 1600), arm(2000, 1800)], 1),
        ([arm(2000, 1800), arm(2000, 1600)], 0),
        ([arm(2000, 1600), arm(2000, 1610)], None),
        ([arm(10, 1), arm(10, 9)], None),
    ],
)
def test_by_evidence_a_lead_that_may_be_chance_promotes_nobody(
    arms: list[Arm], winner: int | None
) -> None:
    assert decide(Rule.EVIDENCE, arms, TERMS) == winner


def test_without_a_rule_nobody_is_promoted() -> None:
    assert decide(Rule.NONE, [arm(2000, 1600), arm(2000, 1800)], TERMS) is None


@pytest.mark.parametrize("rule", list(Rule))
def test_an_unhealthy_test_promotes_nobody(rule: Rule) -> None:
    tallies = [(9000, 4000, 3000), (11000, 4900, 4500)]
    arms = [Arm("a", 1, Tally(n, 0, labels, right, subjects=n)) for n, labels, right in tallies]

    assert decide(rule, arms, TERMS) is None
