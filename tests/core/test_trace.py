from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import log
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.core import trace
from inference.core.trace import POINTS, Point

AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COUNTS = st.lists(st.integers(0, 10**9), max_size=2000)


def grown(counts: list[int]) -> frozenset[int]:
    """As a program does it that knows no more than what it has kept."""
    seen: frozenset[int] = frozenset()
    for count in counts:
        seen = trace.kept([*seen, count])
    return seen


def walk(first: int, steps: list[int]) -> list[int]:
    found = [first]
    for step in steps:
        found.append(found[-1] + step)
    return found


# -- which points stay -----------------------------------------------------------------------------


def test_of_nothing_nothing_stays() -> None:
    assert trace.kept([]) == frozenset()


def test_a_short_path_stays_whole() -> None:
    counts = range(1, 20)

    assert trace.kept(counts) == frozenset(counts)


@settings(max_examples=50)
@given(COUNTS)
def test_never_too_many_and_always_both_ends(counts: list[int]) -> None:
    found = trace.kept(counts)

    assert len(found) <= POINTS
    assert found <= set(counts)
    assert not counts or {min(counts), max(counts)} <= found


@given(st.lists(st.integers(0, 10**6), max_size=60), st.randoms(use_true_random=False))
def test_neither_order_nor_what_was_dropped_before_makes_a_difference(
    counts: list[int], dice: random.Random
) -> None:
    shuffled = counts.copy()
    dice.shuffle(shuffled)

    assert grown(counts) == grown(shuffled) == trace.kept(counts)


@settings(max_examples=30)
@given(
    st.integers(1, 10_000),
    st.lists(st.integers(1, 50), min_size=600, max_size=800),
    st.integers(25, 400),
)
def test_a_path_that_was_thinned_on_its_way_is_as_one_that_was_not(
    first: int, steps: list[int], at_once: int
) -> None:
    counts = walk(first, steps)
    seen: frozenset[int] = frozenset()
    for start in range(0, len(counts), at_once):
        seen = trace.kept([*seen, *counts[start : start + at_once]])

    assert seen == trace.kept(counts)


@settings(max_examples=30)
@given(st.integers(0, 5_000), st.integers(1_000, 100_000))
def test_the_spacing_is_even_in_the_logarithm(first: int, length: int) -> None:
    *found, _newest = sorted(trace.kept(range(first, first + length)))
    usual = log((first + length) / max(1, first)) / POINTS
    apart = [
        log(later / earlier)
        for earlier, later in pairwise(found)
        if later - earlier > 1 and earlier > 0
    ]

    # Pieces are at most twice as wide as they need to be, and two neighbours lie within two pieces.
    assert max(apart, default=0.0) < 4.0 * usual + 1.0 / max(1, first)
    for earlier, _, later in zip(found, found[1:], found[2:], strict=False):
        assert later - earlier == 2 or earlier == 0 or log(later / earlier) > usual / 2.0


def test_a_long_test_uses_the_room_that_it_has() -> None:
    found = sorted(trace.kept(range(200, 1_000_000, 7)))

    assert POINTS / 2 < len(found) <= POINTS
    assert (found[0], found[-1]) == (200, range(200, 1_000_000, 7)[-1])


# -- points and columns ----------------------------------------------------------------------------


def body(labelled: int, log_e: float | None = 1.0, score: float | None = 0.5) -> dict[str, Any]:
    evidence = {"log_e": log_e, "difference": 1 / 3, "interval": (-0.25, 2 / 3)}
    return {
        "evidence": None if log_e is None else evidence,
        "arms": [
            {"arm": 11, "labelled": labelled, "score": score},
            {"arm": 12, "labelled": labelled + 1, "score": None},
        ],
    }


def seen(labelled: int, log_e: float = 1.0, minute: int = 0) -> Point:
    found = trace.point(body(labelled, log_e), AT + timedelta(minutes=minute))
    assert found is not None
    return found


def test_a_point_has_the_evidence_and_each_arm_as_far_as_anybody_sees() -> None:
    assert trace.point(body(100), AT) == (
        201,
        AT,
        {
            "log_e": 1.0,
            "difference": 0.333333,
            "low": -0.25,
            "high": 0.666667,
            "arms": [[11, 100, 0.5], [12, 101, None]],
        },
    )


def test_without_evidence_there_is_no_point() -> None:
    assert trace.point(body(10, None)) is None


def test_the_present_follows_the_past_and_labels_taken_back_take_their_points_along() -> None:
    past = [seen(10), seen(20), seen(30)]
    now = seen(15)

    assert trace.joined(past, now, now.labelled) == [seen(10), now]


def test_the_same_count_again_replaces_its_point_unless_it_says_the_same() -> None:
    past = [seen(10), seen(20)]
    other, same = seen(20, log_e=2.0, minute=5), seen(20, minute=5)

    assert trace.joined(past, other, other.labelled) == [seen(10), other]
    assert trace.joined(past, same, same.labelled) == past


def test_a_path_without_a_present_ends_with_what_was_seen() -> None:
    past = [seen(10), seen(20)]

    assert trace.joined(past, None, 21) == [seen(10)]
    assert trace.joined(past, None, 41) == past


def test_columns_lie_side_by_side() -> None:
    assert trace.columns([seen(10), seen(20, log_e=2.0, minute=1)]) == {
        "n": [21, 41],
        "labelled": [21, 41],
        "log_e": [1.0, 2.0],
        "difference": [0.333333, 0.333333],
        "low": [-0.25, -0.25],
        "high": [0.666667, 0.666667],
        "at": ["2026-01-02T03:04:05.678901Z", "2026-01-02T03:05:05.678901Z"],
        "arms": [
            {"arm": 11, "labelled": [10, 20], "score": [0.5, 0.5]},
            {"arm": 12, "labelled": [11, 21], "score": [None, None]},
        ],
    }


def test_of_no_path_the_columns_are_empty() -> None:
    assert set(map(len, trace.columns([]).values())) == {0}
