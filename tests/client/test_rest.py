"""What only a server that misbehaves on purpose can show; the real one is in tests/e2e."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import numpy as np
import pytest

from weir_client import AsyncClient, Client, Retries
from weir_client.errors import (
    Draining,
    Forbidden,
    Interrupted,
    Invalid,
    NotLogged,
    NotYet,
    Overloaded,
    RowInvalid,
    TimedOut,
    Unavailable,
    Unexpected,
    Unreachable,
    WeirError,
)
from weir_client.values import Failure, Prediction

QUICK = Retries(attempts=3, total=5, first=0.001, longest=0.002)
OK = {"status": "OK", "request_id": 1, "algorithm": 1, "version": "1", "value": 0.5}
ROW = {"age": 1}

Answering = Callable[[httpx.Request], httpx.Response]


class Scripted:
    """Answers with one thing after the other; the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.asked: list[httpx.Request] = []
        self._answers = answers

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self._answers[min(len(self.asked), len(self._answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        # A response can be read once.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def keys(self) -> list[str | None]:
        return [request.headers.get("idempotency-key") for request in self.asked]


def said(status: int, body: Any = None, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refused(status: int, code: str, **more: Any) -> httpx.Response:
    return said(status, {"status": "Error", "code": code, "message": code, **more})


def client(script: Scripted, retries: Retries | None = QUICK, **more: Any) -> Client:
    transport = httpx.MockTransport(script)
    return Client("http://there", retries=retries, transport=transport, **more)


BROKEN = httpx.ReadError("broken")
BUSY = refused(503, "overloaded", retry_after_ms=1)


@pytest.mark.parametrize(
    "failure",
    [
        BROKEN,
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("gone"),
        httpx.RemoteProtocolError("cut"),
        BUSY,
        refused(503, "draining"),
        refused(503, "storage_unavailable"),
        refused(504, "deadline_exceeded"),
        refused(409, "in_progress", retry_after_ms=1),
        httpx.Response(502, text="<html>"),
    ],
)
def test_a_prediction_is_sent_again_under_the_same_name(
    failure: httpx.Response | Exception,
) -> None:
    script = Scripted(failure, said(200, OK))

    answer = client(script).predict("e", ROW)

    assert answer == Prediction(1, 1, "1", value=0.5)
    assert len(script.keys) == 2
    assert len(set(script.keys)) == 1
    assert script.keys[0]


def test_each_prediction_has_a_name_of_its_own() -> None:
    script = Scripted(said(200, OK))
    there = client(script)

    for _ in range(3):
        there.predict("e", ROW)

    assert len(set(script.keys)) == 3


def test_without_retries_there_is_no_name_to_pay_for() -> None:
    script = Scripted(BUSY)

    with pytest.raises(Overloaded) as caught:
        client(script, retries=None).predict("e", ROW)

    assert script.keys == [None]
    assert caught.value.retry_after == 0.001


def test_a_name_of_the_caller_is_kept() -> None:
    script = Scripted(BROKEN, said(200, OK))

    client(script).predict("e", ROW, idempotency_key="mine")

    assert script.keys == ["mine", "mine"]


def test_where_nothing_is_logged_names_are_left_out_from_then_on() -> None:
    script = Scripted(refused(400, "not_logged"), said(200, OK))
    there = client(script)

    there.predict("e", ROW)
    there.predict("e", ROW)

    assert script.keys[0]
    assert script.keys[1:] == [None, None]


def test_without_a_name_only_what_was_not_begun_is_sent_again() -> None:
    script = Scripted(refused(400, "not_logged"), BUSY, said(200, OK))
    assert client(script).predict("e", ROW).value == 0.5

    script = Scripted(refused(400, "not_logged"), BROKEN, said(200, OK))
    with pytest.raises(Interrupted):
        client(script).predict("e", ROW)


def test_a_name_of_the_caller_is_not_dropped_behind_his_back() -> None:
    with pytest.raises(NotLogged):
        client(Scripted(refused(400, "not_logged"))).predict("e", ROW, idempotency_key="mine")


def test_tries_come_to_an_end() -> None:
    script = Scripted(BROKEN)

    with pytest.raises(Interrupted):
        client(script).predict("e", ROW)

    assert len(script.asked) == QUICK.attempts


def test_a_pause_that_outlasts_the_timeout_is_not_made() -> None:
    script = Scripted(said(503, {"code": "overloaded"}, **{"Retry-After": "7"}))

    with pytest.raises(Overloaded) as caught:
        client(script).predict("e", ROW, timeout=2)

    assert (len(script.asked), caught.value.retry_after) == (1, 7.0)


def test_a_test_is_not_started_twice() -> None:
    script = Scripted(BROKEN)

    with pytest.raises(Interrupted):
        client(script).start_experiment("t", {1: 1, 2: 1}, "me")

    assert len(script.asked) == 1


STARTED = {
    "id": 3,
    "title": "t",
    "endpoint": "e",
    "arms": [{"algorithm": 1, "weight": 9}, {"algorithm": 2, "weight": 1}],
    "created_by": "me",
    "created_at": "2026-01-02T03:04:05Z",
    "mode": "shadow",
    "coverage": 0.5,
    "phase": 2,
}


def test_what_a_test_is_agreed_to_be_is_passed_on() -> None:
    script = Scripted(said(201, STARTED))

    test = client(script).start_experiment(
        "t", {1: 9, 2: 1}, "me", mode="shadow", coverage=0.5, stops_on=["winner"]
    )

    assert json.loads(script.asked[0].content) == {
        "title": "t",
        "created_by": "me",
        "arms": [{"algorithm": 1, "weight": 9}, {"algorithm": 2, "weight": 1}],
        "mode": "shadow",
        "coverage": 0.5,
        "stops_on": ["winner"],
    }
    assert (test.mode, test.coverage, test.difference) == ("shadow", 0.5, None)


def test_a_phase_is_not_begun_twice_and_a_test_is_widened_until_it_is() -> None:
    script = Scripted(BROKEN)
    with pytest.raises(Interrupted):
        client(script).reweight_experiment(3, [1, 1])
    assert [json.loads(request.content) for request in script.asked] == [{"weights": [1, 1]}]

    script = Scripted(BROKEN, said(200, STARTED))
    assert client(script).widen_experiment(3, 0.5).phase == 2
    assert [json.loads(request.content) for request in script.asked] == [{"coverage": 0.5}] * 2


def test_a_plan_is_asked_for_by_the_name_of_the_endpoint() -> None:
    known = [{"id": 5, "name": "e", "owner": "me", "created_at": "", "log_mode": "strict"}]
    script = Scripted(said(200, known), said(200, {"labels": 100}))

    assert client(script).plan("e", difference=0.01, weights=[9, 1]) == {"labels": 100}

    asked = script.asked[1].url
    assert asked.path == "/api/v1/endpoints/5/plan"
    assert dict(asked.params) == {"difference": "0.01", "weights": "9,1"}


@pytest.mark.parametrize("what", ["phases", "history", "decisions"])
def test_what_became_of_a_test_can_be_read(what: str) -> None:
    script = Scripted(said(200, {"what": what}))

    read = getattr(client(script), f"experiment_{what}")

    assert read(3) == {"what": what}
    assert script.asked[0].url.path == f"/api/v1/abtests/3/{what}"


def test_a_canary_is_ended_once_either_way() -> None:
    script = Scripted(said(200, {"message": "promoted"}), said(200, {"message": "rolled back"}))

    asked = client(script)
    assert asked.promote_experiment(3) == {"message": "promoted"}
    assert asked.roll_back_experiment(3, "too slow") == {"message": "rolled back"}

    assert [each.url.path[-9:] for each in script.asked] == ["3/promote", "/rollback"]
    assert [json.loads(each.content) for each in script.asked] == [{}, {"why": "too slow"}]


def test_a_label_is_sent_as_often_as_it_takes() -> None:
    line = {"id": 3, "feedback": "yes", "response": "no", "parent_mlalgorithm": 2}
    script = Scripted(BROKEN, said(200, line))

    assert client(script).feedback(3, "yes").algorithm == 2
    assert [json.loads(request.content) for request in script.asked] == [{"feedback": "yes"}] * 2
    assert script.keys == [None, None]


def test_an_answer_later_is_asked_for_until_it_is_there() -> None:
    line = {"id": 3, "full_response": '{"value":0.5,"status":"OK"}', "parent_mlalgorithm": 2}
    waiting = [said(202, {"id": 3, "status": "queued"}) for _ in range(2 * QUICK.attempts)]

    assert client(Scripted(*waiting, said(200, line))).result(3) == Prediction(3, 2, value=0.5)


def test_an_answer_that_never_comes_is_not_there_yet() -> None:
    with pytest.raises(NotYet):
        client(Scripted(said(202, {"id": 3}))).result(3, timeout=0.01)


@pytest.mark.parametrize(
    ("answer", "kind", "about"),
    [
        (refused(422, "row_invalid", row=1, field="age"), RowInvalid, (1, "age")),
        (said(400, {"arms": ["Two at least."]}), Invalid, (None, "arms")),
        (said(403, {"detail": "No."}), Forbidden, (None, None)),
        (refused(400, "brand_new"), WeirError, (None, None)),
        (httpx.Response(500, text="oops"), Unexpected, (None, None)),
        (httpx.Response(200, text="oops"), Unexpected, (None, None)),
        (httpx.Response(301, headers={"location": "https://there/"}), Unexpected, (None, None)),
        (said(500, {"detail": "oops"}), Unexpected, (None, None)),
        (said(200, {"status": "Error", "code": "row_invalid"}), RowInvalid, (None, None)),
        (said(200, {"status": "queer"}), Unexpected, (None, None)),
        (said(400, [1]), Unexpected, (None, None)),
        (httpx.Response(504, text="<html>"), Unavailable, (None, None)),
    ],
)
def test_a_refusal_is_raised_as_what_it_is(
    answer: httpx.Response, kind: type[WeirError], about: tuple[int | None, str | None]
) -> None:
    with pytest.raises(kind) as caught:
        client(Scripted(answer), retries=None).predict("e", ROW)

    assert type(caught.value) is kind
    assert (caught.value.row, caught.value.field) == about


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectTimeout("t"), Unreachable),
        (httpx.PoolTimeout("t"), Unreachable),
        (httpx.WriteTimeout("t"), TimedOut),
        (httpx.WriteError("t"), Interrupted),
    ],
)
def test_what_a_broken_connection_means(error: Exception, kind: type[WeirError]) -> None:
    with pytest.raises(kind):
        client(Scripted(error), retries=None).predict("e", ROW)


def test_many_rows_come_back_in_order_with_failures_among_them() -> None:
    bad = {"status": "Error", "code": "row_invalid", "message": "no", "field": "a"}
    script = Scripted(said(200, [OK, bad]))

    good, failed = client(script).predict("e", [ROW, {}])

    assert isinstance(good, Prediction)
    assert failed == Failure("row_invalid", "no", field="a")


@pytest.mark.parametrize(
    ("rows", "sent"),
    [
        (np.array([[1.5, np.nan]], np.float32), [[1.5, None]]),
        ([(1, "a")], [[1, "a"]]),
        ([{"a": np.float64(2.5), "b": float("nan")}], [{"a": 2.5, "b": None}]),
    ],
)
def test_rows_are_sent_as_json_has_them(rows: Any, sent: Any) -> None:
    script = Scripted(said(200, [OK]))

    client(script).predict("e", rows)

    assert json.loads(script.asked[0].content) == sent


@pytest.mark.parametrize("rows", [np.ones(3), np.ones((1, 1, 1))])
def test_an_array_of_another_shape_is_not_sent(rows: Any) -> None:
    with pytest.raises(ValueError, match="two dimensions"):
        client(Scripted(said(200, [OK]))).predict("e", rows)


@pytest.mark.parametrize(
    "rows",
    [
        {"a": float("inf")},
        [{"a": [1.0, np.float32("-inf")]}],
        np.array([[1.0, np.inf]]),
        {"a": np.array([np.inf])},
    ],
)
def test_an_infinity_is_not_sent_as_a_missing_value(rows: Any) -> None:
    with pytest.raises(ValueError, match="infinity"):
        client(Scripted(said(200, OK))).predict("e", rows)


def test_a_graph_answers_with_each_of_its_outputs() -> None:
    script = Scripted(said(200, {**OK, "outputs": {"scores": [1.0, None], "label": 0}}))

    assert client(script).predict("e", ROW).outputs == {"scores": [1.0, None], "label": 0}


def test_what_json_has_not_is_not_sent() -> None:
    with pytest.raises(TypeError, match="cannot be sent"):
        client(Scripted(said(200, OK))).predict("e", {"a": object()})


@pytest.mark.parametrize("subject", ["ann", "ünal", "a\nb", " ann", "ann "])
def test_a_subject_arrives_as_it_is(subject: str) -> None:
    script = Scripted(said(200, OK))

    client(script).predict(
        "e f/g", ROW, subject=subject, version="1", status="testing", algorithm=3, alias="old"
    )

    (request,) = script.asked
    asked = dict(request.url.params)
    assert request.headers.get("x-subject") or asked.pop("subject") == subject
    assert asked == {"version": "1", "status": "testing", "algorithm": "3", "alias": "old"}
    assert request.url.raw_path.startswith(b"/api/v1/e%20f%2Fg/predict?")


def test_a_misspelt_keyword_is_no_wish() -> None:
    with pytest.raises(TypeError, match="algoritm"):
        client(Scripted(said(200, OK))).predict("e", ROW, algoritm=3)  # type: ignore[call-overload]  # as a user might


@pytest.mark.parametrize("seconds", [0, -1.0, float("nan")])
def test_no_time_at_all_is_no_timeout(seconds: float) -> None:
    script = Scripted(said(200, OK))

    with pytest.raises(ValueError, match="timeout is more than 0 seconds"):
        client(script).predict("e", ROW, timeout=seconds)
    with pytest.raises(ValueError, match="timeout is more than 0 seconds"):
        client(script, timeout=seconds)

    assert script.asked == []


def test_the_key_goes_with_every_request() -> None:
    script = Scripted(said(200, {"readyz": True}))
    with Client("http://there", "pre.secret", transport=httpx.MockTransport(script)) as there:
        assert there.ready().ready

    assert script.asked[0].headers["authorization"] == "Api-Key pre.secret"


def test_a_server_that_is_not_ready_says_why() -> None:
    found = client(Scripted(said(503, {"readyz": False, "why": "no worker"}))).ready()

    assert (found.ready, found.why) == (False, "no worker")


# -- without waiting -------------------------------------------------------------------------------


def waiting(script: Scripted | Any, **more: Any) -> AsyncClient:
    transport = httpx.MockTransport(script)
    return AsyncClient("http://there", retries=QUICK, transport=transport, **more)


async def test_the_other_client_tries_again_just_so() -> None:
    script = Scripted(BROKEN, refused(503, "draining"), said(200, OK))

    async with waiting(script) as there:
        answer = await there.predict("e", ROW)

    assert answer.value == 0.5
    assert len(set(script.keys)) == 1


async def test_the_other_client_gives_up_just_so() -> None:
    async with waiting(Scripted(refused(503, "draining"))) as there:
        with pytest.raises(Draining):
            await there.predict("e", ROW)


async def test_a_timeout_holds_for_the_whole_try() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.Event().wait()
        raise AssertionError("unreachable: nobody sets it")

    async with waiting(never) as there:
        with pytest.raises(TimedOut):
            await there.predict("e", ROW, timeout=0.01)


def verbs(of: type) -> Iterator[str]:
    return (name for name in vars(of) if not name.startswith("_"))


def test_both_clients_know_the_same_verbs() -> None:
    assert set(verbs(AsyncClient)) - {"aclose", "stream", "live"} == set(verbs(Client)) - {"close"}


class Dripping(httpx.SyncByteStream):
    """Each piece in time, and no end."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            time.sleep(0.01)
            yield b" "


def test_an_answer_that_drips_is_given_up() -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping()))
    with (
        Client("http://weir", timeout=0.1, retries=None, transport=transport) as client,
        pytest.raises(TimedOut),
    ):
        client.endpoints()
