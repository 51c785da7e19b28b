"""Any engine that keeps the promises may stand behind the doors: here one of a dozen lines."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from channels.testing import WebsocketCommunicator

from consumers.doors import Doors
from consumers.routing import router
from inference import gateway as door
from inference.access import Access
from inference.core.types import Job, LogMode, Outcome, Ticket
from inference.dataplane.http import DataPlane
from inference.engine.base import EngineStats
from tests.inference.gateways import World, wired, world

SAID = 0.75


class Constant:
    """Says the same to every row, at once, and keeps what would be logged in the world's list."""

    def __init__(self, one: World) -> None:
        self._world = one

    def submit(self, job: Job) -> asyncio.Future[Outcome]:
        rows = len(job.tensors[0])
        outcome = Outcome((np.tile([1 - SAID, SAID], (rows, 1)),))
        job.ticket.settle(outcome)
        return self._done(job.ticket, outcome)

    def record(self, ticket: Ticket, mode: LogMode, rows: int = 1) -> asyncio.Future[None]:
        return self._done(ticket, None)

    async def retire(self, key: object, deadline: float) -> bool:
        return True

    def stats(self) -> EngineStats:
        return EngineStats({}, None, False, True)

    async def drain(self, deadline: float) -> bool:
        return True

    async def close(self) -> None:
        pass

    def _done(self, ticket: Ticket, outcome: Any) -> asyncio.Future[Any]:
        self._world.write([ticket])
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(outcome)
        return done


@pytest.fixture
async def one() -> AsyncIterator[World]:
    """Two arms in a test, over the engine above."""
    found = world(LogMode.STRICT, experiment=True)
    door.install(wired(found, Constant(found), lambda: found.snapshot))
    yield found
    door.install(None)


async def posted(one: World, record: object, subject: str = "") -> dict[str, Any]:
    plane = DataPlane(_nobody, Access(lambda: one.snapshot, is_open=True), max_body=10_000)
    sent: list[dict[str, Any]] = []
    body = json.dumps(record).encode()
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/e/predict",
        "query_string": b"",
        "scheme": "http",
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-subject", subject.encode()),
        ],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await plane(scope, receive, send)
    assert sent[0]["status"] == 200
    answer: dict[str, Any] = json.loads(sent[1]["body"])
    return answer


async def _nobody(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("the data plane knows this request")


async def test_rest_answers_what_it_says(one: World) -> None:
    answer = await posted(one, {"a": 0.1, "b": "x"})

    assert (answer["probability"], answer["label"]) == (SAID, "yes")
    assert [row.id for row in one.log] == [answer["request_id"]]


async def test_a_socket_answers_what_it_says(one: World) -> None:
    doors = Doors(Access(lambda: one.snapshot, is_open=True))
    headers = [(b"host", b"127.0.0.1:8000")]
    client = WebsocketCommunicator(router(doors, window=4), "/ws/v1/predict/e", headers=headers)
    await client.connect()
    assert (await client.receive_json_from(timeout=5))["type"] == "hello"

    await client.send_json_to({"id": 1, "record": {"a": 0.1, "b": "x"}})
    frame = await client.receive_json_from(timeout=5)
    await client.disconnect()

    assert frame["id"] == 1
    assert "yes" in json.dumps(frame)


async def test_both_arms_of_a_test_are_dealt(one: World) -> None:
    for at in range(40):
        await posted(one, {"a": 0.1, "b": "x"}, subject=f"subject {at}")

    dealt = Counter(row.arm_id for row in one.log)
    assert set(dealt) == {70, 71}
    assert min(dealt.values()) > 5
