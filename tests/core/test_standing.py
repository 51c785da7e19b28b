"""A queue stands if it was too long for a whole interval, and until it was short for one."""

from __future__ import annotations

import pytest

from inference.core.standing import INTERVAL, Standing

LONG, SHORT = True, False


def seen(*looks: tuple[float, bool]) -> list[bool]:
    """Moments in intervals, and whether the queue was too long."""
    standing = Standing()
    return [standing.look(INTERVAL * now, long=long) for now, long in looks]


@pytest.mark.parametrize(
    ("looks", "stands"),
    [
        ([(0, SHORT), (9, SHORT)], [False, False]),
        ([(0, LONG), (0.5, LONG), (1, LONG)], [False, False, True]),
        ([(0, LONG), (0.5, SHORT), (1, LONG), (1.9, LONG)], [False] * 4),  # two bursts
        ([(0, LONG), (5, LONG), (5.9, LONG), (6, LONG)], [False, False, False, True]),  # as well
        ([(0, LONG), (0.3, LONG), (1.4, SHORT), (1.5, LONG)], [False] * 4),
        ([(0, LONG), (1, LONG), (1.1, SHORT), (1.9, SHORT)], [False, True, True, True]),
        ([(0, LONG), (1, LONG), (2.1, SHORT)], [False, True, False]),
        ([(0, LONG), (1, LONG), (1.5, SHORT), (2, LONG), (3, SHORT)], [False, *[True] * 4]),
        ([(0, LONG), (1, LONG), (2.1, LONG), (3, LONG)], [False, True, False, False]),
        ([(0, LONG), (1, LONG), (9, LONG), (10, LONG)], [False, True, False, True]),
    ],
)
def test_only_a_whole_interval_proves_something(
    looks: list[tuple[float, bool]], stands: list[bool]
) -> None:
    assert seen(*looks) == stands
