"""What a worker has in hand, by stream and id, and for how long it had nothing."""

from __future__ import annotations

import asyncio

from inference.core import parcels
from inference.core.parcels import Item
from inference.engine.finisher import Entry
from inference.engine.hand import Hand
from inference.engine.scripts import HOLD
from tests.engine.pair import part


def item(rows: int) -> Item:
    return parcels.item(part(*[0.5] * rows), 1, 1.0)


def entry(number: int, rows: int = 1, model: int = 1) -> Entry:
    return Entry(model, f"jobs:{model}", b"%d-0" % number, "there", [item(rows)])


async def test_rows_are_counted_by_model_while_they_are_in_hand() -> None:
    hand = Hand()
    one, other = entry(1, 3), entry(1, 2, model=2)
    hand.take(one)
    hand.take(other)
    assert (len(hand), hand.rows, hand.rows_of(1), hand.rows_of(2)) == (2, 5, 3, 2)
    assert one in hand

    hand.drop(one)
    hand.drop(one)

    assert (len(hand), hand.rows, hand.rows_of(1), hand.rows_of(2)) == (1, 2, 0, 2)
    assert one not in hand


async def test_an_entry_is_known_by_its_place_not_by_its_copy() -> None:
    hand = Hand()
    hand.take(entry(1))

    assert entry(1) in hand
    assert entry(2) not in hand
    assert entry(1, model=2) not in hand


async def test_idle_is_who_has_nothing_and_since_when() -> None:
    hand, loop = Hand(), asyncio.get_running_loop()
    one = entry(1)
    hand.take(one)
    assert hand.idle_seconds == 0.0
    before = loop.time()
    hand.drop(one)
    await asyncio.sleep(0.01)

    assert 0.005 < hand.idle_seconds <= loop.time() - before


async def test_one_may_wait_for_one_entry_or_for_all() -> None:
    hand, loop = Hand(), asyncio.get_running_loop()
    one, other = entry(1), entry(2)
    hand.take(one)
    hand.take(other)
    without = asyncio.ensure_future(hand.without(one))
    empty = asyncio.ensure_future(hand.empty(loop.time() + 5))
    await asyncio.sleep(0)

    hand.drop(one)
    await without
    assert not empty.done()
    assert not await hand.empty(loop.time() + 0.01)
    hand.drop(other)

    assert await empty


async def test_a_sign_of_life_is_one_for_each_stream() -> None:
    hand = Hand()
    for each in (entry(1), entry(2), entry(3, model=2)):
        hand.take(each)

    assert hand.holds("me") == [
        (HOLD, ("jobs:1",), ("workers", "me", b"1-0", b"2-0")),
        (HOLD, ("jobs:2",), ("workers", "me", b"3-0")),
    ]
