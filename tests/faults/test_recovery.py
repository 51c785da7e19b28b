"""The clock stops when the last one who waits is served."""

from __future__ import annotations

from tests.faults.journal import Entry, Event
from tests.faults.recovery import recovery

HEALED = 100.0


def answered(nonce: int, at: float = 101.0) -> Entry:
    return Entry(at, "a", Event.ANSWERED, nonce)


def test_recovery_waits_for_the_slowest_client() -> None:
    slow = Entry(104.0, "b", Event.ANSWERED, 9)
    before = Entry(99.0, "b", Event.ANSWERED, 8)
    assert recovery([answered(7), before, slow], HEALED) == 4.0
    assert recovery([answered(7), before], HEALED) is None
    assert recovery([], HEALED) == 0.0


def test_nobody_waits_for_a_probe_to_be_served_again() -> None:
    asked = Entry(99.0, "probe", Event.ANSWERED, 9)
    assert recovery([answered(7), asked], HEALED) == 1.0


def test_recovery_includes_what_was_asked_before_and_answered_late() -> None:
    held = [Entry(99.0, "probe", Event.SENT, 9), Entry(107.0, "probe", Event.ANSWERED, 9)]
    assert recovery([answered(7), *held], HEALED) == 7.0
    again = Entry(120.0, "probe", Event.ANSWERED, 9)  # a repeat, and no part of it
    assert recovery([answered(7), *held, again], HEALED) == 7.0
    later = [Entry(101.0, "a", Event.SENT, 9), Entry(107.0, "a", Event.ANSWERED, 9)]
    assert recovery([answered(7), *later], HEALED) == 1.0
