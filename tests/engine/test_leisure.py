"""What nobody waits for is gathered, and written between what somebody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import NamedTuple

import pytest

from inference.engine import leisure
from inference.engine.commit import GroupCommit
from inference.engine.leisure import GATHER, PORTION, Leisure
from tests.engine.crowd import Hands, Ledger, Slip, turns


class Lot(NamedTuple):
    rows: int


def nothing(_: Collection[int]) -> None:
    """Nobody waits."""


@pytest.fixture
def rung() -> list[float]:
    return []


@pytest.fixture
async def kept(rung: list[float]) -> Leisure[Lot]:
    loop = asyncio.get_running_loop()
    return Leisure(lambda: rung.append(loop.time()))


async def test_it_gathers_for_a_while_and_rings_once(kept: Leisure[Lot], rung: list[float]) -> None:
    began = asyncio.get_running_loop().time()
    kept.add(Lot(1))
    kept.add(Lot(2))

    assert not kept.ready
    await asyncio.sleep(2 * GATHER)

    assert [pytest.approx(began + GATHER)] == rung
    assert kept.take() == [Lot(1), Lot(2)]
    assert not kept.ready


async def test_a_portion_is_due_at_once_and_no_larger(
    kept: Leisure[Lot], rung: list[float]
) -> None:
    for _ in range(3):
        kept.add(Lot(PORTION // 2))

    assert len(rung) == 2
    assert kept.take() == [Lot(PORTION // 2)] * 2
    assert not kept.ready  # the rest gathers
    kept.add(Lot(PORTION * 3))
    assert kept.take() == [Lot(PORTION // 2)]
    assert kept.take() == [Lot(PORTION * 3)]  # it could not be cut


async def test_what_a_portion_leaves_behind_is_due_in_its_turn(
    kept: Leisure[Lot], rung: list[float]
) -> None:
    kept.add(Lot(PORTION))
    kept.add(Lot(1))
    assert kept.take() == [Lot(PORTION)]
    assert not kept.ready

    await asyncio.sleep(2 * GATHER)

    assert len(rung) == 3
    assert kept.take() == [Lot(1)]


async def test_who_hurries_gathers_nothing_any_more(kept: Leisure[Lot], rung: list[float]) -> None:
    kept.hurry()
    assert rung == []
    kept.add(Lot(1))

    assert kept.ready
    assert len(rung) == 1
    assert kept.close() == [Lot(1)]
    assert not kept.ready


@pytest.fixture
async def log(hands: Hands, ledger: Ledger) -> GroupCommit:
    return GroupCommit(ledger.write, max_rows=1000, thread=hands)


async def test_who_waits_never_shares_a_write_with_what_nobody_waits_for(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    idle, waiting, last = [Slip() for _ in range(3)]
    log.add([idle], PORTION, nothing, leisurely=True)
    log.add([waiting], 1, nothing)
    await turns()
    log.add([last], 1, nothing)

    await hands.go(times=2)

    assert ledger.groups == [[idle], [waiting, last]]


async def test_between_two_portions_whoever_waits_has_his_turn(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    idle, waiting = [Slip() for _ in range(3)], Slip()
    for slip in idle:
        log.add([slip], PORTION, nothing, leisurely=True)
    log.add([waiting], 1, nothing)

    await hands.go(times=4)

    assert ledger.groups == [[idle[0]], [waiting], [idle[1]], [idle[2]]]


async def test_a_drain_waits_for_nothing_to_gather(
    log: GroupCommit, hands: Hands, ledger: Ledger
) -> None:
    idle = Slip()
    log.add([idle], 1, nothing, leisurely=True)
    loop = asyncio.get_running_loop()
    began = loop.time()
    draining = asyncio.ensure_future(log.drain(began + 10.0))

    await hands.go()

    assert await draining
    assert ledger.groups == [[idle]]
    assert loop.time() - began < leisure.GATHER


async def test_a_log_that_closes_tells_those_whom_it_did_not_write(log: GroupCommit) -> None:
    told: list[set[int]] = []
    log.add([Slip(), Slip()], 2, lambda failed: told.append(set(failed)), leisurely=True)

    log.close()

    assert told == [{0, 1}]
    assert log.stats().waiting_rows == 0
