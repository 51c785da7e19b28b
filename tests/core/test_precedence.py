"""Triton's priorities are places in a queue."""

from __future__ import annotations

import pytest

from inference.core import precedence
from inference.core.precedence import Level


@pytest.mark.parametrize(
    ("priority", "level"),
    [(0, Level.USUAL), (1, Level.FIRST), (2, Level.LAST), (10**30, Level.LAST)],
)
def test_one_is_the_highest_and_none_is_usual(priority: int, level: Level) -> None:
    assert precedence.of_priority(priority) is level


def test_levels_are_in_the_order_in_which_they_go() -> None:
    assert sorted(Level) == [Level.FIRST, Level.USUAL, Level.LAST]
