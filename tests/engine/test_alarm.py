"""One timer serves every deadline, and rings at the earliest."""

from __future__ import annotations

import asyncio
from math import inf

from inference.engine.alarm import Alarm


async def test_it_rings_at_the_earliest_deadline_and_only_once() -> None:
    loop = asyncio.get_running_loop()
    rung: asyncio.Future[float] = loop.create_future()
    alarm = Alarm(lambda: rung.set_result(loop.time()))
    now = loop.time()

    alarm.set(now + 60)
    alarm.set(now + 0.02)
    alarm.set(now + 30)

    assert alarm.at == now + 0.02
    assert now + 0.019 <= await rung < now + 2
    assert alarm.at == inf


async def test_a_deadline_that_has_passed_rings_soon_but_never_at_once() -> None:
    rung = asyncio.Event()
    alarm = Alarm(rung.set)

    alarm.set(0.0)

    assert not rung.is_set()
    await asyncio.wait_for(rung.wait(), 2)


async def test_stopped_it_is_silent_and_can_be_set_again() -> None:
    rings: list[int] = []
    alarm = Alarm(lambda: rings.append(1))
    alarm.set(0.0)

    alarm.stop()
    again = asyncio.Event()
    asyncio.get_running_loop().call_later(0.01, again.set)
    await again.wait()

    assert (rings, alarm.at) == ([], inf)
    alarm.stop()
