"""A server that is killed takes no accepted request with it, and counts none twice."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests import servers
from tests.e2e import callers
from tests.e2e.rows import query
from tests.servers import Server

PATH: Final = "/api/v1/breast_cancer/predict"
STREAM: Final = "/ws/v1/predict/breast_cancer"
# A lease is ten seconds; whoever comes after a kill may have to wait for its end.
RECOVERY: Final = 30.0
NOT_NOW: Final = {"model_unavailable", "queue_unavailable", "storage_unavailable"}
pytestmark = pytest.mark.timeout(150)


@asynccontextmanager
async def client(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as found:
        yield found


def kill(server: Server) -> None:
    server.process.kill()
    server.process.wait()


async def start_a_test(server: Server) -> None:
    arms = [{"algorithm": 1}, {"algorithm": 2}]
    body = {"title": "t", "created_by": "t", "arms": [arm | {"weight": 1} for arm in arms]}
    async with client(server) as http:
        assert (await http.post("/api/v1/abtests", json=body)).status_code == 201


def check(data: Path, ids: list[int]) -> None:
    """Each of these has one row, nothing waits, and the tallies are what a recount says."""
    rows = {row[0] for row in query(data, "select id from inference_mlrequest")}
    assert not set(ids) - rows
    assert query(data, "select count(*) from inference_outbox") == [(0,)]
    counted = query(data, "select arm_id, sum(exposures) from inference_armtally group by 1")
    sql = "select arm_id, count(*) from inference_mlrequest where arm_id is not null group by 1"
    assert sorted(counted) == sorted(query(data, sql))


# -- at once ---------------------------------------------------------------------------------------


async def test_fifty_at_once_under_one_key_are_one_request(
    data: Path, record: dict[str, Any], mode: servers.Mode
) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    with Server(data, mode=mode) as server:
        async with client(server) as http:
            while (await http.post(PATH, json=record)).status_code != 200:  # noqa: ASYNC110  # a worker has just been born
                await asyncio.sleep(0.1)
            asked = [http.post(PATH, json=record, headers=headers) for _ in range(50)]
            answers = await asyncio.gather(*asked)

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert sum("idempotency-replayed" not in answer.headers for answer in answers) == 1
    assert query(data, "select count(*) from inference_mlrequest") == [(2,)]


async def test_a_key_is_its_callers_own(data: Path, record: dict[str, Any]) -> None:
    made = callers.make(data)
    name = {"Idempotency-Key": "the-same-for-both", "X-Forwarded-Proto": "https"}
    env = {
        "WEIR_PROFILE": "production",
        "WEIR_TRUSTED_PROXIES": "1",
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    with Server(data, env=env) as server:
        async with client(server) as http:
            ann, bob = ({**made.key(each), **name} for each in ("every", "predict"))
            first = await http.post(PATH, json=record, headers=ann)
            other = await http.post(PATH, json=record | {"mean_radius": 1.0}, headers=bob)
            form = await http.post(PATH, data={"mean_radius": "1"}, headers=bob)
            again = await http.post(PATH, json=record, headers=ann)

    assert [each.status_code for each in (first, other, form, again)] == [200, 200, 422, 200]
    assert again.text == first.text
    assert other.json()["request_id"] != first.json()["request_id"]


# -- killed ----------------------------------------------------------------------------------------


async def test_what_was_accepted_before_a_kill_is_answered_once_after_it(
    data: Path, record: dict[str, Any], mode: servers.Mode
) -> None:
    with Server(data, mode=mode) as server:
        await start_a_test(server)
        change(data, _NO_LOG)  # so that nothing is answered before the kill
        async with client(server) as http:
            accepted = [each for _ in range(20) for each in await _accepted(http, record)]
        kill(server)
    change(data, "drop trigger no_log")
    with Server(data, mode=mode) as server:
        async with client(server) as http:
            answers = await asyncio.gather(*[_answer(http, each) for each in accepted])
        await _nothing_queued(data)

    assert [answer["id"] for answer in answers] == accepted
    assert query(data, "select count(*) from inference_mlrequest") == [(len(set(accepted)),)]
    check(data, accepted)


_NO_LOG: Final = """
create trigger no_log before insert on inference_mlrequest
begin select raise(abort, 'not now'); end
"""


def change(data: Path, sql: str) -> None:
    with closing(sqlite3.connect(data / "weir.sqlite3", timeout=10)) as database:
        database.execute(sql)


async def _accepted(http: httpx.AsyncClient, record: dict[str, Any]) -> list[int]:
    answer = await http.post(f"{PATH}?wait=0", json=[record] * 3)
    assert answer.status_code == 202, answer.text
    ids: list[int] = answer.json()["request_ids"]
    return ids


async def _answer(http: httpx.AsyncClient, request_id: int) -> dict[str, Any]:
    async with asyncio.timeout(RECOVERY):
        while True:
            answer = await http.get(f"/api/v1/mlrequests/{request_id}")
            if answer.status_code == 200:
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code == 202, answer.text
            await asyncio.sleep(float(answer.headers["retry-after"]))


async def test_who_asks_again_with_his_key_after_a_kill_is_counted_once(
    data: Path, record: dict[str, Any], mode: servers.Mode
) -> None:
    told: dict[str, str] = {}
    sent: set[str] = set()
    with Server(data, mode=mode) as server:
        await start_a_test(server)
        asking = [asyncio.ensure_future(_ask(server, record, sent, told)) for _ in range(16)]
        async with asyncio.timeout(20):
            while len(told) < 100:  # noqa: ASYNC110  # sixteen tasks add to it
                await asyncio.sleep(0)
        kill(server)
        await asyncio.gather(*asking)
    with Server(data, mode=mode) as server:
        async with client(server) as http:
            keys = sorted(sent)
            texts = await asyncio.gather(*[_again(http, record, key) for key in keys])

    again = dict(zip(keys, texts, strict=True))
    assert {key: again[key] for key in told} == told
    ids = [json.loads(text)["request_id"] for text in texts]
    assert query(data, "select count(*) from inference_mlrequest") == [(len(keys),)]
    check(data, ids)


async def _ask(
    server: Server, record: dict[str, Any], sent: set[str], told: dict[str, str]
) -> None:
    async with client(server) as http:
        while True:
            key = uuid4().hex
            sent.add(key)
            try:
                answer = await http.post(PATH, json=record, headers={"Idempotency-Key": key})
            except httpx.TransportError:
                return
            assert answer.status_code == 200, answer.text
            told[key] = answer.text


async def _again(http: httpx.AsyncClient, record: dict[str, Any], key: str) -> str:
    async with asyncio.timeout(RECOVERY):
        while True:
            answer = await http.post(PATH, json=record, headers={"Idempotency-Key": key})
            if answer.status_code == 200:
                return answer.text
            assert answer.json()["code"] in {"in_progress", *NOT_NOW}
            await asyncio.sleep(float(answer.headers["retry-after"]))


class Talk:
    """One session: what was sent, accepted and answered, over as many sockets as it takes."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.session = uuid4().hex
        self.sent = 0
        self.accepted: set[int] = set()
        self.answered: dict[int, dict[str, Any]] = {}
        self.differing: list[int] = []
        self._record = record

    async def until_cut(self, server: Server) -> None:
        """Every other frame is to be accepted first."""
        try:
            async with self._open(server) as socket:
                while True:
                    for _ in range(20):
                        self.sent += 1
                        await self._say(socket, self.sent)
                    while self.sent - len(self.answered) > 100:
                        self._note(json.loads(await socket.recv()))
        except ConnectionClosed:
            return

    async def caught_up(self, server: Server) -> None:
        """What is known of is resumed, what nobody knows is sent again."""
        async with self._open(server) as socket, asyncio.timeout(RECOVERY):
            every = list(range(1, self.sent + 1))
            for start in range(0, len(every), 1000):
                frame = {"id": f"resume {start}", "resume": every[start : start + 1000]}
                await socket.send(json.dumps(frame))
            self.answered, before = {}, self.answered
            while len(self.answered) < self.sent:
                frame = json.loads(await socket.recv())
                if frame["type"] == "error":
                    assert frame["code"] in {"not_found", *NOT_NOW}
                    lost = frame["code"] == "not_found"
                    assert not (lost and frame["id"] in self.accepted | before.keys())
                    await self._say(socket, frame["id"])
                self._note(frame)
        self.differing = [each for each in before if before[each] != self.answered[each]]

    def _open(self, server: Server) -> connect:
        return connect(f"{server.ws}{STREAM}?session={self.session}")

    async def _say(self, socket: ClientConnection, number: int) -> None:
        frame = {"id": number, "record": self._record, "async": bool(number % 2)}
        await socket.send(json.dumps(frame))

    def _note(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "accepted":
            self.accepted.add(frame["id"])
        if frame["type"] == "result":
            self.answered[frame["id"]] = frame["result"]


async def test_a_session_goes_on_after_a_kill_and_every_frame_counts_once(
    data: Path, record: dict[str, Any], mode: servers.Mode
) -> None:
    talks = [Talk(record) for _ in range(3)]
    with Server(data, mode=mode) as server:
        await start_a_test(server)
        talking = [asyncio.ensure_future(talk.until_cut(server)) for talk in talks]
        async with asyncio.timeout(30):
            while min(len(talk.answered) for talk in talks) < 200:  # noqa: ASYNC110  # they add to it
                await asyncio.sleep(0)
        kill(server)
        await asyncio.gather(*talking)
    with Server(data, mode=mode) as server:
        await asyncio.gather(*[talk.caught_up(server) for talk in talks])
        await _nothing_queued(data)

    assert [talk.differing for talk in talks] == [[], [], []]
    ids = [answer["request_id"] for talk in talks for answer in talk.answered.values()]
    assert len(ids) == len(set(ids)) == sum(talk.sent for talk in talks)
    assert query(data, "select count(*) from inference_mlrequest") == [(len(ids),)]
    check(data, ids)


async def _nothing_queued(data: Path) -> None:
    until = time.monotonic() + RECOVERY
    while query(data, "select count(*) from inference_outbox") != [(0,)]:
        assert time.monotonic() < until
        await asyncio.sleep(0.1)
