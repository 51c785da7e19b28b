"""Short batches run on the loop; whatever is long, unknown or unreliable does not."""

from __future__ import annotations

import pytest

from inference.core.placement import GROUNDED, OVERRUNS, Placement


@pytest.mark.parametrize(
    ("expected", "inline"),
    [(None, False), (0.0, True), (0.0009, True), (0.001, False), (4.0, False)],
)
def test_what_is_expected_decides(expected: float | None, inline: bool) -> None:
    assert Placement(0.001).inline(expected) is inline


def test_forecasts_that_keep_failing_are_not_trusted_for_a_while() -> None:
    placement = Placement(0.001)
    for _ in range(OVERRUNS):
        placement.held(0.05)

    assert not any(placement.inline(0.0) for _ in range(GROUNDED))
    assert placement.inline(0.0)


def test_a_stall_now_and_then_changes_nothing() -> None:
    placement = Placement(0.001)
    for _ in range(OVERRUNS):
        placement.held(0.05)
        placement.held(0.0001)

    assert placement.inline(0.0)
