"""One write for all that came while the last one ran; a bad ticket fails alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

import pytest

from inference.core.errors import StorageUnavailable
from inference.core.types import Ticket
from inference.engine import commit, spool
from inference.engine.commit import GroupCommit
from inference.engine.rescue import write_all
from tests.engine.crowd import Hands, Ledger, Slip, turns


def slips(number: int) -> list[Ticket]:
    return [Slip() for _ in range(number)]


class Told(list[set[int]]):
    """What each group was told."""

    def __call__(self, failed: Collection[int]) -> None:
        self.append(set(failed))


class Away:
    """A database that is not there."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.is_away = True

    def write(self, tickets: Sequence[Ticket]) -> None:
        if self.is_away:
            raise StorageUnavailable
        self.ledger.write(tickets)


async def test_what_comes_while_one_write_runs_is_the_next_one(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    told, tickets = Told(), slips(6)
    log.add(tickets[:1], 1, told)
    log.add(tickets[1:3], 2, told)
    log.add(tickets[3:], 3, told)

    await hands.go()
    assert told == [set()]
    await hands.go()

    assert told == [set(), set(), set()]
    assert [len(group) for group in ledger.groups] == [1, 5]
    assert ledger.written == tickets


async def test_a_bad_ticket_fails_alone_and_its_group_is_told_which(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    told, tickets = Told(), slips(8)
    ledger.refused = {tickets[3], tickets[7]}
    log.add(tickets[:1], 1, told)
    log.add(tickets[1:4], 3, told)
    log.add(tickets[4:6], 2, told)
    log.add(tickets[6:], 2, told)

    await hands.go(times=2)

    assert told == [set(), {2}, set(), {1}]
    assert set(ledger.written) == set(tickets) - ledger.refused
    stats = log.stats()
    assert (stats.writes, stats.written, stats.failed, stats.healthy) == (2, 6, 2, False)


async def test_a_write_that_works_makes_it_healthy_again(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    bad = Slip()
    ledger.refused = {bad}
    log.add([bad], 1, Told())
    await hands.go()
    log.add(slips(1), 1, Told())

    await hands.go()

    assert log.stats().healthy


async def test_a_writer_that_breaks_down_is_told_to_everybody(
    log: GroupCommit, hands: Hands
) -> None:
    told = Told()
    log.add(slips(2), 2, told)
    log.add(slips(1), 1, told)
    hands.threads[0].break_down(SystemExit())
    hands.threads[0].break_down(SystemExit())

    assert told == [{0, 1}, {0}]
    assert log.stats().failed == 3


async def test_one_who_cannot_be_told_does_not_keep_the_others_from_being_told(
    log: GroupCommit, hands: Hands
) -> None:
    def deaf(failed: Collection[int]) -> None:
        raise RuntimeError("deaf")

    told = Told()
    log.add(slips(1), 1, told)
    log.add(slips(1), 1, deaf)
    log.add(slips(1), 1, told)

    await hands.go(times=2)

    assert told == [set(), set()]
    assert log.stats().waiting_rows == 0


async def test_it_is_full_by_rows_and_room_is_told(log: GroupCommit, hands: Hands) -> None:
    log.add(slips(1), 10, Told())
    assert not log.full
    log.add(slips(1), 10, Told())
    assert log.full
    room = asyncio.create_task(log.room())
    await turns()
    assert not room.done()

    await hands.go()

    assert (log.full, room.done()) == (False, True)


async def test_settle_answers_when_it_is_committed(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    good, bad, leaves = (Slip() for _ in range(3))
    ledger.refused = {bad}
    answers = [log.settle(ticket) for ticket in (good, bad, leaves)]
    answers[2].cancel()

    await hands.go(times=2)

    assert answers[0].result() is None
    with pytest.raises(StorageUnavailable):
        answers[1].result()
    assert leaves in ledger.written


async def test_settle_is_refused_while_it_is_full(log: GroupCommit) -> None:
    log.add(slips(1), 16, Told())

    with pytest.raises(StorageUnavailable) as refusal:
        await log.settle(Slip())

    assert refusal.value.retry_after == 1.0


async def test_drain_waits_until_all_is_written_but_not_for_ever(
    log: GroupCommit, hands: Hands
) -> None:
    now = asyncio.get_running_loop().time()
    assert await log.drain(now)
    log.add(slips(1), 1, Told())
    assert not await log.drain(now + 0.01)
    drained = asyncio.create_task(log.drain(now + 4))

    await hands.go()

    assert await drained


async def test_close_ends_with_the_write_under_way_and_tells_the_others(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    first, second, late = Told(), Told(), Told()
    log.add(slips(1), 1, first)
    log.add(slips(2), 2, second)

    log.close()
    log.add(slips(1), 1, late)
    assert (first, second, late) == ([], [{0, 1}], [{0}])
    await hands.go()

    assert first == [set()]
    assert hands.threads[0].closed
    assert len(ledger.written) == 1


async def test_a_write_that_does_not_end_is_unhealthy(
    log: GroupCommit, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.add(slips(1), 1, Told())
    assert log.stats().healthy

    monkeypatch.setattr(commit, "monotonic", lambda: log._since + 11)

    assert not log.stats().healthy


async def test_through_a_real_thread_nothing_is_lost() -> None:
    ledger, told = Ledger(), Told()
    log = GroupCommit(ledger.write)
    for _ in range(200):
        log.add(slips(3), 3, told)
        await asyncio.sleep(0)

    assert await log.drain(asyncio.get_running_loop().time() + 4)
    log.close()

    assert told == [set()] * 200
    assert len(ledger.written) == 600
    assert len(ledger.groups) < 200


def outage(patience: float, ticks: Sequence[float]) -> Callable[[], float]:
    moments = iter(ticks)
    return lambda: next(moments, ticks[-1]) * patience


def test_in_an_outage_the_search_ends_with_its_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    ledger, tickets = Ledger(), slips(100)
    ledger.refused = set(tickets)
    monkeypatch.setattr("inference.engine.rescue.monotonic", outage(5.0, [0, 0, 0.5, 0.5, 0.9, 2]))

    failed = write_all(ledger.write, tickets, 5.0)

    assert failed == set(range(100))
    assert ledger.tries < 6


def test_the_search_costs_few_writes() -> None:
    ledger, tickets = Ledger(), slips(128)
    ledger.refused = {tickets[77]}

    assert write_all(ledger.write, tickets, 5.0) == {77}
    assert ledger.tries == 15
    assert set(ledger.written) == set(tickets) - ledger.refused


@pytest.fixture
def away(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Away:
    monkeypatch.setattr(spool, "AGAIN", 0.0)
    return Away(ledger)


async def test_what_was_answered_is_kept_while_the_log_is_away(hands: Hands, away: Away) -> None:
    log = GroupCommit(away.write, thread=hands)
    told, waiting, tickets = Told(), Told(), slips(3)
    log.add(tickets[:2], 2, told, patient=True)
    log.add(tickets[2:], 1, waiting)
    await hands.go(times=2)

    assert (told, waiting) == ([], [{0}])  # who still waits is told; who has his answer is not lost
    assert log.stats().waiting_rows == 2
    assert not log.stats().healthy

    away.is_away = False
    while not told:
        await hands.go()

    assert told == [set()]
    assert away.ledger.written == tickets[:2]
    assert (log.stats().waiting_rows, log.stats().healthy) == (0, True)
    log.close()


async def test_what_comes_while_others_are_kept_is_kept_behind_them(
    hands: Hands, away: Away
) -> None:
    log = GroupCommit(away.write, thread=hands)
    told, tickets = Told(), slips(2)
    log.add(tickets[:1], 1, told, patient=True)
    await hands.go()
    log.add(tickets[1:], 1, told, patient=True)
    away.is_away = False

    while len(told) < 2:
        await hands.go()

    assert away.ledger.written == tickets
    log.close()


async def test_no_more_is_kept_than_there_is_room_for(
    hands: Hands, away: Away, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "MOST", 2)
    monkeypatch.setattr(spool, "AGAIN", 60.0)
    log = GroupCommit(away.write, thread=hands)
    told, tickets = Told(), slips(3)
    log.add(tickets[:2], 2, told, patient=True)
    await hands.go()
    log.add(tickets[2:], 1, told, patient=True)

    assert told == [{0}]
    log.close()
    assert told == [{0}, {0, 1}]
