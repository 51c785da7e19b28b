"""Every refusal has a status, a code and a sentence, in the shape its route is known for."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.db import InterfaceError, OperationalError
from django.http import Http404
from django.test import Client
from rest_framework.exceptions import (
    AuthenticationFailed,
    MethodNotAllowed,
    NotAuthenticated,
    PermissionDenied,
)
from rest_framework.response import Response

from inference import problems
from inference.api.errors import handler
from inference.api.views import EndpointViewSet
from inference.core import errors
from inference.core.errors import Overloaded, WeirError
from inference.services import feedback, predictions
from tests.inference import registered


class Ours:
    """A route that the tutorial does not have."""


class Theirs:
    of_tutorial = True


def handled(error: Exception, view: Any = Ours) -> Response:
    answer = handler(error, {"view": view()})
    assert answer is not None
    return answer


def every(base: type[WeirError] = WeirError) -> list[type[WeirError]]:
    return [base, *(each for sub in base.__subclasses__() for each in every(sub))]


@pytest.mark.parametrize("kind", [k for k in every() if "code" in vars(k) and k is not WeirError])
def test_every_code_has_a_status(kind: type[WeirError]) -> None:
    assert kind.code in problems.STATUS
    assert handled(kind()).status_code == problems.STATUS[kind.code] or kind is errors.JsonInvalid


def test_a_problem_of_ours_says_code_sentence_and_place() -> None:
    answer = handled(errors.RowInvalid("age must be a number.", row=3, field="age"))

    assert answer.status_code == 422
    assert answer.content_type == "application/problem+json"
    assert answer.data == {
        "code": "row_invalid",
        "message": "age must be a number.",
        "row": 3,
        "field": "age",
    }


def test_the_tutorial_gets_its_status_word() -> None:
    answer = handled(Overloaded(retry_after=1.2), Theirs)

    assert (answer.status_code, answer["Retry-After"]) == (503, "2")
    assert answer.content_type is None
    assert answer.data["status"] == "Error"
    assert (answer.data["code"], answer.data["retry_after_ms"]) == ("overloaded", 1200)


@pytest.mark.parametrize("view", [Ours, Theirs])
def test_malformed_json_has_a_detail_everywhere(view: Any) -> None:
    answer = handled(errors.JsonInvalid("JSON parse error - x"), view)

    assert answer.status_code == 400
    assert answer.data == {"detail": "JSON parse error - x", "code": "json_invalid"}


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAuthenticated(), 401, "unauthorized"),
        (AuthenticationFailed(), 401, "unauthorized"),
        (PermissionDenied("CSRF Failed: CSRF token missing."), 403, "forbidden"),
        (RequestDataTooBig(), 413, "too_large"),
        (TooManyFieldsSent(), 400, "frame_invalid"),
        (OperationalError("locked"), 503, "storage_unavailable"),
        (InterfaceError("closed"), 503, "storage_unavailable"),
    ],
)
def test_what_the_frameworks_raise_is_one_of_ours(error: Exception, status: int, code: str) -> None:
    answer = handled(error)

    assert (answer.status_code, answer.data["code"]) == (status, code)


def test_a_database_error_does_not_tell_what_it_said() -> None:
    assert "locked" not in str(handled(OperationalError("locked: /var/db")).data)


def test_what_the_framework_has_a_shape_for_keeps_it() -> None:
    assert handled(MethodNotAllowed("PUT")).data == {"detail": 'Method "PUT" not allowed.'}
    assert handled(Http404()).status_code == 404


def test_what_nobody_expected_is_not_dressed_up() -> None:
    assert handler(RuntimeError("a bug"), {"view": Ours()}) is None


@pytest.mark.django_db
def test_a_raced_feedback_is_a_409_that_may_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    predictions.record([registered.row(1, registered.algorithm())], "a")
    monkeypatch.setattr(feedback, "_replace", lambda request, value: False)

    answer = Client().put("/api/v1/mlrequests/1", {"feedback": "x"}, "application/json")

    assert (answer.status_code, answer.json()["code"]) == (409, "raced")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.django_db
def test_a_bug_shows_nothing_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tutorial's page showed settings and environment."""

    def broken(view: object, queryset: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(EndpointViewSet, "filter_queryset", broken)

    answer = Client(raise_request_exception=False).get("/api/v1/endpoints")

    assert answer.status_code == 500
    assert b"secret" not in answer.content


@pytest.mark.django_db
def test_errors_of_items_are_a_list_under_their_field(client: Client) -> None:
    body = {"labels": [{"id": 1, "feedback": "x"}, {"id": "no"}, "nothing"]}
    answer = client.post("/api/v1/mlrequests/feedback", body, content_type="application/json")

    assert answer.status_code == 400
    assert list(answer.json()) == ["labels"]
    said = answer.json()["labels"]
    assert "1: id: A valid integer is required." in said
    assert "1: feedback: This field is required." in said
    assert any(sentence.startswith("2: ") for sentence in said)


@pytest.mark.django_db
def test_arms_that_a_form_cannot_say_are_missed(client: Client) -> None:
    answer = client.post("/api/v1/abtests", {"title": "x", "created_by": "y", "arms": "[{}]"})

    assert answer.status_code == 400
    assert answer.json() == {"arms": ["Name the algorithms that are tested."]}
