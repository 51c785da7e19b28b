"""Which bytes the sweep cuts at."""

from __future__ import annotations

import pytest

from tests.faults.of_bytes import spread


@pytest.mark.parametrize(
    ("length", "most", "numbers"),
    [(0, 5, []), (3, 5, [0, 1, 2]), (5, 5, [0, 1, 2, 3, 4]), (10, 5, [0, 2, 4, 6, 8])],
)
def test_bytes_are_spread_evenly_from_the_first(length: int, most: int, numbers: list[int]) -> None:
    assert list(spread(length, most)) == numbers
