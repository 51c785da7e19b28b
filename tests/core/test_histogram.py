"""Values in buckets: none lost, each where it belongs, and sums that add up."""

from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from inference.core.histogram import ROWS, SECONDS, Histogram

values = st.lists(st.floats(min_value=0, max_value=100), max_size=50)


def counted(observed: list[float]) -> Histogram:
    histogram = Histogram(SECONDS)
    for value in observed:
        histogram.observe(value)
    return histogram


def test_the_bounds_go_from_ten_microseconds_to_ten_seconds() -> None:
    assert (SECONDS[0], SECONDS[1], SECONDS[2], SECONDS[3]) == (1e-5, 2.5e-5, 5e-5, 1e-4)
    assert SECONDS[-1] == 10.0
    assert list(SECONDS) == sorted(set(SECONDS))


def test_the_sizes_of_batches_are_powers_of_two() -> None:
    assert ROWS[:4] == (1, 2, 4, 8)
    assert ROWS[-1] == 4096


def test_a_value_on_a_bound_is_counted_under_it() -> None:
    histogram = Histogram((1.0, 2.0))
    for value in (1.0, 1.5, 2.0, 2.5):
        histogram.observe(value)
    assert histogram.cumulative() == [(1.0, 1), (2.0, 3), (inf, 4)]
    assert (histogram.count, histogram.total) == (4, 7.0)


@given(values)
def test_each_bucket_holds_what_does_not_exceed_its_bound(observed: list[float]) -> None:
    for bound, n in counted(observed).cumulative():
        assert n == sum(value <= bound for value in observed)


@given(values, values)
def test_two_together_say_what_one_would_have_said(one: list[float], other: list[float]) -> None:
    together = counted(one)
    together.add(counted(other))
    assert together.cumulative() == counted(one + other).cumulative()
    assert abs(together.total - sum(one + other)) < 1e-6
