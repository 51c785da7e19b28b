"""A worker's life: start, a line a second for whoever looks on, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Collection
from typing import Final

import uvloop

from asgi_project.env import Environment
from asgi_project.working import Working

log = logging.getLogger(__name__)

SECOND: Final = 1.0
Say = Callable[[str], None]


def run(env: Environment, endpoints: Collection[str], say: Say | None) -> bool:
    """Until a signal; whether everything in hand was finished. `say` gets a line a second."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(env, endpoints, say))


async def _run(env: Environment, endpoints: Collection[str], say: Say | None) -> bool:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)  # a second one changes nothing
    working = Working(env, endpoints)
    starting = loop.create_task(working.start())
    telling = loop.create_task(_tell(working, say)) if say else None
    stopping = loop.create_task(told.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await working.stop()
        return True  # it had nothing in hand yet
    starting.result()
    log.info("working", extra={"worker": working.pump.station.name})
    await stopping
    log.info("stopping: what is in hand is finished first")
    finished = await working.drain()
    if telling is not None:
        telling.cancel()
    await working.stop()
    return finished


async def _tell(working: Working, say: Say) -> None:
    """What was done in the last second."""
    while True:
        rows, batches = working.totals.rows, working.totals.batches
        await asyncio.sleep(SECOND)
        say(line(working, working.totals.rows - rows, working.totals.batches - batches))


def line(working: Working, rows: int, batches: int) -> str:
    """One second of work."""
    stats = working.engine.stats()
    waiting = sum(lane.queue_rows for lane in stats.lanes.values())
    per_batch = f"{rows / batches:.1f}" if batches else "-"
    logged = stats.log.waiting_rows if stats.log else 0
    return (
        f"{rows:>7} rows/s  {batches:>5} batches/s  {per_batch:>6} rows/batch"
        f"  {working.pump.hand.rows:>6} in hand  {waiting:>6} waiting  {logged:>6} to log"
        f"  {working.totals.errors:>4} errors  {len(working.pump.models())} models"
    )
