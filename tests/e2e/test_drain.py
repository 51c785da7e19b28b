"""Told to stop under load, the server answers what it accepted, says goodbye and leaves."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import servers
from tests.e2e.clients import Journal, Stream, post_until_refused
from tests.e2e.rows import logged
from tests.servers import Server

EXIT_SECONDS = 10.0

pytestmark = pytest.mark.alone
PATH = "breast_cancer"


@pytest.mark.parametrize("repeats", [1, 3])
async def test_nothing_accepted_is_lost_at_a_stop(
    data: Path, record: dict[str, Any], repeats: int, mode: servers.Mode
) -> None:
    journal = Journal(enough=500)
    with Server(data, mode=mode) as server:
        url = f"{server.url}/api/v1/{PATH}/predict"
        posting = [
            asyncio.ensure_future(post_until_refused(url, record, journal)) for _ in range(16)
        ]
        stream = f"{server.ws}/ws/v1/predict/{PATH}"
        streams = [asyncio.ensure_future(Stream(record, journal).run(stream)) for _ in range(3)]
        await journal.enough.wait()
        told = time.monotonic()
        for _ in range(repeats):  # platforms send the signal more than once, and to everybody
            for process in server.processes:
                process.send_signal(signal.SIGTERM)
        ends = await asyncio.gather(*posting)
        closed = await asyncio.gather(*streams)
        codes = [await asyncio.to_thread(one.wait, EXIT_SECONDS) for one in server.processes]
        took = time.monotonic() - told
    assert set(codes) == {0}, server.log
    assert took < EXIT_SECONDS
    assert "broken" not in ends
    assert [(one.close_code, one.draining) for one in closed] == [(1012, True)] * 3
    assert len(journal.answered) == len(set(journal.answered))
    assert not set(journal.answered) - logged(data, journal.answered)


def test_an_idle_server_leaves_at_once(data: Path) -> None:
    with Server(data) as server:
        told = time.monotonic()
        server.terminate()
        assert server.process.wait(EXIT_SECONDS) == 0
        assert time.monotonic() - told < 5


def test_ids_that_were_not_used_are_used_after_a_restart(
    data: Path, record: dict[str, Any]
) -> None:
    ids = []
    for _ in range(2):
        with Server(data) as server:
            url = f"{server.url}/api/v1/{PATH}/predict"
            ids.append(httpx.post(url, json=record).json()["request_id"])
    assert ids == [1, 2]


def test_a_port_in_use_is_one_sentence(data: Path) -> None:
    sentence = r"cannot be used \(Address already in use\)"
    with Server(data) as server, pytest.raises(AssertionError, match=sentence):
        servers.manage(data, "serve", env={"PORT": str(server.port)})
