from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.core.schema import Task
from inference.core.tally import NOTHING, Tally, label_change

counts = st.integers(-10_000, 10_000)
# Multiples of 1/1024 add up without rounding, so equality means equality.
sums = st.integers(-(2**30), 2**30).map(lambda n: n / 1024)
tallies = st.builds(Tally, counts, counts, counts, counts, sums, sums)
tasks = st.sampled_from(["binary", "multiclass", "regression"])
words = st.none() | st.text(max_size=8) | st.integers().map(str) | st.floats().map(repr)


@given(tallies, tallies, tallies)
def test_it_does_not_matter_which_worker_is_added_first(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(tallies, tallies)
def test_what_is_taken_away_is_gone(a: Tally, b: Tally) -> None:
    assert a + NOTHING == a
    assert a + b - b == a
    assert a - a == NOTHING


@given(tasks, words, words, words)
@settings(deadline=None)
def test_a_label_changed_and_changed_back_leaves_nothing(
    task: Task, response: str | None, old: str | None, new: str | None
) -> None:
    there = label_change(task, response, old, new)
    back = label_change(task, response, new, old)

    assert there + back == NOTHING


# Numbers whose errors have exact squares and sums.
answers = st.none() | st.sampled_from(["", "a", "b", "high", "nan"]) | st.integers(-99, 99).map(str)


@given(tasks, answers, st.lists(answers, min_size=1, max_size=6))
@settings(deadline=None)
def test_many_corrections_leave_what_the_last_label_alone_would(
    task: Task, response: str | None, labels: list[str | None]
) -> None:
    changes = [
        label_change(task, response, old, new)
        for old, new in zip([None, *labels], labels, strict=False)
    ]

    assert sum(changes, NOTHING) == label_change(task, response, None, labels[-1])


@pytest.mark.parametrize(
    ("response", "old", "new", "change"),
    [
        (">50K", None, ">50K", Tally(labelled=1, correct=1)),
        (">50K", "", "<=50K", Tally(labelled=1)),
        (">50K", None, "  >50K\n", Tally(labelled=1, correct=1)),
        (">50K", "<=50K", ">50K", Tally(correct=1)),
        (">50K", ">50K", "<=50K", Tally(correct=-1)),
        (">50K", ">50K", "", Tally(labelled=-1, correct=-1)),
        (">50K", ">50K", " >50K", NOTHING),
        (">50K", None, " ", NOTHING),
        ("1", None, "1.0", Tally(labelled=1)),
        ("Zoë", None, "Zoë", Tally(labelled=1, correct=1)),
        (None, None, ">50K", NOTHING),
    ],
)
def test_a_class_counts_if_it_reads_the_same(
    response: str | None, old: str | None, new: str, change: Tally
) -> None:
    assert label_change("binary", response, old, new) == change
    assert label_change("multiclass", response, old, new) == change


@pytest.mark.parametrize(
    ("response", "old", "new", "change"),
    [
        ("2.5", None, "4", Tally(labelled=1, absolute_error=1.5, squared_error=2.25)),
        ("2.5", None, " 2.5 ", Tally(labelled=1)),
        ("2.5", "4", "2", Tally(absolute_error=-1.0, squared_error=-2.0)),
        ("2.5", "4", "", Tally(labelled=-1, absolute_error=-1.5, squared_error=-2.25)),
        ("2.5", None, "high", NOTHING),
        ("2.5", None, "nan", NOTHING),
        ("2.5", None, "-inf", NOTHING),
        ("2.5", None, "1e200", NOTHING),
        ("error", None, "4", NOTHING),
        (None, None, "4", NOTHING),
    ],
)
def test_a_number_counts_by_how_far_off_it_was(
    response: str | None, old: str | None, new: str, change: Tally
) -> None:
    assert label_change("regression", response, old, new) == change


def test_shares_are_of_what_they_name() -> None:
    tally = Tally(exposures=10, errors=1, labelled=8, correct=6, absolute_error=4.0)

    assert tally.wrong == 2
    assert tally.accuracy == 0.75
    assert tally.mean_absolute_error == 0.5
    assert tally.failure_rate == 0.1
    assert tally.score("multiclass") == 0.75
    assert tally.score("regression") == -0.5


def test_of_nothing_there_is_no_share() -> None:
    assert NOTHING.accuracy is None
    assert NOTHING.mean_absolute_error is None
    assert NOTHING.failure_rate is None
    assert NOTHING.score("binary") is None
    assert NOTHING.score("regression") is None
