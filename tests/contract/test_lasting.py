"""The same request again, and answers that are had later: the same through every door."""

from __future__ import annotations

import json
import time
from typing import Any
from uuid import uuid4

import pytest

from tests.contract import world
from tests.contract.doors import Door, Reply
from tests.contract.world import RECORD

PREDICT = f"/api/v1/{world.ENDPOINT}/predict"
ASYNC = {"Prefer": "respond-async"}
SECONDS = 10.0


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or uuid4().hex}


def rows(door: Door) -> int:
    """How many are in the log."""
    return len(door.get("/api/v1/mlrequests?limit=10000").json())


def later(door: Door, request_id: int) -> Reply:
    """The row, once it is there."""
    until = time.monotonic() + SECONDS
    while (reply := door.get(f"/api/v1/mlrequests/{request_id}")).status == 202:
        assert reply.json() == {"id": request_id, "status": "queued"}
        assert reply.headers["retry-after"] == "1"
        assert time.monotonic() < until, "it was accepted and never answered"
    return reply


# -- again -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [RECORD, [RECORD, RECORD | {"age": "x"}], {"age": "x"}])
def test_the_same_request_again_gets_the_first_answer(door: Door, body: Any) -> None:
    headers, before = keyed(), rows(door)

    first, second = (door.json("POST", PREDICT, body, headers) for _ in range(2))

    assert (first.status, second.status) == (200, 200)
    assert second.text == first.text
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert rows(door) - before == (2 if isinstance(body, list) else 1)


def test_the_answer_with_a_key_is_the_one_without(door: Door) -> None:
    plain = door.json("POST", PREDICT, RECORD).json()
    keyed_ = door.json("POST", PREDICT, RECORD, keyed()).json()

    assert plain.pop("request_id") != keyed_.pop("request_id")
    assert keyed_ == plain


def test_a_form_may_be_sent_again_as_well(door: Door) -> None:
    headers, before = keyed(), rows(door)
    kind = "application/x-www-form-urlencoded"

    first, second = (door.send("POST", PREDICT, b"age=37", kind, headers) for _ in range(2))

    assert first.json() == second.json()
    assert rows(door) - before == 1


@pytest.mark.parametrize(
    ("path", "body", "more"),
    [
        (PREDICT, RECORD | {"age": 38}, {}),
        (PREDICT, [RECORD], {}),
        (f"{PREDICT}?status=testing&version=0.0.1", RECORD, {}),
        (f"/api/v1/{world.OTHER}/predict", RECORD, {}),
        (PREDICT, RECORD, {"X-Subject": "ann"}),
    ],
)
def test_another_request_under_the_same_key_is_refused(
    door: Door, path: str, body: Any, more: dict[str, str]
) -> None:
    headers = keyed()
    door.json("POST", PREDICT, RECORD, headers)

    reply = door.json("POST", path, body, headers | more)

    assert (reply.status, reply.json()) == (
        422,
        {
            "status": "Error",
            "code": "idempotency_mismatch",
            "message": "This name was given to another request before.",
        },
    )


@pytest.mark.parametrize("key", ["", "two words", "x" * 256, "tab\tbed"])
def test_a_key_is_short_and_visible(door: Door, key: str) -> None:
    reply = door.json("POST", PREDICT, RECORD, {"Idempotency-Key": key})

    assert (reply.status, reply.json()["code"]) == (422, "row_invalid")
    assert reply.json()["field"] == "Idempotency-Key"


def test_what_was_refused_as_a_whole_is_not_remembered(door: Door) -> None:
    headers = keyed()

    refused = [
        door.json("POST", f"{PREDICT}?status=nowhere", RECORD, headers),
        door.json("POST", f"{PREDICT}?strict=1", {"age": "x"}, headers),
        door.send("POST", PREDICT, b"{", "application/json", headers),
    ]
    reply = door.json("POST", PREDICT, RECORD, headers)

    assert [each.status for each in refused] == [400, 422, 400]
    assert (reply.status, "idempotency-replayed" in reply.headers) == (200, False)


# -- later -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("query", "headers"), [("?wait=0", {}), ("", ASYNC)])
def test_who_would_rather_not_wait_is_told_where_the_answer_will_be(
    door: Door, query: str, headers: dict[str, str]
) -> None:
    accepted = door.json("POST", PREDICT + query, RECORD, headers)
    request_id = accepted.json()["request_id"]
    row = later(door, request_id)

    assert accepted.status == 202
    assert accepted.json() == {"status": "queued", "request_id": request_id}
    assert accepted.headers["location"] == f"/api/v1/mlrequests/{request_id}"
    assert accepted.headers["preference-applied"] == "respond-async"
    assert row.status == 200
    assert json.loads(row.json()["input_data"]) == RECORD


def test_a_batch_is_told_the_id_of_each_row(door: Door) -> None:
    accepted = door.json("POST", f"{PREDICT}?wait=0", [RECORD, {"age": "x"}])
    ids = accepted.json()["request_ids"]

    found = [later(door, request_id).json() for request_id in ids]

    assert (accepted.status, accepted.json()["request_id"]) == (202, ids[0])
    assert [row["error_code"] for row in found] == ["", "row_invalid"]


def test_a_form_may_be_answered_later_as_well(door: Door) -> None:
    accepted = door.form("POST", f"{PREDICT}?wait=0", RECORD)

    row = later(door, accepted.json()["request_id"]).json()

    assert json.loads(row["input_data"]) == {name: str(value) for name, value in RECORD.items()}


@pytest.mark.parametrize(
    ("query", "headers"), [("?wait=20", {}), ("", {"Prefer": "respond-async, wait=20"})]
)
def test_who_waits_long_enough_gets_the_answer(
    door: Door, query: str, headers: dict[str, str]
) -> None:
    reply = door.json("POST", PREDICT + query, RECORD, headers)

    assert (reply.status, reply.json()["status"]) == (200, "OK")
    assert "preference-applied" not in reply.headers


@pytest.mark.parametrize("preference", ["wait=5", "return=minimal", "respond-sync", ";;,="])
def test_other_preferences_change_nothing(door: Door, preference: str) -> None:
    assert door.json("POST", PREDICT, RECORD, {"Prefer": preference}).status == 200


@pytest.mark.parametrize("wait", ["soon", "-1", "nan", "inf", "1e400"])
def test_a_wait_is_a_number_of_seconds(door: Door, wait: str) -> None:
    reply = door.json("POST", f"{PREDICT}?wait={wait}", RECORD)

    assert (reply.status, reply.json()["field"]) == (422, "wait")


def test_what_was_accepted_and_answered_is_answered_again_under_its_key(door: Door) -> None:
    headers = {**keyed(), **ASYNC}
    accepted = door.json("POST", PREDICT, RECORD, headers)
    request_id = accepted.json()["request_id"]
    row = later(door, request_id)

    until = time.monotonic() + SECONDS
    while (again := door.json("POST", PREDICT, RECORD, headers)).status == 202:
        assert (again.text, again.headers["idempotency-replayed"]) == (accepted.text, "true")
        assert time.monotonic() < until, "the row is there and the key does not find it"
    assert (again.status, again.headers["idempotency-replayed"]) == (200, "true")
    assert again.json()["request_id"] == request_id == row.json()["id"]


@pytest.mark.parametrize(
    ("query", "body", "status"),
    [
        ("?wait=0", b"{", 400),
        ("?wait=0&status=nowhere", b"{}", 400),
        ("?wait=0&strict=1", b'{"age":"x"}', 422),
    ],
)
def test_what_can_be_refused_is_refused_before_it_is_accepted(
    door: Door, query: str, body: bytes, status: int
) -> None:
    assert door.send("POST", PREDICT + query, body, "application/json").status == status


@pytest.mark.parametrize("request_id", ["999999999999", "x", "9" * 40, "-1"])
def test_what_was_never_accepted_is_not_found(door: Door, request_id: str) -> None:
    assert door.get(f"/api/v1/mlrequests/{request_id}").status == 404
