"""Ages are read strictly, and what lies between the kept ids is found exactly."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core import retention

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 9)).map(lambda s: (s[0], sum(s))))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1h", timedelta(hours=1)),
        ("90d", timedelta(days=90)),
        ("26w", timedelta(days=182)),
    ],
)
def test_an_age_has_a_number_and_a_unit(text: str, meant: timedelta) -> None:
    assert retention.age(text) == meant


@pytest.mark.parametrize("text", ["", "90", "d", "0d", "-1d", "1.5d", "90D", "90 d", "1m", "٣d"])
def test_anything_else_deletes_nothing(text: str) -> None:
    with pytest.raises(ValueError, match="is no age"):
        retention.age(text)


@pytest.mark.parametrize(
    ("kept", "found"),
    [
        ([], [(10, 20)]),
        ([(12, 14)], [(10, 11), (15, 20)]),
        ([(5, 10), (20, 30)], [(11, 19)]),
        ([(15, 15), (12, 16)], [(10, 11), (17, 20)]),
        ([(1, 9), (21, 22)], [(10, 20)]),
        ([(1, 100)], []),
    ],
)
def test_gaps(kept: list[tuple[int, int]], found: list[tuple[int, int]]) -> None:
    assert list(retention.gaps(10, 20, kept)) == found


@given(st.integers(0, 60), st.integers(0, 60), SPANS)
def test_every_id_is_kept_or_in_a_gap(first: int, last: int, kept: list[tuple[int, int]]) -> None:
    free = [
        each for low, high in retention.gaps(first, last, kept) for each in range(low, high + 1)
    ]
    stay = {each for low, high in kept for each in range(low, high + 1)}

    assert free == [each for each in range(first, last + 1) if each not in stay]
