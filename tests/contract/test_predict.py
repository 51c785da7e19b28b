"""One record in, one answer out, and a row that was there before the answer: section 1.3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract import world
from tests.contract.doors import Door
from tests.contract.world import RECORD

PREDICT = f"/api/v1/{world.ENDPOINT}/predict"
UNAVAILABLE = {"status": "Error", "message": "ML algorithm is not available", "code": "not_served"}
AMBIGUOUS = {
    "status": "Error",
    "message": "ML algorithm selection is ambiguous. Please specify algorithm version.",
    "code": "ambiguous",
}


def predicted(door: Door, record: Any = None, query: str = "") -> dict[str, Any]:
    reply = door.json("POST", PREDICT + query, RECORD if record is None else record)
    assert reply.status == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def probability(door: Door, record: Any, query: str = "") -> float:
    answer = predicted(door, record, query)
    assert answer["status"] == "OK", answer
    found: float = answer["probability"]
    return found


def logged(door: Door, request_id: int) -> dict[str, Any]:
    row: dict[str, Any] = door.get(f"/api/v1/mlrequests/{request_id}").json()
    return row


# -- success ---------------------------------------------------------------------------------------


def test_the_answer_has_probability_label_status_and_request_id(door: Door) -> None:
    answer = predicted(door)

    assert isinstance(answer["probability"], float)
    assert 0 <= answer["probability"] <= 1
    assert answer["label"] in (world.LOW, world.HIGH)
    assert answer["status"] == "OK"
    assert isinstance(answer["request_id"], int)
    assert (answer["algorithm"], answer["version"]) == (world.FOREST, "0.0.1")


@pytest.mark.parametrize(("years", "hours"), [(1, 5), (5, 40), (10, 40), (12, 40), (16, 80)])
def test_the_label_is_the_second_class_above_one_half(door: Door, years: int, hours: int) -> None:
    answer = predicted(door, RECORD | {"education-num": years, "hours-per-week": hours})

    assert answer["label"] == (world.HIGH if answer["probability"] > 0.5 else world.LOW)


def test_the_row_is_there_before_the_answer(door: Door) -> None:
    answer = predicted(door)

    row = logged(door, answer["request_id"])
    assert json.loads(row["input_data"]) == RECORD
    assert json.loads(row["full_response"])["probability"] == answer["probability"]
    assert (row["response"], row["feedback"]) == (answer["label"], "")
    assert (row["parent_mlalgorithm"], row["error_code"], row["arm"]) == (world.FOREST, "", None)


def test_every_prediction_has_an_id_of_its_own_that_rises(door: Door) -> None:
    ids = [predicted(door)["request_id"] for _ in range(5)]

    assert ids == sorted(set(ids))


# -- what may come in ------------------------------------------------------------------------------


def test_a_form_gives_the_same_probability_as_json(door: Door) -> None:
    reply = door.form("POST", PREDICT, RECORD)

    assert reply.status == 200
    assert reply.json()["probability"] == probability(door, RECORD)


def test_a_multipart_form_gives_the_same_probability_as_json(door: Door) -> None:
    reply = door.multipart("POST", PREDICT, RECORD)

    assert reply.status == 200
    assert reply.json()["probability"] == probability(door, RECORD)


def test_what_a_form_sent_is_logged_as_it_came(door: Door) -> None:
    request_id = door.form("POST", PREDICT, RECORD).json()["request_id"]

    assert json.loads(logged(door, request_id)["input_data"]) == {
        name: str(value) for name, value in RECORD.items()
    }


def test_numeric_strings_count_as_numbers(door: Door) -> None:
    strings = {name: str(value) for name, value in RECORD.items()}

    assert probability(door, strings) == probability(door, RECORD)


def test_the_order_of_the_keys_never_matters(door: Door) -> None:
    backwards = dict(reversed(RECORD.items()))

    assert probability(door, backwards) == probability(door, RECORD)


@pytest.mark.parametrize("nothing", [None, "", "nan", "NaN", "?", " ", "null"])
@pytest.mark.parametrize("name", ["age", "workclass"])
def test_a_missing_value_is_filled_as_in_training(door: Door, name: str, nothing: Any) -> None:
    without = {field: value for field, value in RECORD.items() if field != name}

    assert probability(door, RECORD | {name: nothing}) == probability(door, without)


def test_a_form_sends_nan_for_a_missing_value(door: Door) -> None:
    reply = door.form("POST", PREDICT, RECORD | {"age": float("nan"), "workclass": float("nan")})

    assert (reply.status, reply.json()["status"]) == (200, "OK")


def test_an_unseen_category_is_answered(door: Door) -> None:
    assert predicted(door, RECORD | {"workclass": "Martian"})["status"] == "OK"


def test_fields_that_nobody_knows_are_ignored(door: Door) -> None:
    assert probability(door, RECORD | {"shoe-size": 44}) == probability(door, RECORD)


# -- which algorithm -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "algorithm"),
    [
        ("", world.FOREST),
        ("?status=production", world.FOREST),
        ("?status=", world.FOREST),
        ("?version=0.0.1", world.FOREST),
        ("?status=production&version=0.0.1", world.FOREST),
        (f"?algorithm={world.TREES}", world.TREES),
        (f"?algorithm={world.SINGLE}&status=production", world.SINGLE),
        ("?status=testing&status=production", world.FOREST),
    ],
)
def test_the_query_chooses_the_algorithm(door: Door, query: str, algorithm: int) -> None:
    answer = predicted(door, query=query)

    assert answer["algorithm"] == algorithm
    assert logged(door, answer["request_id"])["parent_mlalgorithm"] == algorithm


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/nobody/predict",
        "/api/v1/a/b/predict",
        f"{PREDICT}?status=staging",
        f"{PREDICT}?status=anything",
        f"{PREDICT}?version=9.9.9",
        f"{PREDICT}?algorithm={world.ELSEWHERE}",
        f"{PREDICT}?algorithm=99",
    ],
)
def test_nobody_to_ask_is_a_400(door: Door, path: str) -> None:
    reply = door.json("POST", path, RECORD)

    assert (reply.status, reply.json()) == (400, UNAVAILABLE)
    assert (door.form("POST", path, RECORD).json()) == UNAVAILABLE


def test_several_to_ask_are_a_400_and_an_id_settles_it(door: Door) -> None:
    reply = door.json("POST", f"{PREDICT}?status=testing", RECORD)

    assert (reply.status, reply.json()) == (400, AMBIGUOUS)
    answer = predicted(door, query=f"?status=testing&algorithm={world.TREES}")
    assert answer["algorithm"] == world.TREES


@pytest.mark.parametrize("algorithm", ["x", "-1", "1.0", "9" * 30, "²"])
def test_an_id_that_is_none_is_named(door: Door, algorithm: str) -> None:
    reply = door.json("POST", f"{PREDICT}?algorithm={algorithm}", RECORD)

    assert reply.status == 422
    assert (reply.json()["code"], reply.json()["field"]) == ("row_invalid", "algorithm")


# -- what goes wrong in a row ----------------------------------------------------------------------

BAD_ROWS = [
    (RECORD | {"age": "old"}, "age"),
    (RECORD | {"age": [37]}, "age"),
    (RECORD | {"age": {"years": 37}}, "age"),
    (RECORD | {"age": True}, "age"),
    (RECORD | {"age": 1e39}, "age"),
    (RECORD | {"age": "inf"}, "age"),
    (RECORD | {"workclass": ["Private"]}, "workclass"),
    ({}, None),
    ({"shoe-size": 44}, None),
    ("a text", None),
    (7, None),
    (None, None),
]


@pytest.mark.parametrize(("record", "field"), BAD_ROWS, ids=str)
def test_a_row_that_does_not_fit_is_answered_with_200_and_an_id(
    door: Door, record: Any, field: str | None
) -> None:
    """The client loop reads `request_id` from every answer and checks no status code."""
    reply = door.json("POST", PREDICT, record)

    assert reply.status == 200
    answer = reply.json()
    assert (answer["status"], answer["code"]) == ("Error", "row_invalid")
    assert answer.get("field") == field
    assert answer["message"]
    row = logged(door, answer["request_id"])
    assert (row["response"], row["error_code"]) == ("error", "row_invalid")
    assert json.loads(row["input_data"]) == record


@pytest.mark.parametrize("query", ["?strict=1", "?strict=true"])
def test_a_strict_caller_gets_a_422_that_names_the_field(door: Door, query: str) -> None:
    reply = door.json("POST", PREDICT + query, RECORD | {"age": "old"})

    assert reply.status == 422
    body = reply.json()
    assert (body["status"], body["code"], body["field"]) == ("Error", "row_invalid", "age")
    assert "request_id" not in body


def test_a_form_with_a_bad_value_is_answered_like_json(door: Door) -> None:
    by_form = door.form("POST", PREDICT, RECORD | {"age": "old"}).json()
    by_json = predicted(door, {k: str(v) for k, v in RECORD.items()} | {"age": "old"})

    del by_form["request_id"], by_json["request_id"]
    assert by_form == by_json


def test_an_empty_form_is_a_row_without_a_field(door: Door) -> None:
    reply = door.form("POST", PREDICT, {})

    assert (reply.status, reply.json()["code"]) == (200, "row_invalid")


def test_a_body_of_nothing_is_malformed_json(door: Door) -> None:
    reply = door.send("POST", PREDICT, b"", "application/json")

    assert reply.status == 400
    assert reply.json()["detail"].startswith("JSON parse error - ")


# -- many at once ----------------------------------------------------------------------------------


def test_an_array_is_answered_by_an_array_in_the_same_order(door: Door) -> None:
    records = [RECORD | {"education-num": years} for years in range(1, 17)]

    reply = door.json("POST", PREDICT, records)

    assert reply.status == 200
    assert [a["probability"] for a in reply.json()] == [probability(door, r) for r in records]
    ids = [answer["request_id"] for answer in reply.json()]
    assert [json.loads(logged(door, i)["input_data"]) for i in ids] == records


def test_a_bad_row_leaves_its_neighbours_alone(door: Door) -> None:
    reply = door.json("POST", PREDICT, [RECORD, RECORD | {"age": "old"}, RECORD])

    assert reply.status == 200
    assert [answer["status"] for answer in reply.json()] == ["OK", "Error", "OK"]
    assert reply.json()[0]["probability"] == probability(door, RECORD)


def test_a_strict_batch_with_a_bad_row_is_refused_whole_and_names_it(door: Door) -> None:
    reply = door.json("POST", f"{PREDICT}?strict=1", [RECORD, RECORD | {"age": "old"}])

    assert reply.status == 422
    assert (reply.json()["row"], reply.json()["field"]) == (1, "age")


def test_an_empty_array_is_no_request(door: Door) -> None:
    reply = door.json("POST", PREDICT, [])

    assert (reply.status, reply.json()["code"]) == (422, "row_invalid")


def test_an_array_of_too_many_rows_is_a_413(door: Door) -> None:
    reply = door.json("POST", PREDICT, [{"age": 1}] * 4097)

    assert (reply.status, reply.json()["code"]) == (413, "too_large")


# -- feedback --------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_feedback_is_stored_and_the_row_comes_back(door: Door, method: str) -> None:
    request_id = predicted(door)["request_id"]

    reply = door.json(method, f"/api/v1/mlrequests/{request_id}", {"feedback": world.HIGH})

    assert reply.status == 200
    assert reply.json() == logged(door, request_id)
    assert reply.json()["feedback"] == world.HIGH


@pytest.mark.parametrize("kind", ["form", "multipart"])
def test_feedback_may_come_as_a_form(door: Door, kind: str) -> None:
    request_id = predicted(door)["request_id"]

    reply = getattr(door, kind)("PUT", f"/api/v1/mlrequests/{request_id}", {"feedback": "x"})

    assert (reply.status, reply.json()["feedback"]) == (200, "x")


def test_only_feedback_is_writable_and_other_keys_are_ignored(door: Door) -> None:
    request_id = predicted(door)["request_id"]
    before = logged(door, request_id)
    other = {"id": 7, "response": "x", "input_data": "{}", "parent_mlalgorithm": 2, "nonsense": 1}

    reply = door.json("PUT", f"/api/v1/mlrequests/{request_id}", {"feedback": "y", **other})

    assert reply.status == 200
    assert logged(door, request_id) == before | {"feedback": "y"}


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_nothing_to_say_is_fine_and_changes_nothing(door: Door, method: str) -> None:
    request_id = predicted(door)["request_id"]
    door.json("PUT", f"/api/v1/mlrequests/{request_id}", {"feedback": "y"})

    assert door.json(method, f"/api/v1/mlrequests/{request_id}", {}).status == 200
    assert door.form(method, f"/api/v1/mlrequests/{request_id}", {"other": 1}).status == 200
    assert logged(door, request_id)["feedback"] == "y"


@pytest.mark.parametrize("feedback", ["", None])
def test_feedback_can_be_taken_back(door: Door, feedback: str | None) -> None:
    path = f"/api/v1/mlrequests/{predicted(door)['request_id']}"
    door.json("PUT", path, {"feedback": "y"})

    assert door.json("PUT", path, {"feedback": feedback}).json()["feedback"] == feedback


@pytest.mark.parametrize("feedback", ["x" * 10_001, ["y"], {"a": 1}, True])
def test_feedback_that_is_no_text_is_refused_by_its_field(door: Door, feedback: Any) -> None:
    path = f"/api/v1/mlrequests/{predicted(door)['request_id']}"

    reply = door.json("PUT", path, {"feedback": feedback})

    assert reply.status == 400
    assert list(reply.json()) == ["feedback"]
    assert isinstance(reply.json()["feedback"], list)


def test_a_number_is_a_text_too(door: Door) -> None:
    path = f"/api/v1/mlrequests/{predicted(door)['request_id']}"

    assert door.json("PUT", path, {"feedback": 1}).json()["feedback"] == "1"


def test_feedback_for_nothing_is_a_404(door: Door) -> None:
    assert door.json("PUT", "/api/v1/mlrequests/999999999", {"feedback": "x"}).status == 404


# -- reading the log -------------------------------------------------------------------------------


def test_the_log_can_be_read_in_pages_that_link_on(door: Door) -> None:
    for _ in range(6):
        predicted(door)
    everything = [row["id"] for row in door.get("/api/v1/mlrequests").json()]

    read: list[int] = []
    path: str | None = f"/api/v1/mlrequests?limit=2&after={everything[-6]}"
    while path is not None:
        reply = door.get(path)
        assert len(reply.json()) <= 2
        read += [row["id"] for row in reply.json()]
        link = reply.headers.get("link")
        assert link is None or link.endswith('>; rel="next"')
        path = None if link is None else "/api" + link[1:].partition(">")[0].partition("/api")[2]

    assert read == everything[-5:]


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "limit=-1", "after=x", f"after={9**30}"])
def test_a_page_that_is_none_is_refused_by_its_parameter(door: Door, query: str) -> None:
    reply = door.get(f"/api/v1/mlrequests?{query}")

    assert reply.status == 400
    assert list(reply.json()) == [query.partition("=")[0]]
