"""An event comes once when something begins and once when it is over, never at the border."""

from __future__ import annotations

import pytest

from inference.core import alarms
from inference.core.alarms import Kind, Sight
from inference.core.drift import Reading, Report, State


def reading(name: str, state: State, psi: float | None = 0.3) -> Reading:
    return Reading(name, "number", state, psi, 0.1, 0.01, 0.0, 0.0, 0.0, 0.0)


def sight(bad: bool | None, subject: str = "age") -> Sight:
    return Sight(Kind.DRIFT, subject, bad, 0.3, "")


@pytest.mark.parametrize(
    ("state", "bad"),
    [
        (State.DRIFTING, True),
        (State.STEADY, False),
        (State.MOVING, None),
        (State.TOO_FEW, None),
    ],
)
def test_a_column_is_bad_good_or_neither(state: State, bad: bool | None) -> None:
    report = Report(500, (reading("age", state),), (reading("score", state),), None, None)

    feature, answer = alarms.of_report(report)

    assert (feature.kind, feature.subject, feature.bad) == (Kind.DRIFT, "age", bad)
    assert (answer.kind, answer.subject, answer.bad) == (Kind.ANSWERS, "score", bad)


def test_the_sentence_says_how_far_and_over_how_many() -> None:
    report = Report(1500, (reading("age", State.DRIFTING),), (), None, None)

    assert [each.text for each in alarms.of_report(report)] == [
        "age lies otherwise than in training by a PSI of 0.30 over 1,500 rows; "
        "0.2 and more is commonly called drift."
    ]


def test_what_is_over_is_said_in_other_words() -> None:
    report = Report(1500, (), (reading("score", State.STEADY, 0.05),), None, None)

    assert [each.text for each in alarms.of_report(report)] == [
        "score of the answers lies as in training, but for what may be chance: "
        "by a PSI of 0.05 over 1,500 rows."
    ]


def test_of_few_rows_it_says_that_they_are_few() -> None:
    report = Report(5, (reading("age", State.TOO_FEW, None),), (), None, None)

    assert next(alarms.of_report(report)).text.startswith("Too few rows")


@pytest.mark.parametrize(
    ("correct", "bad"), [(190, False), (170, False), (168, None), (155, None), (140, True)]
)
def test_labels_must_leave_no_doubt(correct: int, bad: bool | None) -> None:
    """Expected 0.90, so the floor is 0.85: of 200 labels 170."""
    found = alarms.of_labels([True] * correct + [False] * (200 - correct), 0.90)

    assert found is not None
    assert found.bad is bad


def test_few_labels_say_nothing_nor_do_any_without_an_expectation() -> None:
    assert alarms.of_labels([False] * (alarms.LEAST_LABELS - 1), 0.9) is None
    assert alarms.of_labels([False] * 200, None) is None


def test_a_change_says_from_what_to_what() -> None:
    found = alarms.of_change(0.1, 0.25, worse=True)

    assert (found.kind, found.bad, found.value) == (Kind.CHANGE, True, 0.25)
    assert "25.0% of the labels are otherwise than predicted, after 10.0%" in found.text


def test_what_begins_is_said_once() -> None:
    (began,) = alarms.news([sight(True)], standing=set())

    assert not began.over
    assert alarms.news([sight(True)], standing={("drift", "age")}) == []


def test_what_is_over_is_said_once() -> None:
    (ended,) = alarms.news([sight(False)], standing={("drift", "age")})

    assert ended.over
    assert alarms.news([sight(False)], standing=set()) == []


def test_at_the_border_nothing_is_said() -> None:
    assert alarms.news([sight(None)], standing=set()) == []
    assert alarms.news([sight(None)], standing={("drift", "age")}) == []


def test_another_column_is_another_matter() -> None:
    found = alarms.news([sight(True, "pay")], standing={("drift", "age")})

    assert [each.sight.subject for each in found] == ["pay"]
