from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inference.core.tally import NOTHING, Tally

counts = st.integers(-10_000, 10_000)
# Multiples of 1/1024 add up without rounding, so equality means equality.
sums = st.integers(-(2**30), 2**30).map(lambda n: n / 1024)
tallies = st.builds(
    Tally,
    counts,
    counts,
    counts,
    counts,
    sums,
    sums,
    counts,
    sums,
    sums,
    counts,
    counts,
    sums,
    sums,
)


@given(tallies, tallies, tallies)
def test_it_does_not_matter_which_worker_is_added_first(a: Tally, b: Tally, c: Tally) -> None:
    assert (a + b) + c == a + (b + c)
    assert a + b == b + a


@given(tallies, tallies)
def test_what_is_taken_away_is_gone(a: Tally, b: Tally) -> None:
    assert a + NOTHING == a
    assert a + b - b == a
    assert a - a == NOTHING


def test_shares_are_of_what_they_name() -> None:
    tally = Tally(exposures=10, errors=1, labelled=8, correct=6, absolute_error=4.0)

    assert tally.wrong == 2
    assert tally.accuracy == 0.75
    assert tally.mean_absolute_error == 0.5
    assert tally.failure_rate == 0.1


def test_of_nothing_there_is_no_share() -> None:
    assert NOTHING.accuracy is None
    assert NOTHING.mean_absolute_error is None
    assert NOTHING.failure_rate is None
