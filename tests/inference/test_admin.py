"""The admin shows everything in few queries and does everything through the services."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from inference import keys
from inference.models import (
    ABTest,
    Alias,
    ApiKey,
    ArmTally,
    AuditEntry,
    Decision,
    Endpoint,
    Evaluation,
    MLAlgorithm,
    MLAlgorithmStatus,
    MLRequest,
    MonitorEvent,
    Outbox,
    Receipt,
)
from inference.services import aliases, evaluations, experiments, feedback, predictions, receipts
from inference.services.evaluations import NewEvaluation
from inference.services.receipts import Opening, Queued
from tests.inference import registered
from tests.inference.registered import status_of

pytestmark = pytest.mark.django_db

SHOWN = [
    Endpoint,
    MLAlgorithm,
    MLAlgorithmStatus,
    MLRequest,
    ABTest,
    ArmTally,
    Decision,
    Evaluation,
    Alias,
    AuditEntry,
    ApiKey,
    MonitorEvent,
    Outbox,
    Receipt,
]


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("ann"))
    return client


@pytest.fixture
def test() -> ABTest:
    """Running, with a labelled prediction."""
    running = registered.started(registered.pair())
    arm = running.arms.get(position=1)
    predictions.record([registered.row(1, arm.algorithm, arm)], "a")
    feedback.record(1, "<=50K")
    queued = Queued(arm.algorithm_id, {"subject": ""}, "{}", most=10)
    receipts.open_all([Opening("income", [2], batch=False, key="a", queued=queued)])
    new = NewEvaluation(algorithm_id=arm.algorithm_id, baseline_id=None, blessed=True, reasons=[])
    evaluations.evaluation_record(new, by="tests")
    aliases.alias_move(running.endpoint_id, "challenger", arm.algorithm_id, by="tests")
    noticed = {"endpoint_id": running.endpoint_id, "algorithm": arm.algorithm}
    MonitorEvent.objects.create(**noticed, kind="drift", subject="age", text="It drifts.")
    return running


def listing(model: type[Any]) -> str:
    return reverse(f"admin:inference_{model._meta.model_name}_changelist")


def page(row: Any) -> str:
    return reverse(f"admin:inference_{row._meta.model_name}_change", args=[row.pk])


def act(client: Client, action: str, *rows: Any, **more: Any) -> str:
    """What the page says after an action on these rows."""
    chosen = {"_selected_action": [row.pk for row in rows], "action": action}
    answer = client.post(listing(type(rows[0])), {**chosen, **more}, follow=True)
    assert answer.status_code == 200
    return said(answer)


def said(answer: Any) -> str:
    return " | ".join(str(message) for message in answer.context["messages"])


def test_every_entity_is_there() -> None:
    assert {model for model in admin.site._registry if model._meta.app_label == "inference"} == set(
        SHOWN
    )


@pytest.mark.parametrize("model", SHOWN)
def test_a_list_can_be_looked_at_searched_and_filtered(
    client: Client, model: type[Any], test: ABTest
) -> None:
    assert client.get(listing(model)).status_code == 200
    shown = admin.site._registry[model]
    if shown.search_fields:
        assert client.get(listing(model), {"q": "1"}).status_code == 200
    assert shown.list_filter


@pytest.mark.parametrize("model", [m for m in SHOWN if m is not ApiKey])
def test_a_row_can_be_looked_at_and_neither_added_nor_deleted(
    client: Client, model: type[Any], test: ABTest
) -> None:
    row = model.objects.first()

    answer = client.get(page(row))

    assert answer.status_code == 200
    assert not answer.context["has_delete_permission"]
    assert client.get(listing(model) + "add/").status_code == 403


@pytest.mark.parametrize("model", [m for m in SHOWN if m is not ApiKey])
def test_a_longer_list_takes_no_more_queries(
    client: Client, model: type[Any], test: ABTest
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get(listing(model))
        return len(captured)

    queries()
    before = queries()
    for name in ("one", "two", "three"):
        other = registered.started(registered.pair(endpoint=name))
        arm = other.arms.get(position=1)
        predictions.record([registered.row(other.pk * 10, arm.algorithm, arm)], "a")

    assert queries() == before


def test_the_pages_bring_no_script_of_their_own(client: Client, test: ABTest) -> None:
    """The policy of the pages would stop it."""
    inline = re.compile(r"<script(?![^>]*src=)(?![^>]*application/json)[^>]*>\s*\S|\son\w+=")

    for row in (test, test.endpoint, test.arms.all()[0].algorithm):
        assert not inline.search(client.get(page(row)).content.decode())


# -- algorithms ------------------------------------------------------------------------------------


def test_promoting_makes_room_and_is_written_down(client: Client) -> None:
    first, second = registered.pair()

    assert act(client, "promote", second) == f"{second} is production now."

    assert (status_of(first), status_of(second)) == ("testing", "production")
    assert second.status.get(active=True).created_by == "ann"


@pytest.mark.parametrize(
    ("action", "status"),
    [("to_testing", "testing"), ("to_staging", "staging"), ("retire", "retired")],
)
def test_other_moves_go_through_the_same_rules(client: Client, action: str, status: str) -> None:
    first, second = registered.pair()

    answer = act(client, action, first, second)

    assert "promote another one instead" in answer
    assert f"{second} is {status} now." in answer
    assert (status_of(first), status_of(second)) == ("production", status)


def test_the_report_of_the_comparison_is_shown(client: Client) -> None:
    row = registered.algorithm(report={"decision": "onnx", "reason": "same labels"})

    text = client.get(page(row)).content.decode()

    assert "&quot;reason&quot;: &quot;same labels&quot;" in text


def test_a_hostile_name_stays_a_name(client: Client) -> None:
    registered.algorithm("<script>alert(1)</script>")

    text = client.get(listing(MLAlgorithm)).content.decode()

    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


# -- tests -----------------------------------------------------------------------------------------


def test_starting_a_test_asks_for_a_title_a_rule_and_weights(client: Client) -> None:
    first, second = registered.pair()
    chosen = {"_selected_action": [first.pk, second.pk], "action": "start_test"}

    asked = client.post(listing(MLAlgorithm), chosen)
    assert asked.status_code == 200
    assert f'name="weight_{first.pk}"' in asked.content.decode()
    assert not ABTest.objects.exists()

    weights = {f"weight_{first.pk}": 3, f"weight_{second.pk}": 1}
    answer = act(
        client, "start_test", first, second, start="Start", title="t", rule="evidence", **weights
    )

    test = ABTest.objects.get()
    assert answer == f"Test {test} is running."
    assert (test.title, test.rule, test.created_by) == ("t", "evidence", "ann")
    assert list(test.arms.values_list("weight", flat=True)) == [3, 1]


def test_a_test_that_cannot_be_started_says_why_and_asks_again(client: Client) -> None:
    first, _ = registered.pair()
    given = {
        "_selected_action": [first.pk],
        "action": "start_test",
        "start": "Start",
        "title": "t",
        "rule": "accuracy",
        f"weight_{first.pk}": 1,
    }

    answer = client.post(listing(MLAlgorithm), given)

    assert "A test has 2 to 16 arms." in answer.content.decode()
    assert not ABTest.objects.exists()


def test_a_form_with_a_mistake_names_it(client: Client) -> None:
    first, second = registered.pair()
    given = {
        "_selected_action": [first.pk, second.pk],
        "action": "start_test",
        "start": "Start",
        "title": "",
        "rule": "accuracy",
        f"weight_{first.pk}": 0,
        f"weight_{second.pk}": 1,
    }

    text = client.post(listing(MLAlgorithm), given).content.decode()

    assert "This field is required." in text
    assert "greater than or equal to 1" in text


def test_stopping_does_what_the_rule_says_and_shows_the_summary(
    client: Client, test: ABTest
) -> None:
    other = test.arms.get(position=2)
    predictions.record([registered.row(2, other.algorithm, other)], "a")
    feedback.record(2, ">50K")

    answer = act(client, "stop", test)

    assert "AB Test finished. Algorithm #1 accuracy: 1.0, Algorithm #2 accuracy: 0.0" in answer
    assert "AB Test already finished." in act(client, "stop", test)
    assert ABTest.objects.get().ended_by == "ann"


@pytest.mark.parametrize(
    ("action", "outcome"), [("roll_back", "rolled_back"), ("promote", "arm 2 promoted by hand")]
)
def test_a_test_is_ended_either_way(
    client: Client, test: ABTest, action: str, outcome: str
) -> None:
    assert "AB Test finished." in act(client, action, test)

    test.refresh_from_db()
    assert (test.outcome, test.ended_by) == (outcome, "ann")
    assert test.decisions.latest("pk").what in {"rolled_back", "promoted"}


def test_a_test_can_be_renamed_and_nothing_else(client: Client, test: ABTest) -> None:
    given = {"title": "better", "created_by": "bob", "rule": "none", "alpha": "0.5"}
    given["coverage"] = "1.0"

    client.post(page(test), given | management_form("arms"))

    test.refresh_from_db()
    assert (test.title, test.created_by, test.rule, test.alpha) == (
        "better",
        "bob",
        "accuracy",
        0.05,
    )


def test_the_coverage_of_a_test_can_be_raised_and_not_lowered(client: Client) -> None:
    first, second = registered.pair()
    test = experiments.start("t", "tests", [(first, 1), (second, 1)], coverage=0.2)
    given = {"title": "t", "created_by": "tests", **management_form("arms")}

    client.post(page(test), given | {"coverage": "0.5"})
    answer = client.post(page(test), given | {"coverage": "0.1"}, follow=True)

    test.refresh_from_db()
    assert test.coverage == 0.5
    assert "only raised" in answer.content.decode()


def test_a_re_weight_asks_for_the_weights_and_begins_a_phase(client: Client, test: ABTest) -> None:
    chosen = {"_selected_action": [test.pk], "action": "reweight"}

    asked = client.post(listing(ABTest), chosen).content.decode()
    assert ('name="weight_1"' in asked, 'name="weight_2"' in asked) == (True, True)
    answer = act(client, "reweight", test, reweight="Re-weight", weight_1=9, weight_2=1)

    assert "is in phase 2" in answer
    test.refresh_from_db()
    assert [arm.weight for arm in test.current] == [9, 1]
    assert test.reweights.get().made_by == "ann"


def test_a_re_weight_that_cannot_be_says_why(client: Client, test: ABTest) -> None:
    same = act(client, "reweight", test, reweight="Re-weight", weight_1=1, weight_2=1)
    none = act(client, "reweight", test, reweight="Re-weight", weight_1=0, weight_2=1)
    other = registered.started(registered.pair(endpoint="digits"))
    two = act(client, "reweight", test, other)

    assert "have these weights already" in same
    assert none == ""
    assert two == "Choose one test."
    assert ABTest.objects.get(pk=test.pk).phase == 1


def management_form(prefix: str) -> dict[str, Any]:
    return {f"{prefix}-TOTAL_FORMS": 0, f"{prefix}-INITIAL_FORMS": 0}


# -- the rest --------------------------------------------------------------------------------------


def test_the_log_mode_of_an_endpoint_can_be_chosen(client: Client, test: ABTest) -> None:
    client.post(page(test.endpoint), {"log_mode": "fast", "name": "other", "owner": "other"})

    endpoint = Endpoint.objects.get()
    assert (endpoint.log_mode, endpoint.name, endpoint.owner) == ("fast", "income", "tests")


def test_what_a_service_refuses_is_said_and_nothing_is_changed(
    client: Client, test: ABTest
) -> None:
    answer = client.post(page(test.endpoint), {"log_mode": "off"}, follow=True)

    assert "stop it first" in answer.content.decode()
    assert "was changed successfully" not in answer.content.decode()
    assert Endpoint.objects.get().log_mode == "strict"


def test_feedback_can_be_corrected_and_the_tally_follows(client: Client, test: ABTest) -> None:
    client.post(page(MLRequest.objects.get(pk=1)), {"feedback": ">50K", "response": "x"})

    row = MLRequest.objects.get(pk=1)
    assert (row.feedback, row.response) == (">50K", "<=50K")
    (tally,) = ArmTally.objects.all().by_arm().values()
    assert (tally.labelled, tally.correct) == (1, 0)


@pytest.mark.parametrize(("failed", "found"), [("0", [1]), ("1", [2])])
def test_failed_predictions_can_be_told_from_answered_ones(
    client: Client, test: ABTest, failed: str, found: list[int]
) -> None:
    algorithm = test.arms.all()[0].algorithm
    predictions.record([registered.row(2, algorithm, error_code="model_error")], "a")

    answer = client.get(listing(MLRequest), {"failed": failed})

    assert [row.pk for row in answer.context["cl"].result_list] == found


def test_a_new_key_is_shown_once_and_never_again(client: Client) -> None:
    given = {"name": "loop", "scopes": ["predict", "read"], "expires_at_0": "", "expires_at_1": ""}
    answer = client.post(listing(ApiKey) + "add/", given, follow=True)

    row = ApiKey.objects.get()
    text = re.search(r"[0-9a-f]{8}\.[\w-]{43}", said(answer))
    assert text is not None
    assert keys.matches(text.group(), row.hashed)
    assert (row.name, row.scopes) == ("loop", ["predict", "read"])
    for url in (listing(ApiKey), page(row)):
        shown = client.get(url).content.decode()
        assert text.group().partition(".")[2] not in shown
        assert row.hashed not in shown


def test_a_key_does_not_change_and_can_be_revoked(client: Client) -> None:
    given = {"name": "loop", "scopes": ["read"], "expires_at_0": "", "expires_at_1": ""}
    client.post(listing(ApiKey) + "add/", given)
    row = ApiKey.objects.get()

    client.post(page(row), {"name": "other", "scopes": ["manage"]})
    assert "Revoked: 1." in act(client, "revoke", row)

    row.refresh_from_db()
    assert (row.name, row.scopes) == ("loop", ["read"])
    assert row.revoked_at is not None


def test_a_key_without_a_scope_is_refused(client: Client) -> None:
    answer = client.post(listing(ApiKey) + "add/", {"name": "loop"})

    assert "This field is required." in answer.content.decode()
    assert not ApiKey.objects.exists()
