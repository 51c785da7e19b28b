"""Engines for tests: with threads that go when told, or with real ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

import pytest
import uvloop

from inference.core.batching import BatchPolicy
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from tests.engine.crowd import Hands, Ledger
from tests.engine.pair import Gate
from tests.engine.virtual import VirtualLoop

Loops = Mapping[str, Callable[[], asyncio.AbstractEventLoop]]

# What `manage.py serve` runs on, what everybody else has, and one that no busy machine disturbs.
REAL: Loops = {"asyncio": asyncio.SelectorEventLoop, "uvloop": uvloop.new_event_loop}
VIRTUAL: Loops = {"virtual": VirtualLoop}
# Whoever speaks with Redis runs on this one; twice would only take twice the time.
SERVED: Loops = {"uvloop": uvloop.new_event_loop}


def pytest_asyncio_loop_factories(item: pytest.Item) -> Loops:
    if {"place", "server"} & set(getattr(item, "fixturenames", ())):
        return SERVED
    return VIRTUAL if item.path.name in ("test_deadlines.py", "test_leisure.py") else REAL


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Opened at the end, whatever happened: a thread that waits would outlive the test."""
    gate = Gate()
    yield gate
    gate.open()


POLICY = BatchPolicy(max_rows=8, max_queue_rows=16)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
async def log(hands: Hands, ledger: Ledger) -> GroupCommit:
    return GroupCommit(ledger.write, max_rows=16, thread=hands)


@pytest.fixture
async def engine(hands: Hands, log: GroupCommit) -> AsyncIterator[LocalEngine]:
    """Nothing runs until `hands.go()`: every lane is as busy as the test wants it."""
    engine = LocalEngine(POLICY, log, thread=hands)
    yield engine
    for lane in engine._lanes.values():
        # A test may leave jobs it does not care about; nobody shall hear of them.
        for waiter in list(lane._open):
            waiter.answer.cancel()
    await engine.close()


@pytest.fixture
async def live() -> AsyncIterator[LocalEngine]:
    """Real threads, no log."""
    engine = LocalEngine(BatchPolicy(max_rows=8, max_queue_rows=64))
    yield engine
    await engine.close()
