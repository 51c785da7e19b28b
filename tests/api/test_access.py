"""Who may do what in the production profile: every route, every method, every kind of caller."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern
from django.utils import timezone
from pytest_django import Settings

from inference.api import urls
from inference.keys import Scope
from inference.models import MLRequest
from inference.services import experiments, keys, predictions
from tests.inference import registered

pytestmark = pytest.mark.django_db

# Each route by its name, with a path, and the scope that each method needs.
READ, PREDICT, FEEDBACK, MANAGE = Scope.READ, Scope.PREDICT, Scope.FEEDBACK, Scope.MANAGE
ROUTES: dict[str, tuple[str, dict[str, Scope]]] = {
    "api-root": ("/api/v1/", {"GET": READ}),
    "predict": ("/api/v1/income/predict", {"POST": PREDICT}),
    "stop-ab-test": ("/api/v1/stop_ab_test/{test}", {"POST": MANAGE}),
    "operations": ("/api/v1/operations", {"GET": READ}),
    "audit": ("/api/v1/audit", {"GET": READ}),
    "evaluations": ("/api/v1/evaluations", {"GET": READ}),
    "mlalgorithm-promote": ("/api/v1/mlalgorithms/{algorithm}/promote", {"POST": MANAGE}),
    "endpoint-rollback": ("/api/v1/endpoints/{endpoint}/rollback", {"POST": MANAGE}),
    "endpoint-aliases": ("/api/v1/endpoints/{endpoint}/aliases", {"GET": READ}),
    "endpoint-alias": (
        "/api/v1/endpoints/{endpoint}/aliases/challenger",
        {"PUT": MANAGE, "DELETE": MANAGE},
    ),
    "schema": ("/api/v1/schema", {"GET": READ}),
    "docs": ("/api/v1/docs", {"GET": READ}),
    "endpoint-list": ("/api/v1/endpoints", {"GET": READ}),
    "endpoint-detail": ("/api/v1/endpoints/{endpoint}", {"GET": READ}),
    "endpoint-schema": ("/api/v1/endpoints/{endpoint}/schema", {"GET": READ}),
    "endpoint-drift": ("/api/v1/endpoints/{endpoint}/drift", {"GET": READ}),
    "endpoint-plan": ("/api/v1/endpoints/{endpoint}/plan?difference=0.05&base=0.9", {"GET": READ}),
    "mlalgorithm-list": ("/api/v1/mlalgorithms", {"GET": READ, "POST": MANAGE}),
    "mlalgorithm-detail": ("/api/v1/mlalgorithms/{algorithm}", {"GET": READ}),
    "mlalgorithmstatus-list": ("/api/v1/mlalgorithmstatuses", {"GET": READ, "POST": MANAGE}),
    "mlalgorithmstatus-detail": ("/api/v1/mlalgorithmstatuses/{status}", {"GET": READ}),
    "mlrequest-list": ("/api/v1/mlrequests", {"GET": READ}),
    "mlrequest-detail": (
        "/api/v1/mlrequests/{request}",
        {"GET": READ, "PUT": FEEDBACK, "PATCH": FEEDBACK},
    ),
    "mlrequest-feedback": ("/api/v1/mlrequests/feedback", {"POST": FEEDBACK}),
    "abtest-list": ("/api/v1/abtests", {"GET": READ, "POST": MANAGE}),
    "abtest-detail": ("/api/v1/abtests/{test}", {"GET": READ, "PUT": MANAGE, "PATCH": MANAGE}),
    "abtest-live": ("/api/v1/abtests/{test}/live", {"GET": READ}),
    "abtest-phases": ("/api/v1/abtests/{test}/phases", {"GET": READ}),
    "abtest-decisions": ("/api/v1/abtests/{test}/decisions", {"GET": READ}),
    "abtest-history": ("/api/v1/abtests/{test}/history", {"GET": READ}),
    "abtest-reweight": ("/api/v1/abtests/{test}/reweight", {"POST": MANAGE}),
    "abtest-rollback": ("/api/v1/abtests/{test}/rollback", {"POST": MANAGE}),
    "abtest-promote": ("/api/v1/abtests/{test}/promote", {"POST": MANAGE}),
}
CASES = [
    (method, path, scope) for path, methods in ROUTES.values() for method, scope in methods.items()
]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


@pytest.fixture(autouse=True)
def production(settings: Settings) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, profile="production")


@pytest.fixture
def ids() -> dict[str, int]:
    """Something to ask about on every route."""
    first, second = registered.pair()
    predictions.record([registered.row(1, first)], "a")
    test = registered.started([first, second])
    experiments.stop(test.pk, "tests")
    return {
        "endpoint": first.parent_endpoint_id,
        "algorithm": first.pk,
        "status": first.status.order_by("id")[0].pk,
        "request": 1,
        "test": test.pk,
    }


def key(*scopes: Scope, **other: Any) -> dict[str, str]:
    """A header."""
    _, text = keys.key_create("tests", scopes, **other)
    return {"Authorization": f"Api-Key {text}"}


def ask(method: str, path: str, headers: dict[str, str] | None = None) -> Any:
    return Client().generic(method, path, b"{}", "application/json", headers=headers)


def says(answer: Any, code: str) -> bool:
    """The code, where the answer is JSON; the schema and its page speak YAML and HTML."""
    return "json" not in answer["Content-Type"] or answer.json()["code"] == code


def patterns() -> Iterator[URLPattern]:
    for pattern in urls.urlpatterns:
        assert isinstance(pattern, URLPattern)
        yield pattern


def test_every_route_has_its_row_here() -> None:
    assert {pattern.name for pattern in patterns()} == set(ROUTES)


@pytest.mark.parametrize("name", ROUTES)
def test_every_method_that_a_route_takes_has_its_scope_here(name: str, ids: dict[str, int]) -> None:
    path, methods = ROUTES[name]
    everything = key(*Scope)

    taken = {m for m in METHODS if ask(m, path.format(**ids), everything).status_code != 405}

    assert taken == set(methods)


@pytest.mark.parametrize(("method", "path", "scope"), CASES)
def test_nobody_gets_in_without_a_key(
    method: str, path: str, scope: Scope, ids: dict[str, int]
) -> None:
    answer = ask(method, path.format(**ids))

    assert answer.status_code == 401
    assert says(answer, "unauthorized")
    assert answer["WWW-Authenticate"] == "Api-Key"


@pytest.mark.parametrize(("method", "path", "scope"), CASES)
def test_a_key_opens_what_its_scope_says_and_nothing_else(
    method: str, path: str, scope: Scope, ids: dict[str, int]
) -> None:
    others = key(*(each for each in Scope if each is not scope))

    refused = ask(method, path.format(**ids), others)
    let_in = ask(method, path.format(**ids), key(scope))

    assert refused.status_code == 403
    assert says(refused, "forbidden")
    assert let_in.status_code not in (401, 403)


@pytest.mark.parametrize(("method", "path", "scope"), CASES)
def test_staff_gets_in_with_a_session_and_a_token(
    method: str, path: str, scope: Scope, ids: dict[str, int]
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(User.objects.create_user("ann", is_staff=True))
    path = path.format(**ids)
    token = {"X-CSRFToken": "a" * 32}
    client.cookies["csrftoken"] = token["X-CSRFToken"]

    without = client.generic(method, path, b"{}", "application/json")
    with_token = client.generic(method, path, b"{}", "application/json", headers=token)

    assert with_token.status_code not in (401, 403)
    assert without.status_code == (with_token.status_code if method == "GET" else 403)


def test_a_user_who_is_no_staff_is_refused(ids: dict[str, int]) -> None:
    client = Client()
    client.force_login(User.objects.create_user("bob"))

    assert client.get("/api/v1/endpoints").status_code == 403


def bad_keys() -> dict[str, str]:
    good = key(*Scope)["Authorization"]
    revoked, text = keys.key_create("gone", list(Scope))
    keys.key_revoke(revoked.prefix)
    _, late = keys.key_create("late", list(Scope), expires_at=timezone.now() - timedelta(days=1))
    return {
        "revoked": f"Api-Key {text}",
        "expired": f"Api-Key {late}",
        "wrong secret": f"{good[:-1]}{'A' if good[-1] != 'A' else 'B'}",
        "prefix alone": good.partition(".")[0],
        "prefix and dot": good.partition(".")[0] + ".",
        "no key": "Api-Key",
        "nonsense": "Api-Key é.é",
        "another scheme": good.replace("Api-Key", "Bearer"),
    }


@pytest.mark.parametrize(
    "which",
    [
        "revoked",
        "expired",
        "wrong secret",
        "prefix alone",
        "prefix and dot",
        "no key",
        "nonsense",
        "another scheme",
    ],
)
def test_a_key_that_is_not_valid_opens_nothing(which: str) -> None:
    answer = ask("GET", "/api/v1/endpoints", {"Authorization": bad_keys()[which]})

    assert answer.status_code == 401


def test_the_routes_of_the_tutorial_refuse_in_their_own_shape() -> None:
    answer = ask("POST", "/api/v1/income/predict")

    assert answer.json() == {
        "status": "Error",
        "code": "unauthorized",
        "message": "A valid API key is needed.",
    }


def test_a_change_is_written_down_under_the_name_of_the_key(ids: dict[str, int]) -> None:
    first, second = registered.pair(endpoint="other")
    test = registered.started([first, second])
    header = key(Scope.MANAGE)

    assert ask("POST", f"/api/v1/stop_ab_test/{test.pk}", header).status_code == 200

    test.refresh_from_db()
    prefix = header["Authorization"].partition(" ")[2].partition(".")[0]
    assert test.ended_by == f"key {prefix}"


def test_in_the_open_profile_everybody_may_do_everything(
    ids: dict[str, int], settings: Settings
) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, profile="open")

    for method, path, _ in CASES:
        assert ask(method, path.format(**ids)).status_code not in (401, 403)
    wrong = {"Authorization": "Api-Key nobody.knows"}
    assert ask("GET", "/api/v1/endpoints", wrong).status_code == 200
    assert MLRequest.objects.count() == 1
