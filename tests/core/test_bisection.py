"""k culprits among n rows are found in at most 1 + 2k * ceil(log2 n) tries, nobody else is hurt."""

from __future__ import annotations

from math import ceil, log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core.bisection import Bisection, Span


def search(rows: int, poison: set[int]) -> tuple[list[Span], set[int], list[int]]:
    """Every span tried, the culprits found, the rows that passed."""
    plan = Bisection(rows)
    tried: list[Span] = []
    found: set[int] = set()
    passed: list[int] = []
    while (span := plan.next()) is not None:
        tried.append(span)
        if not poison.intersection(range(*span)):
            passed.extend(range(*span))
        elif plan.failed(span):
            found.add(span.start)
    return tried, found, passed


@pytest.mark.parametrize(
    ("rows", "poison", "tried"),
    [
        (1, set(), [(0, 1)]),
        (1, {0}, [(0, 1)]),
        (4, set(), [(0, 4)]),
        (2, {1}, [(0, 2), (0, 1), (1, 2)]),
        (4, {2}, [(0, 4), (0, 2), (2, 4), (2, 3), (3, 4)]),
        (3, {0, 1, 2}, [(0, 3), (0, 1), (1, 3), (1, 2), (2, 3)]),
    ],
)
def test_halves_are_tried_the_widest_first(
    rows: int, poison: set[int], tried: list[tuple[int, int]]
) -> None:
    assert search(rows, poison)[0] == tried


@given(st.data())
def test_exactly_the_culprits_are_found_and_every_other_row_passes_once(
    data: st.DataObject,
) -> None:
    rows = data.draw(st.integers(1, 600))
    poison = data.draw(st.sets(st.integers(0, rows - 1), max_size=12))

    tried, found, passed = search(rows, poison)

    assert found == poison
    assert sorted(passed) == sorted(set(range(rows)) - poison)
    assert len(tried) <= 1 + 2 * len(poison) * ceil(log2(rows) if rows > 1 else 0)


def test_where_every_row_is_a_culprit_each_is_tried_once_alone() -> None:
    tried, found, passed = search(64, set(range(64)))

    assert (len(tried), len(found), passed) == (127, 64, [])
