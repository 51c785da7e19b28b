"""Into production goes what is blessed, and back out of it whoever should not have gone."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from inference.core.errors import NotBlessed, TransitionRefused
from inference.core.lifecycle import Rule, Status
from inference.models import ArmTally, AuditEntry, MLAlgorithm
from inference.services import aliases, audit, evaluations, experiments, models, promotions
from inference.services.evaluations import NewEvaluation
from inference.services.promotions import Gate
from tests.inference import registered, steps
from tests.inference.registered import status_of

pytestmark = pytest.mark.django_db
Pair = tuple[MLAlgorithm, MLAlgorithm]


@pytest.fixture
def pair() -> Pair:
    return registered.pair()


def judged(of: MLAlgorithm, beside: MLAlgorithm | None, *, blessed: bool = True) -> int:
    new = NewEvaluation(
        algorithm_id=of.pk,
        baseline_id=None if beside is None else beside.pk,
        blessed=blessed,
        reasons=["It is better." if blessed else "It is worse."],
    )
    return evaluations.evaluation_record(new, by="tests").pk


def promoted(of: MLAlgorithm, **given: Any) -> None:
    promotions.promote(of.pk, Status.PRODUCTION, by="ann", **given)


def test_the_unblessed_stay_where_they_are(pair: Pair) -> None:
    first, second = pair
    before = AuditEntry.objects.count()

    with pytest.raises(NotBlessed, match=r"trees 0\.0\.1 is not promoted\. It was never evaluated"):
        promoted(second)
    judged(second, first, blessed=False)
    with pytest.raises(NotBlessed, match="does not bless it: It is worse"):
        promoted(second)

    assert (status_of(first), status_of(second)) == ("production", "testing")
    assert AuditEntry.objects.count() == before + 1  # the evaluation


def test_the_blessed_are_promoted_and_the_audit_says_by_what(pair: Pair) -> None:
    first, second = pair
    made = judged(second, first)

    promoted(second, why="better")

    assert (status_of(first), status_of(second)) == ("testing", "production")
    row = AuditEntry.objects.filter(algorithm=second.pk).latest("id")
    assert (row.after, row.why, row.evidence["evaluation"]) == ("production", "better", made)


def test_a_blessing_beside_an_older_champion_is_none_any_more(pair: Pair) -> None:
    first, second = pair
    judged(second, first)
    third = registered.algorithm("oaks", Status.PRODUCTION)

    with pytest.raises(NotBlessed, match=f"algorithm {third.pk} is in production"):
        promoted(second)


def test_only_the_latest_evaluation_counts(pair: Pair) -> None:
    first, second = pair
    judged(second, first)
    judged(second, first, blessed=False)

    with pytest.raises(NotBlessed):
        promoted(second)


def test_force_needs_a_reason_and_is_written_down(pair: Pair) -> None:
    first, second = pair
    with pytest.raises(TransitionRefused, match="say it"):
        promoted(second, gate=Gate(forced=" . "))

    promoted(second, gate=Gate(forced="the old one is down"))

    acts = AuditEntry.objects.order_by("-id")[:3]
    assert [(row.what, row.algorithm, row.why) for row in acts] == [
        ("transition", second.pk, "forced: the old one is down"),
        ("transition", first.pk, f"replaced by algorithm {second.pk}"),
        ("forced", second.pk, "the old one is down"),
    ]
    assert acts[2].evidence == {"refusal": "It was never evaluated."}
    assert audit.fault() is None


def test_who_has_won_a_test_may_return(pair: Pair) -> None:
    first, second = pair
    test = registered.started([first, second], Rule.ACCURACY)
    for arm, right in zip(test.current, (5, 8), strict=True):
        ArmTally.objects.create(arm=arm, shard="a", exposures=9, labelled=9, correct=right)
    experiments.stop(test.pk, "tests")
    promoted(first, gate=Gate(forced="for a while"))

    promoted(second)

    assert status_of(second) == "production"
    with pytest.raises(NotBlessed):
        promoted(first)


def test_other_statuses_need_no_blessing(pair: Pair) -> None:
    promotions.promote(pair[1].pk, Status.STAGING, by="ann")

    assert status_of(pair[1]) == "staging"


# -- back ------------------------------------------------------------------------------------------


def in_turn(*algorithms: MLAlgorithm) -> None:
    for each in algorithms:
        models.algorithm_set_status(each.pk, Status.PRODUCTION, by="tests")


def test_a_rollback_returns_to_the_one_before_and_then_to_the_one_before_that(pair: Pair) -> None:
    first, second = pair
    third = registered.algorithm("oaks")
    in_turn(second, third)

    swapped = promotions.roll_back(first.parent_endpoint_id, by="ann", why="it fails")

    assert (swapped.now, swapped.before) == (second, third)
    assert [status_of(each) for each in (first, second, third)] == [
        "testing",
        "production",
        "rolled_back",
    ]
    row = AuditEntry.objects.get(what="rollback")
    assert (row.before, row.after, row.why) == (str(third.pk), str(second.pk), "it fails")
    promotions.roll_back(first.parent_endpoint_id, by="ann")
    assert status_of(first) == "production"
    with pytest.raises(TransitionRefused, match="nobody else was in production"):
        promotions.roll_back(first.parent_endpoint_id, by="ann")
    promotions.roll_back(first.parent_endpoint_id, by="ann", to=third.pk)
    assert status_of(third) == "production"
    assert audit.fault() is None


def test_what_blessed_one_before_it_was_taken_back_does_so_no_more(pair: Pair) -> None:
    first, second = pair
    judged(second, first)
    promoted(second)
    promotions.roll_back(first.parent_endpoint_id, by="ann", why="it fails")

    with pytest.raises(NotBlessed, match="taken back, and not judged since"):
        promoted(second)
    judged(second, first)
    promoted(second)
    assert status_of(second) == "production"


def test_a_retired_one_returns_and_one_that_was_never_there_does_not(pair: Pair) -> None:
    first, second = pair
    third = registered.algorithm("oaks")
    in_turn(second)
    models.algorithm_set_status(first.pk, Status.RETIRED, by="tests")

    with pytest.raises(TransitionRefused, match=f"no algorithm {third.pk} was in production"):
        promotions.roll_back(first.parent_endpoint_id, by="ann", to=third.pk)
    promotions.roll_back(first.parent_endpoint_id, by="ann")

    assert status_of(first) == "production"


def test_nothing_is_rolled_back_while_a_test_runs_or_nothing_is_there(pair: Pair) -> None:
    test = registered.started(pair)
    with pytest.raises(TransitionRefused, match=f"test {test.pk} runs"):
        promotions.roll_back(test.endpoint_id, by="ann")
    other = registered.algorithm("forest", endpoint="other")
    with pytest.raises(TransitionRefused, match="nothing in production"):
        promotions.roll_back(other.parent_endpoint_id, by="ann")


# -- by command ------------------------------------------------------------------------------------


def said(*words: str) -> str:
    out = io.StringIO()
    call_command(*words, stdout=out)
    return out.getvalue().strip()


def test_the_command_refuses_the_unblessed_and_forces_for_a_reason(pair: Pair) -> None:
    _, second = pair
    number = str(second.pk)

    with pytest.raises(CommandError, match="never evaluated") as refused:
        said("promote", number)
    assert refused.value.returncode == 2
    with pytest.raises(CommandError, match="wants a --reason"):
        said("promote", number, "--force")
    told = said("promote", number, "--force", "--reason", "a drill", "--json")

    assert json.loads(told) == {
        "algorithm": second.pk,
        "before": "testing",
        "after": "production",
        "forced": True,
    }
    assert said("promote", number, "--to", "production").endswith("it was production.")


def test_the_command_finds_by_alias_and_takes_back(pair: Pair) -> None:
    first, second = pair
    aliases.alias_move(first.parent_endpoint_id, "challenger", second.pk, by="tests")
    judged(second, first)

    assert f"#{second.pk} trees 0.0.1 is production now" in said("promote", "income")
    assert json.loads(said("rollback", "income", "--reason", "why not", "--json")) == {
        "production": first.pk,
        "rolled_back": second.pk,
    }
    assert "is production now" in said("promote", "income@champion")
    for words, sentence in (
        (("promote", "99"), "no algorithm 99"),
        (("promote", "nobody"), "no endpoint 'nobody'; there are: income"),
        (("promote", "income@best"), "no alias 'best'; there are: challenger, champion"),
        (("promote", str(first.pk), "--to", "testing"), "promote another one"),
        (("rollback", "nobody"), "no endpoint"),
        (("rollback", "income"), "nobody else was in production"),
    ):
        with pytest.raises(CommandError, match=sentence):
            said(*words)


def test_without_a_challenger_the_newest_candidate_is_promoted(pair: Pair) -> None:
    first, second = pair
    judged(second, first)

    assert f"#{second.pk} trees 0.0.1 is production now" in said("promote", "income")


def test_a_refusal_is_json_for_whoever_asked_for_that(pair: Pair) -> None:
    number = pair[1].pk

    unblessed = steps.refused("promote", number)
    unknown = steps.refused("promote", "income@best")
    nowhere = steps.refused("rollback", "nobody")

    assert (unblessed[0], unblessed[1]["error"]["code"]) == (2, "not_blessed")
    assert (unknown[0], unknown[1]["error"]["code"]) == (1, "not_found")
    assert (nowhere[0], nowhere[1]["error"]["code"]) == (1, "not_found")


# -- over REST and in the admin --------------------------------------------------------------------


@pytest.fixture
def guarded(settings: Settings) -> None:
    settings.WEIR = dataclasses.replace(settings.WEIR, promotion_gate=True)


def post(path: str, **body: Any) -> Any:
    return Client().post(f"/api/v1/{path}", json.dumps(body), "application/json")


def test_in_the_open_profile_the_tutorials_clients_promote_as_ever(pair: Pair) -> None:
    body = {"status": "production", "created_by": "me", "parent_mlalgorithm": pair[1].pk}

    assert post("mlalgorithmstatuses", **body).status_code == 201


@pytest.mark.parametrize(
    ("ask", "field"),
    [
        (
            lambda pk: post(
                "mlalgorithmstatuses", status="production", created_by="me", parent_mlalgorithm=pk
            ),
            "status",
        ),
        (lambda pk: post(f"mlalgorithms/{pk}/promote"), "to"),
    ],
)
def test_behind_the_gate_rest_refuses_under_the_field(
    pair: Pair, guarded: None, ask: Callable[[int], Any], field: str
) -> None:
    answer = ask(pair[1].pk)

    assert (answer.status_code, list(answer.json())) == (400, [field])
    assert "It was never evaluated." in answer.json()[field][0]


def test_rest_forces_for_a_reason_and_rolls_back(pair: Pair, guarded: None) -> None:
    first, second = pair
    path = f"mlalgorithms/{second.pk}/promote"

    without = post(path, force=True)
    forced = post(path, force=True, reason="a drill")
    back = post(f"endpoints/{first.parent_endpoint_id}/rollback", reason="enough")
    again = post(f"endpoints/{first.parent_endpoint_id}/rollback")

    assert (without.status_code, list(without.json())) == (400, ["reason"])
    assert (forced.status_code, forced.json()["status"]) == (200, "production")
    assert back.json() == {"production": first.pk, "rolled_back": second.pk}
    assert (again.status_code, list(again.json())) == (400, ["to"])
    assert post("endpoints/99/rollback").status_code == 404
    assert post("mlalgorithms/99/promote").status_code == 404


def test_evaluations_and_the_audit_are_read_in_pages(pair: Pair) -> None:
    first, second = pair
    made = judged(second, first)

    [evaluation] = Client().get("/api/v1/evaluations").json()
    page = Client().get("/api/v1/audit", {"limit": 2, "algorithm": second.pk})
    rest = Client().get(page["Link"].partition("<")[2].partition(">")[0])

    assert (evaluation["id"], evaluation["blessed"], evaluation["baseline"]) == (
        made,
        True,
        first.pk,
    )
    assert [row["what"] for row in page.json()] == ["transition", "transition"]
    assert [row["what"] for row in rest.json()] == ["evaluation"]
    assert Client().get("/api/v1/audit", {"endpoint": "nobody"}).json() == []
    assert Client().get("/api/v1/audit", {"algorithm": "x"}).status_code == 400
