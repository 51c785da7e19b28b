"""What Redis does in one step; done twice, nothing is done the second time."""

from __future__ import annotations

import pytest

from inference.core.parcels import GROUP
from inference.engine.scripts import (
    ADMIT,
    BEAT,
    CLAIM,
    FINISH,
    HOLD,
    LEASE,
    LEAVE,
    MISSING,
    PROBE,
    SPLIT,
)
from tests.queues import Place, Server


@pytest.fixture
def corner(place: Place) -> Corner:
    return Corner(place)


class Corner:
    """Streams of one model, with a group, and what is done to them."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.jobs = place.keys.jobs(1)
        self.suspects = place.keys.suspects(1)
        self.rows = place.keys.rows(1)
        self.replies = place.keys.replies("web")
        place.group(self.jobs, self.suspects)

    def admit(self, rows: int = 1, cap: int = 100, parcel: bytes = b"parcel") -> list[object]:
        found: list[object] = self.place.script(
            ADMIT, [self.jobs, self.rows], cap, rows, 3600, parcel
        )
        return found

    def admitted(self, count: int, rows: int = 1) -> list[bytes]:
        for n in range(count):
            assert self.admit(rows, parcel=b"parcel %d" % n)[0] == 1
        return self.place.ids(self.jobs)

    def finish(self, *entries: bytes, rows: int = 1, reply: bytes = b"reply") -> object:
        words = [word for entry in entries for word in (entry, rows, 3, reply)]
        return self.place.script(
            FINISH, [self.jobs, self.rows, self.replies], GROUP, 60_000, *words
        )

    def claim(self, consumer: str, cursor: bytes = b"0-0", idle: int = 5000) -> list[object]:
        found: list[object] = self.place.script(CLAIM, [self.jobs], GROUP, consumer, idle, cursor)
        return found

    def split(self, entry: bytes, *parcels: bytes) -> object:
        names = [self.jobs, self.suspects, self.replies]
        return self.place.script(SPLIT, names, GROUP, entry, 3600, 60_000, b"held", *parcels)

    def answers(self) -> list[bytes]:
        found: list[bytes] = self.place.call("LRANGE", self.replies, 0, -1)
        return found

    def waiting(self) -> int:
        return int(self.place.call("GET", self.rows) or 0)


# -- admit -----------------------------------------------------------------------------------------


def test_rows_are_admitted_up_to_the_cap_and_counted(corner: Corner) -> None:
    assert [corner.admit(rows, cap=5)[0] for rows in (2, 2)] == [1, 1]
    assert corner.waiting() == 4

    assert corner.admit(9, cap=5)[0] == 1, "below the cap a parcel gets in, however large"
    assert corner.admit(1, cap=5) == [0, 13]
    assert corner.waiting() == 13
    assert corner.place.call("XLEN", corner.jobs) == 2 + 1


def test_an_admitted_parcel_has_its_id_and_its_end(corner: Corner) -> None:
    found = corner.admit(parcel=b"\x00\xff")

    assert corner.place.call("XRANGE", corner.jobs, "-", "+") == [(found[1], {b"p": b"\x00\xff"})]
    assert 3590 < corner.place.call("TTL", corner.jobs) <= 3600
    assert 3590 < corner.place.call("TTL", corner.rows) <= 3600


def test_where_no_parcel_is_no_row_waits(corner: Corner) -> None:
    (entry,) = corner.admitted(1, rows=90)
    corner.place.call("XDEL", corner.jobs, entry)

    assert corner.admit(1, cap=90)[0] == 1
    assert corner.waiting() == 1


def test_a_count_that_fell_below_nothing_is_nothing(corner: Corner) -> None:
    corner.admitted(1)
    corner.place.call("SET", corner.rows, -7)

    assert corner.admit(2, cap=1)[0] == 1
    assert corner.waiting() == 2


# -- finish ----------------------------------------------------------------------------------------


def test_whoever_finishes_first_answers_and_the_second_says_nothing(corner: Corner) -> None:
    one, other = corner.admitted(2, rows=3)
    corner.place.read(corner.jobs, "a")

    assert corner.finish(one, rows=3, reply=b"first") == 1
    assert corner.finish(one, rows=3, reply=b"second") == 0

    assert (corner.answers(), corner.waiting()) == ([b"first"], 3)
    assert corner.place.ids(corner.jobs) == [other]
    assert set(corner.place.pending(corner.jobs)) == {other}
    assert 0 < corner.place.call("PTTL", corner.replies) <= 60_000


def test_several_are_finished_together_those_that_are_left(corner: Corner) -> None:
    entries = corner.admitted(3)
    corner.place.read(corner.jobs, "a")
    corner.finish(entries[1])

    assert corner.finish(*entries) == 2
    assert (corner.waiting(), corner.place.pending(corner.jobs)) == (0, {})


def test_each_reply_goes_to_its_own_web_process(corner: Corner) -> None:
    one, other = corner.admitted(2)
    names = [corner.jobs, corner.rows, corner.replies, corner.place.keys.replies("second")]
    words = (one, 1, 4, b"for the second", other, 1, 3, b"for the first")
    corner.place.script(FINISH, names, GROUP, 60_000, *words)

    assert corner.answers() == [b"for the first"]
    assert corner.place.call("LRANGE", names[3], 0, -1) == [b"for the second"]


def test_what_redis_lost_is_finished_without_an_answer(corner: Corner) -> None:
    (entry,) = corner.admitted(1)
    corner.place.forget()

    assert corner.finish(entry) == 0
    assert corner.place.call("EXISTS", corner.replies, corner.rows, corner.jobs) == 0


# -- claim -----------------------------------------------------------------------------------------


def test_the_dead_are_relieved_one_entry_after_the_other_until_all_were_seen(
    corner: Corner,
) -> None:
    entries = corner.admitted(25)
    corner.place.read(corner.jobs, "dead")
    corner.place.age(corner.jobs, *entries[3:])

    claimed, cursor = [], b"0-0"
    while True:
        cursor, *found = corner.claim("me", cursor)  # type: ignore[assignment]  # as Redis says it
        if found:
            claimed.append(found)
        if cursor == b"0-0":
            break

    assert claimed == [[entry, b"parcel %d" % n, 2] for n, entry in enumerate(entries) if n >= 3]
    assert set(corner.place.pending(corner.jobs).values()) == {(b"dead", 1), (b"me", 2)}


def test_the_living_are_left_alone(corner: Corner) -> None:
    corner.admitted(3)
    corner.place.read(corner.jobs, "alive")

    assert corner.claim("me") == [b"0-0"]


def test_each_claim_counts_as_a_delivery(corner: Corner) -> None:
    corner.admitted(1)
    corner.place.read(corner.jobs, "first")
    for times in (2, 3, 4):
        corner.place.age(corner.jobs)
        assert corner.claim(f"worker {times}")[3] == times


def test_an_entry_that_is_gone_is_not_claimed(corner: Corner) -> None:
    one, other = corner.admitted(2)
    corner.place.read(corner.jobs, "dead")
    corner.place.age(corner.jobs)
    corner.place.call("XDEL", corner.jobs, one)

    assert corner.claim("me") == [other], "nothing, and where to go on"
    assert corner.claim("me", other)[1] == other
    assert set(corner.place.pending(corner.jobs)) == {other}


# -- hold ------------------------------------------------------------------------------------------


def test_a_sign_of_life_keeps_others_away_and_is_no_delivery(corner: Corner) -> None:
    one, other = corner.admitted(2)
    corner.place.read(corner.jobs, "me")
    corner.place.age(corner.jobs)

    corner.place.script(HOLD, [corner.jobs], GROUP, "me", one)

    assert corner.claim("other")[1] == other
    assert corner.place.pending(corner.jobs) == {one: (b"me", 1), other: (b"other", 2)}


def test_holding_does_not_steal_back_what_another_one_took(corner: Corner) -> None:
    (entry,) = corner.admitted(1)
    corner.place.read(corner.jobs, "slow")
    corner.place.age(corner.jobs)
    corner.claim("quick")

    corner.place.script(HOLD, [corner.jobs], GROUP, "slow", entry)

    assert corner.place.pending(corner.jobs) == {entry: (b"quick", 2)}


def test_holding_what_is_finished_or_never_was_does_nothing(corner: Corner) -> None:
    (entry,) = corner.admitted(1)
    corner.place.read(corner.jobs, "me")
    corner.finish(entry)

    corner.place.script(HOLD, [corner.jobs], GROUP, "me", entry, b"1-1")

    assert corner.place.pending(corner.jobs) == {}


# -- split -----------------------------------------------------------------------------------------


def test_a_parcel_is_split_once(corner: Corner) -> None:
    (entry,) = corner.admitted(1, rows=2)
    corner.place.read(corner.jobs, "dead")

    assert corner.split(entry, b"one", b"two") == 1
    assert corner.split(entry, b"one", b"two") == 0

    assert corner.place.ids(corner.jobs) == []
    assert corner.place.pending(corner.jobs) == {}
    assert list(corner.place.read(corner.suspects, "me").values()) == [
        {b"p": b"one"},
        {b"p": b"two"},
    ]
    assert corner.answers() == [b"held"]
    assert corner.waiting() == 2, "they wait still"
    assert 0 < corner.place.call("TTL", corner.suspects) <= 3600


def test_what_was_finished_meanwhile_is_not_split(corner: Corner) -> None:
    (entry,) = corner.admitted(1)
    corner.finish(entry)

    assert corner.split(entry, b"one") == 0
    assert corner.place.ids(corner.suspects) == []
    assert corner.answers() == [b"reply"]


# -- the others ------------------------------------------------------------------------------------


def test_what_is_missing_is_what_is_not_there(corner: Corner) -> None:
    entries = corner.admitted(3)
    corner.finish(entries[1])

    assert corner.place.script(MISSING, [corner.jobs], *entries, b"1-1") == [entries[1], b"1-1"]
    assert corner.place.script(MISSING, [corner.place.keys.jobs(9)], entries[0]) == [entries[0]]


def test_a_consumer_leaves_only_with_empty_hands(corner: Corner) -> None:
    (entry,) = corner.admitted(1)
    corner.place.read(corner.jobs, "me")

    assert corner.place.script(LEAVE, [corner.jobs], GROUP, "me") == 0
    assert set(corner.place.pending(corner.jobs)) == {entry}

    corner.finish(entry)
    assert corner.place.script(LEAVE, [corner.jobs], GROUP, "me") == 1
    assert corner.place.script(LEAVE, [corner.jobs], GROUP, "me") == 1
    assert corner.place.call("XINFO", "CONSUMERS", corner.jobs, GROUP) == []


def test_a_number_belongs_to_one_worker_as_long_as_he_says_so(corner: Corner) -> None:
    key = corner.place.keys.shard(0)

    def lease(worker: str, milliseconds: int = 60_000) -> object:
        return corner.place.script(LEASE, [key], worker, milliseconds)

    assert [lease("a"), lease("b"), lease("a")] == [1, 0, 1]
    corner.place.call("PEXPIRE", key, 0)
    assert [lease("b"), lease("a")] == [1, 0]
    assert 0 < corner.place.call("PTTL", key) <= 60_000


def test_a_heartbeat_replaces_the_one_before(corner: Corner) -> None:
    for beat in (b"1", b"2"):
        corner.place.script(BEAT, [corner.place.keys.workers], "me", beat, 9)

    assert corner.place.call("HGETALL", corner.place.keys.workers) == {b"me": b"2"}


def test_a_redis_that_is_full_takes_no_work_and_lets_everything_else_go_on(server: Server) -> None:
    corner = Corner(server.place)
    entries = corner.admitted(4)
    corner.place.read(corner.jobs, "dead")
    corner.place.age(corner.jobs)
    server.configure("maxmemory", "1")
    place, keys = corner.place, corner.place.keys

    with pytest.raises(Exception, match="maxmemory"):
        corner.admit()

    assert place.script(PROBE, []) == 1
    place.script(BEAT, [keys.workers], "me", b"1", 9)
    assert place.script(LEASE, [keys.shard(0)], "me", 9000) == 1
    assert corner.claim("me")[1] == entries[0]
    place.script(HOLD, [corner.jobs], GROUP, "me", entries[0])
    assert corner.split(entries[1], b"one") == 1
    assert corner.finish(entries[0]) == 1
    assert place.script(MISSING, [corner.jobs], *entries) == entries[:2]
    assert place.script(LEAVE, [corner.suspects], GROUP, "me") == 1
