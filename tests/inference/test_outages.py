"""A database that goes away and comes back: whoever asks next gets a new connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from time import monotonic

import pytest
from channels.db import database_sync_to_async
from django.db import Error, OperationalError, connection, connections

from asgi_project.postgresql.base import DatabaseWrapper
from inference.models import MLRequest
from inference.registry import Registry
from inference.services import predictions
from tests.inference import registered
from tests.inference.gateways import Echo
from tests.inference.registered import row
from tests.inference.sessions import end_others, server
from tests.inference.threads import at_once

__all__ = ["server"]
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("server")]


@pytest.fixture
def writer() -> Iterator[ThreadPoolExecutor]:
    """A thread that keeps its connection, as the log's has it."""
    with ThreadPoolExecutor(1) as thread:
        yield thread
        thread.submit(_hang_up).result()


def _hang_up() -> None:
    connection.close()


@pytest.mark.parametrize("split", [False, True], ids=["one statement", "a transaction"])
def test_the_log_goes_on_after_its_connection_was_ended(
    writer: ThreadPoolExecutor, split: bool
) -> None:
    arm = registered.started(registered.pair()).arms.select_related("algorithm")[0]
    rows = [row(at, arm.algorithm, arm if split else None) for at in (1, 2)]
    assert writer.submit(predictions.record, rows[:1], "a").result() == 1
    assert end_others() >= 1

    with pytest.raises(Error):
        writer.submit(predictions.record, rows, "a").result()

    assert writer.submit(predictions.record, rows, "a").result() == 1
    assert MLRequest.objects.count() == 2


async def test_the_registry_goes_on_after_its_connection_was_ended() -> None:
    async def retire(model: object) -> None: ...

    found = Registry(lambda algorithm: Echo(algorithm.pk), retire)
    running = asyncio.ensure_future(found.run())
    await found.looked()
    await database_sync_to_async(_register_and_end_others, thread_sensitive=False)()

    with suppress(Error):  # unless a tick of its own has found out before us
        await found.reconcile()
    await found.reconcile()

    assert list(found.snapshot.endpoints) == ["income"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def _register_and_end_others() -> None:
    registered.pair()
    assert end_others() >= 1


def test_whoever_comes_later_does_not_hear_of_it() -> None:
    """A pool may hold connections that are older than the server."""
    assert at_once(*[MLRequest.objects.count] * 4) == []
    end_others()

    assert at_once(*[MLRequest.objects.count] * 4) == []


def test_one_who_hears_of_it_empties_the_pool(writer: ThreadPoolExecutor) -> None:
    """The pool would try one dead connection after the other, with seconds in between."""
    pool = _pooled().pool
    record = partial(predictions.record, [row(1, registered.algorithm())], "a")
    assert writer.submit(record).result() == 1
    assert at_once(*[MLRequest.objects.count] * 5) == []
    end_others()
    with pytest.raises(Error):
        writer.submit(record).result()

    tried = pool.get_stats().get("returns_bad", 0)
    assert at_once(*[MLRequest.objects.count] * 5) == []
    assert pool.get_stats().get("returns_bad", 0) == tried


def test_a_server_that_says_nothing_is_given_up_in_seconds() -> None:
    ours = _pooled()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        other = ours.copy(alias="silent")
        other.settings_dict |= {"HOST": "127.0.0.1", "PORT": silent.getsockname()[1]}
        began = monotonic()
        with pytest.raises(OperationalError):
            other.ensure_connection()
        assert monotonic() - began < 5
        other.close_pool()


def _pooled() -> DatabaseWrapper:
    ours = connections["default"]
    if not isinstance(ours, DatabaseWrapper):
        pytest.skip(f"there is no pool for {connection.display_name}")
    return ours
