"""Whatever is sent over HTTP has a defined answer, and whoever sends nothing odd notices none."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from tests import servers
from tests.e2e import corpus, corpus_api, corpus_http, corpus_v2
from tests.e2e.corpus import ROWS, Row
from tests.e2e.corpus_http import GOOD, JSON, PREDICT, Case
from tests.e2e.neighbours import Neighbours
from tests.e2e.raw import Reply, exchange, request
from tests.e2e.rows import query
from tests.servers import Server

AT_ONCE: Final = 12
BY_DJANGO: Final = ("Content-Type", 'application/json; charset="utf-8"')  # read by REST framework
CASES: Final = (
    *corpus_http.METHODS,
    *corpus_http.NAMES,
    *corpus_http.TARGETS,
    *corpus_http.KINDS,
    *corpus_http.LENGTHS,
    *corpus_http.FORMS,
    *corpus_http.BATCHES,
    *corpus_api.READS,
    *corpus_api.WRITES,
    *corpus_v2.CASES,
)
DOORS: Final = {
    "dataplane": (PREDICT, JSON, b"%s"),
    "django": (PREDICT, BY_DJANGO, b"%s"),
    "strict": (f"{PREDICT}?strict=1", JSON, b"%s"),
    "batch": (PREDICT, JSON, b"[%s," + GOOD + b"]"),
}

pytestmark = pytest.mark.alone  # the neighbours ask as fast as they can


class Volley(NamedTuple):
    """Every case sent, some at once, while neighbours asked for predictions."""

    replies: Mapping[str, Reply]
    neighbours: Neighbours
    logged: set[int]
    log: str


@pytest.fixture(scope="module")
def volley(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Volley]:
    data = servers.copy(prepared, tmp_path_factory.mktemp("corpus") / "data")
    with Server(data) as server:
        neighbours = Neighbours(server)
        replies = asyncio.run(_fire(server, neighbours))
        rows = query(data, "select id from inference_mlrequest")
        assert server.process.poll() is None
        yield Volley(replies, neighbours, {row[0] for row in rows}, server.log)


async def _fire(server: Server, neighbours: Neighbours) -> dict[str, Reply]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, data: bytes, *, half_close: bool) -> tuple[str, Reply]:
        async with gate:
            return name, (await exchange(server.port, data, half_close=half_close))[0]

    async with neighbours.busy():
        return dict(await asyncio.gather(*[one(n, d, half_close=h) for n, d, h in _everything()]))


def _everything() -> Iterable[tuple[str, bytes, bool]]:
    for case in CASES:
        yield case.name, case.data, case.half_close
    for door, row in _through():
        yield f"{door}: {row.name}", _posted(door, row), False


def _through() -> list[tuple[str, Row]]:
    return [(door, row) for door in DOORS for row in ROWS]


def _posted(door: str, row: Row) -> bytes:
    target, kind, body = DOORS[door]
    return request("POST", target, [kind], body.replace(b"%s", row.text, 1))


def _answered(reply: Reply) -> list[int]:
    """The ids of predictions in it."""
    if reply.status != 200 or reply.headers["content-type"] != "application/json":
        return []
    answer = reply.json
    if isinstance(answer, dict) and "outputs" in answer and "model_name" in answer:
        return [each for o in answer["outputs"] if o["name"] == "request_id" for each in o["data"]]
    found = answer if isinstance(answer, list) else [answer]
    return [each["request_id"] for each in found if isinstance(each, dict) and "request_id" in each]


def test_the_table_is_as_large_as_it_says() -> None:
    names = [name for name, _, _ in _everything()]

    assert len(set(names)) == len(names)
    assert len({data for _, data, _ in _everything()}) > 500


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_request_has_its_answer(volley: Volley, case: Case) -> None:
    reply = volley.replies[case.name]

    assert (reply.status, reply.code) == (case.status, case.code), reply


@pytest.mark.parametrize(
    ("door", "row"), _through(), ids=lambda value: getattr(value, "name", value)
)
def test_a_row_has_its_answer_at_every_door(volley: Volley, door: str, row: Row) -> None:
    reply = volley.replies[f"{door}: {row.name}"]

    assert said(reply, batch=door == "batch") == wanted(door, row), reply


def said(reply: Reply, *, batch: bool) -> tuple[int, list[tuple[Any, Any]]]:
    """Status, and code and field of each answer in it."""
    answer = reply.json
    answers = answer if batch and isinstance(answer, list) else [answer]
    return reply.status, [(each.get("code", ""), each.get("field")) for each in answers]


def wanted(door: str, row: Row) -> tuple[int, list[tuple[str, str | None]]]:
    """Malformed is malformed everywhere; a row that does not fit is an answer, unless `strict`."""
    if row.code == corpus.JSON:
        return 400, [(row.code, None)]
    if door == "strict" and row.code:
        return 422, [(row.code, row.field)]
    return 200, [(row.code, row.field), *([("", None)] if door == "batch" else [])]


def test_neighbours_were_answered_rightly_all_the_while(volley: Volley) -> None:
    assert volley.neighbours.wrong == []
    assert len(volley.neighbours.answered) > len(CASES)


def test_what_was_answered_is_logged_and_nothing_else(volley: Volley) -> None:
    answered = [each for reply in volley.replies.values() for each in _answered(reply)]
    everything = [*answered, *volley.neighbours.answered]

    assert len(everything) == len(set(everything))
    assert set(everything) == volley.logged


def test_no_answer_is_a_failure_of_ours(volley: Volley) -> None:
    assert {name for name, reply in volley.replies.items() if reply.status >= 500} == set()


def test_the_log_has_neither_errors_nor_traces(volley: Volley) -> None:
    odd = [line for line in volley.log.splitlines() if "Traceback" in line or " ERROR " in line]

    assert odd == []


def test_an_error_says_nothing_of_the_inside(volley: Volley) -> None:
    for name, reply in volley.replies.items():
        if reply.status >= 400:
            text = reply.body.decode("utf-8", "replace")
            inside = [w for w in ('File "', "site-packages", "/work", ".py", "Error(") if w in text]
            assert inside == [], (name, text[:500])


def test_an_error_does_not_give_back_what_was_sent(volley: Volley) -> None:
    """Except where each of many arms has a sentence of its own, or the type is repeated."""
    lengths = {n: len(r.body) for n, r in volley.replies.items() if r.status not in {200, 415}}

    assert {name for name, length in lengths.items() if length > 1000} == {"a thousand arms"}


def test_json_answers_are_json(volley: Volley) -> None:
    for reply in volley.replies.values():
        if "json" in reply.headers.get("content-type", ""):
            json.loads(reply.body, parse_constant=pytest.fail)
