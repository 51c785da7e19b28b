"""How old an entry is depends on no agreement between clocks."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from inference.core.skew import Skew

SECONDS = st.floats(0, 1e6)


def test_while_nothing_is_known_nothing_is_old() -> None:
    assert Skew().age(b"1700000000000-0", 5.0) == 0.0


@pytest.mark.parametrize(
    ("entry", "now", "age"),
    [
        (b"1000000-0", 10.0, 0.0),
        (b"1000000-7", 12.5, 2.5),
        (b"999000-0", 10.0, 1.0),
        (b"1000000-0", 9.0, 0.0),
        (b"1005000-0", 11.0, 0.0),
    ],
)
def test_an_age_is_counted_from_the_moment_redis_took_it(
    entry: bytes, now: float, age: float
) -> None:
    skew = Skew()
    skew.observe(theirs=1000.0, asked=9.5, answered=10.5)

    assert skew.age(entry, now) == age


@given(SECONDS, st.floats(-1e9, 1e9), SECONDS, st.floats(0, 60))
def test_clocks_that_are_years_apart_tell_the_same_age(
    asked: float, ahead: float, waited: float, round_trip: float
) -> None:
    skew = Skew()
    answered = asked + round_trip
    skew.observe(asked + round_trip / 2 + ahead, asked, answered)
    added = max(0, round((answered + ahead) * 1000))

    age = skew.age(b"%d-0" % added, answered + waited)

    expected = max(0.0, answered + ahead + waited - added / 1000)
    assert age == pytest.approx(expected, abs=0.01)


def test_the_newest_look_at_the_other_clock_counts() -> None:
    skew = Skew()
    skew.observe(theirs=1000.0, asked=10.0, answered=10.0)
    skew.observe(theirs=2000.0, asked=11.0, answered=11.0)

    assert skew.age(b"2000000-0", 12.0) == 1.0
