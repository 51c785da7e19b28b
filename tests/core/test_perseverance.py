"""Tried again and again with longer pauses, for a day; what kills its process, a few times."""

from __future__ import annotations

import pytest

from inference.core import perseverance
from inference.core.errors import (
    DeadlineExceeded,
    Draining,
    JsonInvalid,
    ModelUnavailable,
    NotServed,
    Overloaded,
    RowInvalid,
    StorageUnavailable,
    WeirError,
)

LATER = (DeadlineExceeded, Draining, ModelUnavailable, NotServed, Overloaded, StorageUnavailable)


def test_the_pauses_grow_and_end_at_a_minute() -> None:
    pauses = [perseverance.pause(refusals) for refusals in (0, 1, 2, 3, 6, 7, 1000)]

    assert pauses == [0.5, 1.0, 2.0, 4.0, 32.0, 60.0, 60.0]


@pytest.mark.parametrize("error", LATER)
def test_what_was_refused_is_tried_for_a_day(error: type[WeirError]) -> None:
    assert not perseverance.enough(error(), 0.0)
    assert not perseverance.enough(error(), 86_399.0)
    assert perseverance.enough(error(), 86_400.0)


@pytest.mark.parametrize("error", [RowInvalid, JsonInvalid])
def test_what_cannot_be_read_is_not_tried_again(error: type[WeirError]) -> None:
    assert perseverance.enough(error(), 0.0)


@pytest.mark.parametrize(
    ("attempts", "refusals", "suspected"),
    [
        (1, 0, False),  # the first time
        (3, 0, False),  # twice its process ended
        (4, 0, True),
        (101, 100, False),  # a hundred times there was no room
        (104, 100, True),
    ],
)
def test_what_ended_its_process_three_times_is_suspected(
    attempts: int, refusals: int, suspected: bool
) -> None:
    suspicion = perseverance.suspicion(attempts, refusals)

    assert (suspicion is not None) == suspected
    assert suspicion is None or (suspicion.code, "3 times" in suspicion.message) == (
        "model_error",
        True,
    )
