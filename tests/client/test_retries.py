from __future__ import annotations

import pytest

from weir_client import retries
from weir_client.errors import (
    InProgress,
    Interrupted,
    NotYet,
    Overloaded,
    RowInvalid,
    Unavailable,
    WeirError,
)
from weir_client.retries import Course, Retries

POLICY = Retries(attempts=4, total=10, first=1.0, longest=3.0)


@pytest.mark.parametrize(("failed", "most"), [(1, 1.0), (2, 2.0), (3, 3.0), (1000, 3.0)])
def test_pauses_double_up_to_the_longest_and_are_any_part_of_it(failed: int, most: float) -> None:
    assert POLICY.pause(failed, None, dice=lambda: 1.0) == most
    assert POLICY.pause(failed, None, dice=lambda: 0.0) == 0.0


def test_what_the_server_asked_for_is_waited_in_full() -> None:
    assert POLICY.pause(1, 2.5, dice=lambda: 0.0) == 2.5


def test_pauses_differ_from_caller_to_caller() -> None:
    assert len({POLICY.pause(3, None) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("error", "named", "nameless"),
    [
        (Overloaded(), True, True),
        (Interrupted(), True, False),
        (Unavailable(), True, False),
        (RowInvalid(), False, False),
        (WeirError(), False, False),
    ],
)
def test_what_may_have_been_counted_needs_a_name_to_be_sent_again(
    error: WeirError, named: bool, nameless: bool
) -> None:
    assert retries.worth(error, repeatable=True) is named
    assert retries.worth(error, repeatable=False) is nameless


def test_there_are_no_more_tries_than_allowed() -> None:
    course = Course(POLICY, deadline=100.0)
    for _ in range(POLICY.attempts - 1):
        course.pause(Overloaded(), 0.0, repeatable=False)

    with pytest.raises(Overloaded):
        course.pause(Overloaded(), 0.0, repeatable=False)


def test_a_pause_that_would_outlast_the_time_is_not_begun() -> None:
    course = Course(POLICY, deadline=10.0)

    with pytest.raises(Overloaded):
        course.pause(Overloaded(retry_after=3.0), 8.0, repeatable=True)


@pytest.mark.parametrize("error", [NotYet(retry_after=1.0), InProgress(retry_after=1.0)])
def test_waiting_for_what_is_being_done_is_no_failure(error: WeirError) -> None:
    course = Course(POLICY, deadline=50.0)

    assert [course.pause(error, float(now), repeatable=True) for now in range(40)] == [1.0] * 40
    with pytest.raises(type(error)):
        course.pause(error, 49.5, repeatable=True)
