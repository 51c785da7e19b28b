"""The client against the server it was made for, with a key, as its users run it."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any, Final
from uuid import uuid4

import numpy as np
import pytest

from tests import servers
from tests.e2e.rows import query
from tests.servers import Server
from weir_client import AsyncClient, Client, Retries
from weir_client.errors import (
    IdempotencyMismatch,
    Invalid,
    NotFound,
    NotLogged,
    NotServed,
    RowInvalid,
    Unauthorized,
)
from weir_client.values import Block, Failure, Prediction

ENDPOINT: Final = "breast_cancer"
UNLOGGED: Final = "diabetes"
GUIDE: Final = servers.ROOT / "docs" / "client.md"
SCOPES: Final = [
    word for each in ("predict", "feedback", "read", "manage") for word in ("--scope", each)
]
PATIENT: Final = Retries(attempts=200, total=60, first=0.05, longest=0.5)


@pytest.fixture(scope="module")
def data(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One endpoint is logged, the other one is not."""
    data = servers.copy(prepared, tmp_path_factory.mktemp("client") / "data")
    with closing(sqlite3.connect(data / "weir.sqlite3")) as database, database:
        database.execute(
            "update inference_endpoint set log_mode = 'off' where name = ?", [UNLOGGED]
        )
    return data


@pytest.fixture(scope="module")
def key(data: Path) -> str:
    return servers.manage(data, "apikey", "create", "tests", *SCOPES).strip()


@pytest.fixture(scope="module")
def server(data: Path, key: str) -> Iterator[Server]:
    production = {"WEIR_PROFILE": "production", "WEIR_SECURE_SSL": "false"}
    hosts = {"HOST": "127.0.0.1", "ALLOWED_HOSTS": "127.0.0.1"}
    with Server(data, env={**production, **hosts}) as running:
        yield running


@pytest.fixture
def client(server: Server, key: str) -> Iterator[Client]:
    with Client(server.url, key) as opened:
        yield opened


@pytest.fixture
async def waiting(server: Server, key: str) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(server.url, key) as opened:
        yield opened


@pytest.fixture
def measured(client: Client) -> list[float]:
    """A row of the endpoint that is not logged, by position."""
    return [0.01] * len(client.schema(UNLOGGED)["features"])


# -- REST ------------------------------------------------------------------------------------------


def test_a_record_gives_a_prediction_that_is_in_the_log(
    client: Client, record: dict[str, Any]
) -> None:
    answer = client.predict(ENDPOINT, record, subject="ünal")

    line = client.logged(answer.request_id)
    assert answer.label in {"benign", "malignant"}
    assert (line.response, line.subject, line.algorithm) == (answer.label, "ünal", answer.algorithm)
    assert line in client.log(after=answer.request_id - 1, limit=5)
    assert client.result(answer.request_id).probability == answer.probability


def test_rows_come_back_in_their_order(client: Client, record: dict[str, Any]) -> None:
    rows = [{**record, "mean_radius": radius} for radius in (6.0, 28.0, "wide", 6.0)]

    first, second, failed, last = client.predict(ENDPOINT, rows)

    assert isinstance(first, Prediction)
    assert isinstance(last, Prediction)
    assert isinstance(second, Prediction)
    assert first.probability == last.probability
    assert isinstance(failed, Failure)
    assert (failed.code, failed.field) == ("row_invalid", "mean_radius")


def test_an_array_is_rows_in_the_order_of_the_schema(
    client: Client, record: dict[str, Any]
) -> None:
    features = client.schema(ENDPOINT)["features"]
    empty = np.full((2, len(features)), np.nan)
    empty[:, 0] = record["mean_radius"]

    answers = client.predict(ENDPOINT, empty)

    by_name = client.predict(ENDPOINT, {"mean_radius": record["mean_radius"]})
    assert [a.probability for a in answers if isinstance(a, Prediction)] == [
        by_name.probability
    ] * 2


def test_a_name_of_ones_own_is_answered_once(client: Client, record: dict[str, Any]) -> None:
    name = uuid4().hex

    answers = {client.predict(ENDPOINT, record, idempotency_key=name) for _ in range(3)}

    assert len(answers) == 1
    with pytest.raises(IdempotencyMismatch):
        client.predict(ENDPOINT, record, idempotency_key=name, subject="another")


def test_an_answer_can_be_had_later(client: Client, record: dict[str, Any]) -> None:
    ticket = client.submit(ENDPOINT, [record, record])

    answers = [client.result(request_id) for request_id in ticket.request_ids]

    assert [answer.request_id for answer in answers] == list(ticket.request_ids)
    assert client.submit(ENDPOINT, record).request_ids[0] > ticket.request_ids[-1]


def test_a_test_is_started_counted_watched_and_stopped(
    client: Client, record: dict[str, Any]
) -> None:
    arms = [each.id for each in client.algorithms() if each.status != "retired"][:2]
    test = client.start_experiment("which?", dict.fromkeys(arms, 1), "ann", rule="none")
    answers = [client.predict(ENDPOINT, record, subject=str(each)) for each in range(8)]
    for answer in [*answers, *answers]:  # what is said again counts once
        client.feedback(answer.request_id, answer.label)
    told = client.experiment_snapshot(test.id)
    stopped = client.stop_experiment(test.id)

    assert test.running
    assert test.id in [each.id for each in client.experiments()]
    assert sum(arm["exposures"] for arm in told["arms"]) == len(answers)
    assert sum(arm["correct"] for arm in told["arms"]) == len(answers)
    assert not client.experiment(test.id).running
    assert client.stop_experiment(test.id)["summary"] == stopped["summary"]


def test_a_test_is_planned_widened_and_weighed_anew(client: Client) -> None:
    plan = client.plan(ENDPOINT, difference=0.05, base=0.9, labels_a_day=1000, weights=[1, 1])
    arms = [each.id for each in client.algorithms() if each.status != "retired"][:2]
    test = client.start_experiment(
        "a little", dict.fromkeys(arms, 1), "ann", rule="none", coverage=0.1, difference=0.05
    )
    wider = client.widen_experiment(test.id, 0.5)
    weighed = client.reweight_experiment(test.id, [3, 1])
    phases = client.experiment_phases(test.id)
    client.stop_experiment(test.id)

    assert plan["endpoint"] == ENDPOINT
    assert (test.coverage, wider.coverage, test.difference) == (0.1, 0.5, 0.05)
    assert [arm.weight for arm in weighed.arms] == [3, 1]
    assert [each["phase"] for each in phases] == [1, 2]


def test_what_is_there_can_be_read(client: Client) -> None:
    modes = {each.name: each.log_mode for each in client.endpoints()}

    assert modes == {ENDPOINT: "strict", UNLOGGED: "off"}
    assert client.ready().ready
    assert "uptime_s" in client.operations()


def test_what_is_refused_is_raised(client: Client, record: dict[str, Any]) -> None:
    with pytest.raises(RowInvalid) as caught:
        client.predict(ENDPOINT, {**record, "mean_radius": "wide"})
    assert (caught.value.field, caught.value.request_id) != (None, None)
    with pytest.raises(NotServed):
        client.predict("weather", record)
    with pytest.raises(NotServed):
        client.schema("weather")
    with pytest.raises(NotFound):
        client.feedback(10**9, "benign")
    with pytest.raises(Invalid) as refused:
        client.start_experiment("alone", {1: 1}, "ann")
    assert refused.value.field == "arms"


def test_where_nothing_is_logged_there_is_no_name_and_no_answer_later(
    client: Client, measured: list[float]
) -> None:
    assert [answer.request_id for answer in client.predict(UNLOGGED, [measured] * 2)]
    with pytest.raises(NotLogged):
        client.submit(UNLOGGED, [measured], idempotency_key="mine")


async def test_without_a_key_nothing_opens(server: Server, record: dict[str, Any]) -> None:
    with Client(server.url) as stranger, pytest.raises(Unauthorized):
        stranger.predict(ENDPOINT, record)
    with pytest.raises(Unauthorized):
        await anext(aiter(AsyncClient(server.url).stream(ENDPOINT, [record])))
    with pytest.raises(Unauthorized):
        await anext(AsyncClient(server.url).live("operations"))


async def test_both_clients_and_the_stream_get_the_same_answer(
    client: Client, waiting: AsyncClient, record: dict[str, Any]
) -> None:
    there = client.predict(ENDPOINT, record)
    async with waiting.stream(ENDPOINT) as stream:
        streamed = await stream.ask(record)

    assert (await waiting.predict(ENDPOINT, record)).probability == there.probability
    assert streamed.probability == there.probability
    assert (await waiting.feedback(streamed.request_id, "benign")).feedback == "benign"


# -- streams ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["json", "msgpack"])
@pytest.mark.parametrize("session", [True, False])
async def test_each_row_of_a_stream_is_answered_and_logged_once(
    waiting: AsyncClient, data: Path, record: dict[str, Any], kind: Any, session: bool
) -> None:
    radii = np.linspace(6, 28, 300).tolist()
    subject = uuid4().hex
    rows = ({**record, "mean_radius": radius} for radius in radii)

    stream = waiting.stream(ENDPOINT, rows, format=kind, session=session, subject=subject)
    answers = [answer async for answer in stream]

    ids = [answer.request_id for answer in answers if isinstance(answer, Prediction)]
    sql = "select id, input_data from inference_mlrequest where subject = ? order by id"
    logged = dict(query(data, sql, subject))
    assert len(logged) == len(set(ids)) == len(radii)
    assert all(f"{radius}" in logged[at] for radius, at in zip(radii, ids, strict=True))


async def test_arrays_stream_as_blocks(client: Client, waiting: AsyncClient) -> None:
    """Where a record names a category, a block has its place."""
    features = client.schema(UNLOGGED)["features"]
    record = {each["name"]: each.get("categories", [0.01])[0] for each in features}
    there = client.predict(UNLOGGED, record)
    array = np.array([[0.0 if "categories" in each else 0.01 for each in features]] * 250)

    blocks = [block async for block in waiting.stream(UNLOGGED, array, block=100)]

    assert not [each for each in blocks if isinstance(each, Failure) or each.errors]
    values = [each.value for each in blocks if isinstance(each, Block) and each.value is not None]
    assert [len(each) for each in values] == [100, 100, 50]
    np.testing.assert_allclose(np.concatenate(values), there.value or 0.0, rtol=1e-6)


async def test_a_row_that_does_not_fit_is_a_value_in_its_place(
    waiting: AsyncClient, record: dict[str, Any]
) -> None:
    rows: list[Any] = [record, {**record, "mean_radius": "wide"}, [1.0], record]

    first, second, third, last = [answer async for answer in waiting.stream(ENDPOINT, rows)]

    assert isinstance(first, Prediction)
    assert isinstance(last, Prediction)
    assert isinstance(second, Failure)
    assert isinstance(third, Failure)
    assert (second.code, second.field, third.code) == ("row_invalid", "mean_radius", "row_invalid")


async def test_where_nothing_is_logged_rows_stream_all_the_same(
    waiting: AsyncClient, measured: list[float]
) -> None:
    answers = [answer async for answer in waiting.stream(UNLOGGED, [measured] * 300)]

    assert len({answer.value for answer in answers if isinstance(answer, Prediction)}) == 1
    assert len(answers) == 300


async def test_an_endpoint_that_nobody_serves_has_no_stream(waiting: AsyncClient) -> None:
    with pytest.raises(NotServed):
        await anext(aiter(waiting.stream("weather", [[1.0]])))


# -- live ------------------------------------------------------------------------------------------


async def test_what_is_watched_shows_what_was_asked(
    waiting: AsyncClient, record: dict[str, Any]
) -> None:
    topic = f"results:{ENDPOINT}"
    async with aclosing(waiting.live(topic, "operations")) as snapshots:
        seen = {(await anext(snapshots)).topic for _ in range(2)}
        asked = (await waiting.predict(ENDPOINT, record)).request_id
        async with asyncio.timeout(10):
            async for snapshot in snapshots:
                if snapshot.topic == topic and str(asked) in str(snapshot.body):
                    break

    assert seen == {topic, "operations"}


async def test_a_topic_that_is_not_there_is_not_found(waiting: AsyncClient) -> None:
    with pytest.raises(NotFound):
        await anext(waiting.live("weather"))


# -- a server that is replaced ---------------------------------------------------------------------


class Load:
    """Callers of both kinds, who go on until they have been answered by the second server."""

    def __init__(self, url: str, record: dict[str, Any]) -> None:
        self.answers: list[Any] = []
        self.asked = 0
        self.goal = 150
        self.reached = asyncio.Event()
        self._stop = False
        self._client = AsyncClient(url, retries=PATIENT)
        self._record = record

    async def run(self) -> None:
        async with self._client:
            await asyncio.gather(self._stream(), *(self._ask() for _ in range(4)))

    def until(self, goal: int) -> None:
        self.goal = goal
        self.reached.clear()

    async def _stream(self) -> None:
        async for answer in self._client.stream(ENDPOINT, self._rows(), window=16):
            self._note(answer)

    async def _ask(self) -> None:
        async for row in self._rows():
            self._note(await self._client.predict(ENDPOINT, row))

    async def _rows(self) -> AsyncIterator[dict[str, Any]]:
        while not self._stop:
            self.asked += 1
            yield self._record

    def _note(self, answer: Any) -> None:
        self.answers.append(answer)
        if len(self.answers) >= self.goal:
            self.reached.set()

    def stop(self) -> None:
        self._stop = True


@pytest.mark.parametrize("how", [SIGTERM, SIGKILL])
async def test_what_is_asked_while_the_server_is_replaced_is_counted_once(
    prepared: Path, tmp_path: Path, record: dict[str, Any], how: Signals
) -> None:
    own = servers.copy(prepared, tmp_path / "data")
    with Server(own) as first:
        load = Load(first.url, record)
        running = asyncio.ensure_future(load.run())
        await load.reached.wait()
        first.process.send_signal(how)
        await asyncio.to_thread(first.process.wait, servers.STOP_SECONDS)
    second = Server(own, port=first.port)
    await asyncio.to_thread(second.__enter__)
    try:
        load.until(len(load.answers) + 300)
        await load.reached.wait()
        load.stop()
        await running
    finally:
        await asyncio.to_thread(second.__exit__)

    ids = [answer.request_id for answer in load.answers if isinstance(answer, Prediction)]
    (rows,) = query(own, "select count(*), count(distinct id) from inference_mlrequest")
    assert len(ids) == len(set(ids)) == load.asked
    assert rows == (load.asked, load.asked)


# -- the guide -------------------------------------------------------------------------------------


def test_the_code_of_the_guide_runs(server: Server, key: str) -> None:
    code = re.findall(r"```python\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert code

    names: dict[str, Any] = {}
    for block in code:
        here = block.replace("http://127.0.0.1:8000", server.url).replace("prefix.secret", key)
        exec(compile(here, str(GUIDE), "exec"), names)  # noqa: S102  # our own
    for opened in (names["client"], names["patient"]):
        opened.close()
