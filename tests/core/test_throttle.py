from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from inference.core.throttle import Throttle


def test_the_first_touch_is_due_at_once() -> None:
    throttle = Throttle(0.1)

    assert throttle.touch("a", 5.0) == 5.0
    assert throttle.due(5.0) == ["a"]
    assert throttle.due(5.0) == []


def test_touches_within_the_interval_share_one_send_at_its_end() -> None:
    throttle = Throttle(0.25)
    throttle.touch("a", 1.0)
    throttle.due(1.0)

    assert throttle.touch("a", 1.125) == 1.25
    assert throttle.touch("a", 1.1875) is None
    assert throttle.due(1.1875) == []
    assert throttle.due(1.25) == ["a"]
    assert throttle.touch("a", 1.3125) == 1.5


def test_after_a_silence_a_touch_is_due_at_once_again() -> None:
    throttle = Throttle(0.25)
    throttle.touch("a", 1.0)
    throttle.due(1.0)

    assert throttle.touch("a", 9.0) == 9.0


def test_a_late_shell_is_told_the_present_not_the_past() -> None:
    throttle = Throttle(0.25)
    throttle.touch("a", 1.0)
    throttle.due(1.0)

    assert throttle.touch("a", 1.25) == 1.25


def test_topics_do_not_wait_for_each_other() -> None:
    throttle = Throttle(0.25)
    throttle.touch("a", 1.0)
    throttle.due(1.0)
    throttle.touch("a", 1.125)
    throttle.touch("b", 1.125)

    assert throttle.next_due() == 1.125
    assert throttle.due(1.125) == ["b"]
    assert throttle.next_due() == 1.25
    assert throttle.due(1.25) == ["a"]
    assert throttle.next_due() is None


def test_what_takes_long_is_sent_less_often_but_never_too_seldom() -> None:
    throttle = Throttle(0.25, longest=1.0, share=0.125)

    throttle.touch("a", 1.0)
    throttle.due(1.0)
    throttle.took("a", 0.0625)
    assert throttle.touch("a", 1.125) == 1.5
    throttle.due(1.5)
    throttle.took("a", 60.0)
    assert throttle.touch("a", 1.625) == 2.5
    throttle.due(2.5)
    throttle.took("a", 0.001)
    assert throttle.touch("a", 2.625) == 2.75


def test_what_was_touched_while_it_was_sent_waits_as_well() -> None:
    throttle = Throttle(0.25, longest=1.0, share=0.125)
    throttle.touch("a", 1.0)
    throttle.due(1.0)
    throttle.touch("a", 1.0625)

    throttle.took("a", 0.0625)

    assert throttle.due(1.25) == []
    assert throttle.next_due() == 1.5


def test_topics_that_went_quiet_are_forgotten() -> None:
    throttle = Throttle(0.25)
    for second in range(1000):
        throttle.touch(f"topic {second}", float(second))
        throttle.due(float(second))
        throttle.took(f"topic {second}", 0.2)

    assert len(throttle._sent) == 1
    assert not throttle._pauses


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc")), max_size=60))
@settings(deadline=None)
def test_every_touch_is_sent_within_the_interval_and_never_twice_in_one(
    steps: list[tuple[int, str]],
) -> None:
    interval, now = 4.0, 0.0
    throttle = Throttle(interval)
    waiting: dict[str, float] = {}
    sent: dict[str, float] = {}

    def play(until: float) -> None:
        while (due := throttle.next_due()) is not None and due <= until:
            for topic in throttle.due(due):
                assert due - sent.get(topic, -interval) >= interval
                assert due - waiting.pop(topic) <= interval
                sent[topic] = due

    for wait, topic in steps:
        play(now := now + wait)
        throttle.touch(topic, now)
        waiting.setdefault(topic, now)
    play(now + interval)

    assert waiting == {}
