"""Tests that run beside production and end as they said: section 1.4, and statuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.contract import world
from tests.contract.doors import Door, Reply
from tests.contract.test_predict import PREDICT, predicted
from tests.contract.world import ELSEWHERE, FOREST, RECORD, SINGLE, TREES

PAIR = {"parent_mlalgorithm_1": FOREST, "parent_mlalgorithm_2": TREES}
NAMED = {"title": "which one", "created_by": "me"}


def start(door: Door, arms: Mapping[str, Any] = PAIR, **other: Any) -> dict[str, Any]:
    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **arms, **other})
    assert reply.status == 201, reply.text
    test: dict[str, Any] = reply.json()
    return test


def stop(door: Door, test: Mapping[str, Any]) -> dict[str, Any]:
    reply = door.send("POST", f"/api/v1/stop_ab_test/{test['id']}")
    assert reply.status == 200, reply.text
    body: dict[str, Any] = reply.json()
    return body


def status_of(door: Door, algorithm: int) -> str:
    status: str = door.get(f"/api/v1/mlalgorithms/{algorithm}").json()["current_status"]
    return status


def label(door: Door, answer: Mapping[str, Any], feedback: str) -> Reply:
    return door.form("PUT", f"/api/v1/mlrequests/{answer['request_id']}", {"feedback": feedback})


def play(door: Door, truth: Mapping[int, Sequence[bool]]) -> None:
    """Predictions of each arm until it has its labels, right and wrong as given."""
    left = {algorithm: list(outcomes) for algorithm, outcomes in truth.items()}
    while any(left.values()):
        answer = predicted(door)
        if left[answer["algorithm"]]:
            right = left[answer["algorithm"]].pop()
            label(door, answer, answer["label"] if right else "neither")


# -- start -----------------------------------------------------------------------------------------


def test_a_started_test_is_created_and_runs(door: Door) -> None:
    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **PAIR})

    assert reply.status == 201
    test = reply.json()
    assert {name: test[name] for name in (*NAMED, *PAIR)} == {**NAMED, **PAIR}
    assert (test["ended_at"], test["summary"]) == (None, None)
    assert door.get(f"/api/v1/abtests/{test['id']}").json() == test


def test_a_form_starts_a_test_as_well(door: Door) -> None:
    reply = door.form("POST", "/api/v1/abtests", {**NAMED, **PAIR})

    assert reply.status == 201
    assert reply.json()["parent_mlalgorithm_2"] == TREES


def test_both_algorithms_take_the_status_and_lose_every_other_one(door: Door) -> None:
    start(door)

    rows = door.get("/api/v1/mlalgorithmstatuses").json()
    for algorithm in (FOREST, TREES):
        active = [r for r in rows if r["parent_mlalgorithm"] == algorithm and r["active"]]
        assert [row["status"] for row in active] == ["ab_testing"]
        assert active[0]["created_by"] == "me"


def test_default_traffic_flows_through_the_split(door: Door) -> None:
    start(door)

    answers = [predicted(door, query=query) for query in ("", "?status=ab_testing") * 20]

    assert {answer["algorithm"] for answer in answers} == {FOREST, TREES}
    assert {answer["status"] for answer in answers} == {"OK"}


def test_a_subject_keeps_its_arm(door: Door) -> None:
    start(door)

    for subject in ("ann", "bob", "é"):
        by_query = {predicted(door, query=f"?subject={subject}")["algorithm"] for _ in range(5)}
        assert len(by_query) == 1
    header = {"X-Subject": "ann"}
    by_header = door.json("POST", PREDICT, RECORD, header).json()["algorithm"]
    assert by_header == predicted(door, query="?subject=ann")["algorithm"]


def test_a_prediction_says_which_arm_it_belonged_to(door: Door) -> None:
    start(door)
    answer = predicted(door, query="?subject=ann")

    row = door.get(f"/api/v1/mlrequests/{answer['request_id']}").json()

    assert row["arm"] is not None
    assert row["subject"] == "ann"


def test_weights_share_the_traffic(door: Door) -> None:
    arms = {"arms": [{"algorithm": FOREST, "weight": 1}, {"algorithm": TREES, "weight": 999_999}]}
    test = start(door, arms)

    assert {predicted(door)["algorithm"] for _ in range(10)} == {TREES}
    assert test["arms"] == arms["arms"]
    assert (test["parent_mlalgorithm_1"], test["parent_mlalgorithm_2"]) == (FOREST, TREES)


def test_more_than_two_arms_can_be_tested(door: Door) -> None:
    arms = [{"algorithm": each} for each in (FOREST, TREES, SINGLE)]
    test = start(door, {"arms": arms}, rule="none")

    assert [arm["weight"] for arm in test["arms"]] == [1, 1, 1]
    assert test["rule"] == "none"
    assert {predicted(door)["algorithm"] for _ in range(60)} == {FOREST, TREES, SINGLE}


REQUIRED = ["This field is required."]


def test_what_is_missing_is_said_by_field(door: Door) -> None:
    reply = door.json("POST", "/api/v1/abtests", {})

    assert reply.status == 400
    assert reply.json() == dict.fromkeys(("title", "created_by", *PAIR), REQUIRED)
    assert door.form("POST", "/api/v1/abtests", {}).json() == reply.json()


@pytest.mark.parametrize(
    ("other", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 10_001}, "title"),
        ({"created_by": "x" * 129}, "created_by"),
        ({"parent_mlalgorithm_1": 99}, "parent_mlalgorithm_1"),
        ({"parent_mlalgorithm_1": "x"}, "parent_mlalgorithm_1"),
        ({"parent_mlalgorithm_1": 10**30}, "parent_mlalgorithm_1"),
        ({"parent_mlalgorithm_2": None}, "parent_mlalgorithm_2"),
        ({"parent_mlalgorithm_2": FOREST}, "parent_mlalgorithm_2"),  # the same twice
        ({"parent_mlalgorithm_2": ELSEWHERE}, "parent_mlalgorithm_2"),  # another endpoint
        ({"rule": "by dice"}, "rule"),
        ({"arms": []}, "arms"),
        ({"arms": [{"algorithm": FOREST}]}, "arms"),
        ({"arms": [{"algorithm": FOREST}, {"algorithm": TREES, "weight": 0}]}, "arms"),
        ({"arms": [{"algorithm": FOREST}, {"algorithm": TREES, "weight": 0.5}]}, "arms"),
        ({"arms": "both"}, "arms"),
    ],
)
def test_what_cannot_be_tested_is_refused_by_field(
    door: Door, other: dict[str, Any], field: str
) -> None:
    arms: dict[str, Any] = {} if "arms" in other else PAIR

    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **arms, **other})

    assert reply.status == 400
    assert list(reply.json()) == [field]
    if field != "arms":  # there, the place in the list comes first
        assert isinstance(reply.json()[field], list)
    assert status_of(door, FOREST) == "production"


def test_a_second_test_of_the_endpoint_is_refused(door: Door) -> None:
    start(door)

    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **PAIR})

    assert reply.status == 400
    assert "already running" in reply.json()["parent_mlalgorithm_1"][0]


@pytest.mark.parametrize("body", [[], "text", 7])
def test_a_body_that_is_no_object_is_refused(door: Door, body: Any) -> None:
    for path in ("/api/v1/abtests", "/api/v1/mlalgorithmstatuses"):
        assert door.json("POST", path, body).status == 400


def test_a_test_can_be_renamed_and_its_arms_cannot_change(door: Door) -> None:
    test = start(door)
    path = f"/api/v1/abtests/{test['id']}"

    renamed = door.json("PUT", path, {"title": "new", "created_by": "you", **PAIR})
    patched = door.json("PATCH", path, {"title": "newer", "summary": "x", "ended_at": "2026-01-01"})
    other = door.json("PATCH", path, {"arms": [{"algorithm": FOREST}, {"algorithm": SINGLE}]})
    ruled = door.json("PATCH", path, {"rule": "none"})
    empty = door.json("PATCH", path, {"arms": [{}, {}]})

    assert (renamed.status, renamed.json()["title"], renamed.json()["created_by"]) == (
        200,
        "new",
        "you",
    )
    assert (patched.status, patched.json()) == (200, renamed.json() | {"title": "newer"})
    assert (other.status, list(other.json())) == (400, ["arms"])
    assert (ruled.status, list(ruled.json())) == (400, ["rule"])
    assert (empty.status, list(empty.json())) == (400, ["arms"])
    assert door.json("PUT", path, {"title": "new"}).json().keys() == {"created_by", *PAIR}


# -- another weight, more coverage -----------------------------------------------------------------


def test_a_re_weight_is_a_new_phase_and_subjects_stay_where_they_are(door: Door) -> None:
    test = start(door, {"arms": [{"algorithm": FOREST}, {"algorithm": TREES}]})
    path = f"/api/v1/abtests/{test['id']}"
    names = [f"?subject=s{n}" for n in range(20)]
    before = [predicted(door, query=name)["algorithm"] for name in names]

    reply = door.json("POST", f"{path}/reweight", {"weights": [1_000_000, 1]})

    assert reply.status == 200, reply.text
    assert reply.json() == test | {
        "phase": 2,
        "arms": [{"algorithm": FOREST, "weight": 1_000_000}, {"algorithm": TREES, "weight": 1}],
    }
    assert [predicted(door, query=name)["algorithm"] for name in names] == before
    assert {predicted(door, query=f"?subject=t{n}")["algorithm"] for n in range(20)} == {FOREST}
    assert [each[0] for each in live(door, test)] == [20, 0]
    counted = [
        [(arm["exposures"], arm["subjects"]) for arm in phase["arms"]]
        for phase in door.get(f"{path}/phases").json()
    ]
    shares = [before.count(FOREST), before.count(TREES)]
    assert counted == [[(2 * each, each) for each in shares], [(20, 20), (0, 0)]]


@pytest.mark.parametrize(
    "body", [{}, {"weights": []}, {"weights": [1]}, {"weights": [1, 1]}, {"weights": [0, 2]}, []]
)
def test_weights_that_do_not_go_are_a_400(door: Door, body: Any) -> None:
    test = start(door)

    assert door.json("POST", f"/api/v1/abtests/{test['id']}/reweight", body).status == 400
    assert door.get(f"/api/v1/abtests/{test['id']}").json() == test


def test_coverage_is_chosen_at_the_start_and_only_raised(door: Door) -> None:
    test = start(door, coverage=0.1)
    path = f"/api/v1/abtests/{test['id']}"

    raised = door.json("PATCH", path, {"coverage": 0.4})
    lowered = door.json("PATCH", path, {"coverage": 0.3})
    renamed = door.json("PUT", path, {"title": "new", "created_by": "you", **PAIR})

    assert test["coverage"] == 0.1
    assert (raised.status, raised.json()["coverage"]) == (200, 0.4)
    assert (lowered.status, list(lowered.json())) == (400, ["coverage"])
    assert (renamed.status, renamed.json()["coverage"]) == (200, 0.4)


@pytest.mark.parametrize("coverage", [0, -1, 1.5, "much", None])
def test_a_coverage_that_is_no_share_is_refused_under_its_name(door: Door, coverage: Any) -> None:
    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **PAIR, "coverage": coverage})

    assert (reply.status, list(reply.json())) == (400, ["coverage"])


def test_whoever_takes_no_part_gets_production_and_is_not_counted(door: Door) -> None:
    test = start(door, {"arms": [{"algorithm": TREES}, {"algorithm": FOREST}]}, coverage=0.3)

    answers = [predicted(door, query=f"?subject=s{n}") for n in range(60)]

    counted = live(door, test)
    assert counted[0][0] + counted[1][0] < 60
    assert [a["algorithm"] for a in answers].count(TREES) == counted[0][0]


# -- stop ------------------------------------------------------------------------------------------


def test_the_winner_goes_to_production_and_the_summary_has_raw_floats(door: Door) -> None:
    test = start(door)
    play(door, {FOREST: [True] * 7 + [False] * 2, TREES: [True] * 4 + [False]})

    assert stop(door, test) == {
        "message": "AB Test finished.",
        "summary": "Algorithm #1 accuracy: 0.7777777777777778, Algorithm #2 accuracy: 0.8",
    }
    assert (status_of(door, FOREST), status_of(door, TREES)) == ("testing", "production")
    ended = door.get(f"/api/v1/abtests/{test['id']}").json()
    assert ended["ended_at"] is not None
    assert ended["summary"].startswith("Algorithm #1 accuracy: 0.7777777777777778")
    assert predicted(door)["algorithm"] == TREES


def test_a_tie_keeps_the_first(door: Door) -> None:
    test = start(door)
    play(door, {FOREST: [True, False], TREES: [True, False]})

    assert stop(door, test)["summary"] == "Algorithm #1 accuracy: 0.5, Algorithm #2 accuracy: 0.5"
    assert (status_of(door, FOREST), status_of(door, TREES)) == ("production", "testing")


def test_first_and_second_are_those_of_the_start(door: Door) -> None:
    test = start(door, {"parent_mlalgorithm_1": TREES, "parent_mlalgorithm_2": FOREST})
    play(door, {FOREST: [True], TREES: [False]})

    assert stop(door, test)["summary"] == "Algorithm #1 accuracy: 0.0, Algorithm #2 accuracy: 1.0"


def test_unlabelled_and_failed_rows_do_not_count_as_wrong(door: Door) -> None:
    test = start(door)
    play(door, {FOREST: [True], TREES: [True]})
    for _ in range(10):
        predicted(door)
        predicted(door, RECORD | {"age": "old"})

    assert stop(door, test)["summary"] == "Algorithm #1 accuracy: 1.0, Algorithm #2 accuracy: 1.0"


def test_a_test_without_requests_can_be_stopped_and_promotes_nobody(door: Door) -> None:
    test = start(door)

    assert stop(door, test) == {
        "message": "AB Test finished.",
        "summary": "Algorithm #1 accuracy: no data, Algorithm #2 accuracy: no data",
    }
    assert (status_of(door, FOREST), status_of(door, TREES)) == ("production", "testing")


def test_stopping_again_says_so_and_gives_the_summary_again(door: Door) -> None:
    test = start(door)
    summary = stop(door, test)["summary"]

    assert stop(door, test) == {"message": "AB Test already finished.", "summary": summary}


def test_exactly_one_algorithm_is_in_production_afterwards(door: Door) -> None:
    """The one in production was no arm: the tutorial left it there beside the winner."""
    test = start(door, {"parent_mlalgorithm_1": TREES, "parent_mlalgorithm_2": SINGLE})
    play(door, {TREES: [False], SINGLE: [True]})
    stop(door, test)

    statuses = [status_of(door, each) for each in (FOREST, TREES, SINGLE)]
    assert statuses == ["testing", "testing", "production"]
    assert predicted(door)["algorithm"] == SINGLE


@pytest.mark.parametrize(
    ("ab_test_id", "message"),
    [
        ("999999", "ABTest matching query does not exist."),
        ("9" * 30, "ABTest matching query does not exist."),
        ("-1", "ABTest matching query does not exist."),
        ("abc", "invalid literal for int() with base 10: 'abc'"),
        ("1/2/3", "invalid literal for int() with base 10: '1/2/3'"),
        ("1.json", "invalid literal for int() with base 10: '1.json'"),
    ],
)
def test_what_is_no_test_cannot_be_stopped(door: Door, ab_test_id: str, message: str) -> None:
    reply = door.send("POST", f"/api/v1/stop_ab_test/{ab_test_id}")

    assert reply.status == 400
    assert reply.json() == {"status": "Error", "message": message}


# -- feedback and the live numbers -----------------------------------------------------------------


def live(door: Door, test: Mapping[str, Any]) -> list[tuple[int, int, int, int]]:
    reply = door.get(f"/api/v1/abtests/{test['id']}/live")
    assert reply.status == 200, reply.text
    return [
        (arm["exposures"], arm["errors"], arm["labelled"], arm["correct"])
        for arm in reply.json()["arms"]
    ]


def test_the_live_numbers_follow_each_prediction_and_each_label(door: Door) -> None:
    arms = {"arms": [{"algorithm": FOREST, "weight": 1_000_000}, {"algorithm": TREES}]}
    test = start(door, arms)

    answer = predicted(door, query="?subject=ann")
    assert live(door, test) == [(1, 0, 0, 0), (0, 0, 0, 0)]
    label(door, answer, answer["label"])
    assert live(door, test) == [(1, 0, 1, 1), (0, 0, 0, 0)]
    label(door, answer, answer["label"])
    assert live(door, test) == [(1, 0, 1, 1), (0, 0, 0, 0)]
    label(door, answer, "neither")
    assert live(door, test) == [(1, 0, 1, 0), (0, 0, 0, 0)]
    predicted(door, RECORD | {"age": "old"}, "?subject=ann")
    assert live(door, test) == [(2, 1, 1, 0), (0, 0, 0, 0)]


def test_a_label_after_the_end_still_counts(door: Door) -> None:
    arms = {"arms": [{"algorithm": FOREST, "weight": 1_000_000}, {"algorithm": TREES}]}
    test = start(door, arms)
    answer = predicted(door, query="?subject=ann")
    stop(door, test)

    label(door, answer, answer["label"])

    assert live(door, test)[0] == (1, 0, 1, 1)


def test_the_snapshot_is_the_one_of_the_live_topic(door: Door) -> None:
    test = start(door)

    snapshot = door.get(f"/api/v1/abtests/{test['id']}/live").json()

    assert (snapshot["type"], snapshot["topic"]) == ("snapshot", f"experiment:{test['id']}")
    assert snapshot["experiment"]["endpoint"] == world.ENDPOINT
    assert snapshot["verdict"]["code"] == "no_data"
    assert door.get("/api/v1/abtests/999999/live").status == 404


# -- canaries and bandits --------------------------------------------------------------------------


def test_a_canary_begins_small_and_says_where_it_stands(door: Door) -> None:
    test = start(door, mode="canary", guardrails={"latency_ms": 5000, "answers": True})

    snapshot = door.get(f"/api/v1/abtests/{test['id']}/live").json()

    assert test["coverage"] == 0.02
    canary = snapshot["experiment"]["canary"]
    assert (canary["step"], canary["steps"]) == (0, [1, 5, 10, 25, 50, 100])
    assert [each["name"] for each in snapshot["guardrails"]] == ["errors", "latency", "answers"]
    assert {each["arm"] for each in snapshot["guardrails"]} == {snapshot["arms"][1]["arm"]}
    assert predicted(door, query="?subject=ann")["algorithm"] in (FOREST, TREES)


@pytest.mark.parametrize(
    ("verb", "what", "ended"),
    [
        ("rollback", "rolled_back", ("production", "rolled_back")),
        ("promote", "promoted", ("testing", "production")),
    ],
)
def test_a_canary_is_ended_by_hand_and_that_is_written_down(
    door: Door, verb: str, what: str, ended: tuple[str, str]
) -> None:
    test = start(door, mode="canary")
    path = f"/api/v1/abtests/{test['id']}"

    reply = door.json("POST", f"{path}/{verb}", {"why": "seen enough"})
    again = door.json("POST", f"{path}/{verb}", {})

    assert (reply.status, reply.json()["message"]) == (200, "AB Test finished.")
    assert (again.status, again.json()["message"]) == (200, "AB Test already finished.")
    assert (status_of(door, FOREST), status_of(door, TREES)) == ended
    newest = door.get(f"{path}/live").json()["events"][0]
    assert (newest["what"], newest["why"]) == (what, "seen enough")


def test_any_test_is_ended_by_hand(door: Door) -> None:
    test = start(door)

    refused = door.json("POST", f"/api/v1/abtests/{test['id']}/promote", {"arm": 1})
    reply = door.json("POST", f"/api/v1/abtests/{test['id']}/promote", {"arm": 2})

    assert (refused.status, list(refused.json())) == (400, ["arm"])
    assert reply.status == 200
    assert (status_of(door, FOREST), status_of(door, TREES)) == ("testing", "production")
    for verb in ("rollback", "promote"):
        assert door.json("POST", f"/api/v1/abtests/999999/{verb}", {}).status == 404


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"mode": "canary", "guardrails": {"speed": 1}}, "guardrails"),
        ({"mode": "canary", "guardrails": {"latency_ms": "fast"}}, "guardrails"),
        ({"mode": "canary", "coverage": 0.5}, "coverage"),
        ({"mode": "canary", "arms": [TREES, FOREST]}, "arms"),
        ({"mode": "split", "guardrails": {"errors": True}}, "guardrails"),
        ({"mode": "bandit", "stops_on": ["winner"]}, "stops_on"),
    ],
)
def test_what_does_not_go_with_a_mode_is_refused_by_field(
    door: Door, asked: dict[str, Any], field: str
) -> None:
    arms: Mapping[str, Any] = PAIR
    if "arms" in asked:
        arms = {"arms": [{"algorithm": each} for each in asked["arms"]]}

    reply = door.json("POST", "/api/v1/abtests", {**NAMED, **asked, **arms})

    assert (reply.status, list(reply.json())) == (400, [field]), reply.text


def test_a_bandit_says_that_it_proves_nothing(door: Door) -> None:
    test = start(door, mode="bandit")

    verdict = door.get(f"/api/v1/abtests/{test['id']}/live").json()["verdict"]

    assert (verdict["code"], verdict["winner"]) == ("adapting", None)
    assert "no difference here is claimed to be significant" in verdict["sentence"]


# -- statuses --------------------------------------------------------------------------------------


def move(door: Door, algorithm: int, status: str, **other: Any) -> Reply:
    body = {"status": status, "created_by": "me", "parent_mlalgorithm": algorithm, **other}
    return door.json("POST", "/api/v1/mlalgorithmstatuses", body)


def test_a_new_status_is_active_and_switches_the_older_ones_off(door: Door) -> None:
    reply = move(door, TREES, "staging", active=False, id=7)

    assert reply.status == 201
    row = reply.json()
    assert (row["status"], row["active"], row["created_by"]) == ("staging", True, "me")
    rows = door.get("/api/v1/mlalgorithmstatuses").json()
    active = [r["id"] for r in rows if r["parent_mlalgorithm"] == TREES and r["active"]]
    assert active == [row["id"]]
    assert status_of(door, TREES) == "staging"
    assert predicted(door, query="?status=staging")["algorithm"] == TREES


def test_a_status_may_come_as_a_form(door: Door) -> None:
    body = {"status": "staging", "created_by": "me", "parent_mlalgorithm": TREES}

    assert door.form("POST", "/api/v1/mlalgorithmstatuses", body).status == 201


def test_a_promotion_leaves_exactly_one_in_production(door: Door) -> None:
    assert move(door, TREES, "production").status == 201

    assert (status_of(door, FOREST), status_of(door, TREES)) == ("testing", "production")
    assert predicted(door)["algorithm"] == TREES


def test_the_difference_that_matters_is_said_at_the_start(door: Door) -> None:
    test = start(door, difference=0.01)
    assert test["difference"] == 0.01
    again = {"difference": 0.5}

    refused = door.json("PATCH", f"/api/v1/abtests/{test['id']}", again)

    assert (refused.status, list(refused.json())) == (400, ["difference"])
    snapshot = door.get(f"/api/v1/abtests/{test['id']}/live").json()
    assert snapshot["experiment"]["difference"] == 0.01
    assert snapshot["health"] == {"split": 1.0, "labels": 1.0, "fine": True}


@pytest.mark.parametrize("difference", [0, -1, "nan", "inf", "much"])
def test_a_difference_that_is_none_is_refused(door: Door, difference: object) -> None:
    body = {"title": "t", "created_by": "me", "difference": difference}
    arms = {"parent_mlalgorithm_1": FOREST, "parent_mlalgorithm_2": TREES}

    reply = door.json("POST", "/api/v1/abtests", {**body, **arms})

    assert (reply.status, list(reply.json())) == (400, ["difference"])


@pytest.mark.parametrize(
    ("algorithm", "status"),
    [
        (FOREST, "testing"),
        (TREES, "ab_testing"),
        (TREES, "famous"),
        (TREES, ""),
        (TREES, "x" * 129),
    ],
)
def test_a_move_that_may_not_be_is_refused_by_field(
    door: Door, algorithm: int, status: str
) -> None:
    before = status_of(door, algorithm)

    reply = move(door, algorithm, status)

    assert reply.status == 400
    assert list(reply.json()) == ["status"]
    assert status_of(door, algorithm) == before


def test_an_arm_of_a_running_test_stays_where_it_is(door: Door) -> None:
    start(door)

    reply = move(door, TREES, "production")

    assert (reply.status, list(reply.json())) == (400, ["status"])
    assert "stop the test first" in reply.json()["status"][0]


def test_a_status_without_its_fields_is_refused_by_each(door: Door) -> None:
    reply = door.json("POST", "/api/v1/mlalgorithmstatuses", {})

    assert reply.status == 400
    assert reply.json() == dict.fromkeys(("status", "created_by", "parent_mlalgorithm"), REQUIRED)
