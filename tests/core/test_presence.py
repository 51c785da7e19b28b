"""Who is alive, by numbers that rise and by one's own clock."""

from __future__ import annotations

import hypothesis.strategies as st
import msgspec
import pytest
from hypothesis import given

from inference.core import presence
from inference.core.presence import ALIVE, FORGOTTEN, GAP, GOODBYE, NO_LANE, Beat, Lane, Roster

DONE = Lane(50, 5, 1, 0, 0, 3, 2, 10.0, (0.1, 0.2, 0.3))


def beat(
    number: int,
    *,
    version: int = 1,
    draining: bool = False,
    lanes: dict[int, Lane] | None = None,
    failures: dict[int, str] | None = None,
) -> Beat:
    return Beat(
        number=number,
        version=version,
        host="h\N{LATIN SMALL LETTER O WITH DIAERESIS}st",
        pid=1,
        rss_mb=1.5,
        rate=0.25,
        shard=0,
        draining=draining,
        healthy=True,
        dead=0,
        lanes={1: NO_LANE} if lanes is None else lanes,
        failures=failures or {},
    )


def told(roster: Roster, now: float, **beats: Beat) -> None:
    roster.observe(now, {name: presence.written(each) for name, each in beats.items()})


def every_second(roster: Roster, start: int, stop: int, **beats: Beat) -> None:
    for now in range(start, stop):
        told(roster, float(now), **beats)


def test_a_heartbeat_is_read_as_it_was_written() -> None:
    roster, one = Roster(), beat(7, lanes={1: DONE, 2: NO_LANE}, failures={3: "it is torn"})
    told(roster, 0.0, a=one)

    assert roster.alive["a"].beat == one
    assert set(one.serves) == {1, 2}


def test_nobody_was_seen_by_one_who_never_looked() -> None:
    roster = Roster()

    assert (roster.looked, roster.alive, roster.version, roster.forgotten) == (None, {}, -1, [])
    assert roster.serving(1) == []


def test_whoever_beats_on_stays_alive_whatever_the_numbers() -> None:
    roster = Roster()
    for now in range(100):
        told(roster, float(now), a=beat(now * 3 + 1))

        assert set(roster.alive) == {"a"}


def test_a_heartbeat_that_stands_still_is_a_death_after_a_while() -> None:
    roster = Roster()
    every_second(roster, 0, int(ALIVE), a=beat(5))
    assert set(roster.alive) == {"a"}

    told(roster, ALIVE, a=beat(5))

    assert roster.alive == {}
    assert roster.serving(1) == []


def test_a_worker_that_comes_back_lives_again() -> None:
    roster = Roster()
    every_second(roster, 0, 30, a=beat(5))
    told(roster, 30.0, a=beat(6))

    assert set(roster.alive) == {"a"}


def test_a_number_that_falls_is_a_sign_of_life_like_any_other() -> None:
    roster = Roster()
    every_second(roster, 0, 30, a=beat(500))
    told(roster, 30.0, a=beat(1))

    assert set(roster.alive) == {"a"}


def test_whoever_did_not_look_for_a_while_blames_nobody() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(5))
    told(roster, 0.0 + GAP + 100.0, a=beat(5))
    assert set(roster.alive) == {"a"}

    every_second(roster, 103, 104 + int(ALIVE), a=beat(5))

    assert roster.alive == {}


def test_whoever_said_goodbye_is_gone_at_once() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(5), b=beat(9))
    told(roster, 0.5, a=beat(GOODBYE), b=beat(9))

    assert set(roster.alive) == {"b"}


def test_whose_heartbeat_is_lost_is_alive_as_long_as_anybody_who_is_silent() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(5, lanes={1: DONE}))
    told(roster, 1.0)
    assert set(roster.alive) == {"a"}

    told(roster, 2.0, a=beat(6, lanes={1: DONE}))
    assert roster.alive["a"].first == {1: DONE}  # the one that was known, not a newcomer

    every_second(roster, 3, 3 + int(ALIVE))
    assert roster.alive == {}


def test_nobody_is_blamed_for_what_a_redis_lost_that_was_away() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(5))
    told(roster, 60.0)

    assert set(roster.alive) == {"a"}


def test_a_dead_worker_is_forgotten_later() -> None:
    roster = Roster()
    every_second(roster, 0, int(FORGOTTEN) + 1, a=beat(5), b=beat(1))
    assert roster.forgotten == []

    told(roster, FORGOTTEN + 1, a=beat(5), b=beat(2))

    assert roster.forgotten == ["a"]


def test_a_heartbeat_of_another_release_is_ignored_and_hurts_nobody() -> None:
    roster = Roster()
    others = {
        "new": msgspec.msgpack.encode([1, 2]),
        "garbled": b"\xc1",
        "empty": b"",
        "map": msgspec.msgpack.encode({"number": 1}),
    }
    roster.observe(0.0, {**others, "a": presence.written(beat(1))})

    assert set(roster.alive) == {"a"}


def test_a_heartbeat_with_something_more_at_its_end_is_read() -> None:
    """So that the next release may say more without being dead to this one."""
    roster = Roster()
    longer = [*msgspec.msgpack.decode(presence.written(beat(1, version=6))), "more"]
    roster.observe(0.0, {"a": msgspec.msgpack.encode(longer)})

    assert roster.version == 6


def test_the_oldest_registry_counts_but_not_of_those_who_start_or_end() -> None:
    roster = Roster()
    beats = {
        "old": beat(1, version=3),
        "new": beat(1, version=4),
        "starting": beat(1, version=-1),
        "leaving": beat(1, version=2, draining=True),
    }
    told(roster, 0.0, **beats)
    assert roster.version == 3

    told(roster, 0.5, **beats | {"old": beat(GOODBYE), "new": beat(GOODBYE)})

    assert roster.version == -1


def test_only_those_who_have_a_model_serve_it() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(1, lanes={1: NO_LANE}), b=beat(1, lanes={1: NO_LANE, 2: NO_LANE}))

    assert (roster.serving(1), roster.serving(2), roster.serving(3)) == (["a", "b"], ["b"], [])


def test_why_models_are_not_loaded_is_known_of_the_living() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(1, failures={1: "torn"}), b=beat(1, failures={2: "forged"}))
    assert roster.failures == {1: "torn", 2: "forged"}

    for now in range(1, 1 + int(ALIVE)):
        told(roster, float(now), a=beat(1, failures={1: "torn"}), b=beat(now, failures={}))

    assert roster.failures == {}


def test_what_was_done_before_the_first_look_is_history() -> None:
    roster = Roster()
    told(roster, 0.0, a=beat(1, lanes={1: DONE}))
    told(roster, 1.0, a=beat(2, lanes={1: DONE}), b=beat(1, lanes={1: DONE}))

    assert roster.alive["a"].first == {1: DONE}
    assert roster.alive["b"].first == {}


@given(st.lists(st.tuples(st.floats(0.01, 10.0), st.booleans()), min_size=1, max_size=40))
def test_one_is_dead_exactly_if_it_was_watched_and_stood_still(
    looks: list[tuple[float, bool]],
) -> None:
    roster, now, number, still = Roster(), 0.0, 1, 0.0
    told(roster, now, a=beat(number))
    for pause, beats in looks:
        now, number = now + pause, number + beats
        # What somebody else did while one did not look is not known, so it counts as a beat.
        still = 0.0 if beats or pause > GAP else still + pause
        told(roster, now, a=beat(number))

        assert ("a" in roster.alive) == (still < ALIVE) or still == pytest.approx(ALIVE)


# -- how fast they are -----------------------------------------------------------------------------


def lane(predictions: int, queue_rows: int = 0, running_rows: int = 0) -> Lane:
    return msgspec.structs.replace(
        NO_LANE, predictions=predictions, queue_rows=queue_rows, running_rows=running_rows
    )


@pytest.mark.parametrize(
    ("lanes", "rate"),
    [
        ([lane(0), lane(500, 9)], 500.0),
        ([lane(0), lane(500, 0, 9)], 500.0),
        ([lane(0), lane(500)], 0.0),  # it had nothing more to do: it may be faster
        ([lane(0), lane(500, 9), lane(510)], 500.0),  # what was known stays
        ([lane(0), lane(500, 9), lane(700, 9)], 200.0),
        ([lane(0), lane(500, 9), lane(500, 9)], 500.0),  # stuck, or in one long batch
        ([lane(500, 9)], 0.0),
        ([lane(500, 9), lane(3, 9)], 0.0),  # a worker that began anew
    ],
)
def test_a_busy_lane_says_how_many_rows_it_answers(lanes: list[Lane], rate: float) -> None:
    roster = Roster()
    for second, each in enumerate(lanes):
        told(roster, float(second), a=beat(second, lanes={1: each}))
        told(roster, second + 0.5, a=beat(second, lanes={1: each}))

    assert roster.rate(1) == pytest.approx(rate)
    assert roster.rate(2) == 0.0


def test_workers_are_fast_together_while_they_are_alive() -> None:
    roster = Roster()
    for second in range(3):
        both = {name: beat(second, lanes={1: lane(second * 100, 5)}) for name in "ab"}
        told(roster, float(second), **both)
    assert roster.rate(1) == pytest.approx(200.0)

    told(roster, 3.0, a=beat(3, lanes={1: lane(300, 5)}), b=beat(GOODBYE))
    assert roster.rate(1) == pytest.approx(100.0)
