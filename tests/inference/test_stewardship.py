"""What was agreed is done, once, and written down with what was known at that moment."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.utils import timezone

from inference import readouts
from inference.core.errors import ExperimentInvalid, NotBlessed
from inference.core.experiment import Mode
from inference.core.lifecycle import Rule, Status
from inference.core.metrics import Metric
from inference.core.stewarding import coverage
from inference.models import ABTest, Arm, ArmTally, Decision, Exposure
from inference.services import endings, evaluations, experiments, predictions, stewardship
from inference.services.evaluations import NewEvaluation
from tests.inference import registered
from tests.inference.registered import row
from tests.inference.threads import at_once

pytestmark = pytest.mark.django_db


def started(mode: Mode = Mode.CANARY, rule: Rule = Rule.ACCURACY, **agreed: Any) -> ABTest:
    split = [(algorithm, 1) for algorithm in registered.pair()]
    return experiments.start("a test", "tests", split, rule, mode=mode, **agreed)


def arms(test: ABTest) -> list[Arm]:
    return list(test.arms.filter(phase=test.phase).order_by("position").select_related("algorithm"))


def counted(test: ABTest, *each: dict[str, int]) -> None:
    """As if so much had been predicted and labelled; units are half of each, unless said."""
    test.refresh_from_db()
    for arm, counts in zip(arms(test), each, strict=True):
        n = counts.get("exposures", counts.get("labelled", 0))
        ArmTally.objects.create(arm=arm, shard="a", **{"exposures": n, "subjects": n, **counts})


def attended(test: ABTest, after: float = 0.0) -> str:
    """What was done so many seconds from now, or nothing."""
    before = Decision.objects.count()
    assert stewardship.attend(test.pk, timezone.now() + timedelta(seconds=after)) is True
    done = list(Decision.objects.order_by("pk")[before:])
    test.refresh_from_db()
    assert all(each.made_by == "weir" for each in done)
    return " ".join(each.what for each in done)


def standing(test: ABTest) -> list[str]:
    return [registered.status_of(arm.algorithm) for arm in arms(test)]


FINE = {"exposures": 200}
FAILING = {"exposures": 200, "failing": 40}


def test_a_canary_begins_with_a_hundredth_of_all_units_for_the_challenger() -> None:
    test = started(guardrails={"latency_ms": 20, "answers": True})

    assert (test.coverage, test.step) == (0.02, 0)
    assert standing(test) == [Status.PRODUCTION, Status.CANARY]
    assert test.step_at is not None
    assert [arm.propensity for arm in arms(test)] == [0.5, 0.5]
    assert test.guardrails == {"latency_ms": 20, "answers": ["<=50K", ">50K"]}
    shown = readouts.experiment_snapshot(test.pk)
    assert shown["experiment"]["canary"]["steps"] == [1, 5, 10, 25, 50, 100]
    assert [each["name"] for each in shown["guardrails"]] == ["errors", "latency", "answers"]
    assert {each["state"] for each in shown["guardrails"]} == {"no_data"}


def test_a_challenger_that_fails_is_rolled_back_and_it_is_written_down() -> None:
    test = started()
    counted(test, FINE, FAILING)

    assert attended(test) == "rolled_back"

    assert (test.outcome, test.ended_by) == ("rolled_back", "weir")
    assert standing(test) == [Status.PRODUCTION, Status.ROLLED_BACK]
    decision = Decision.objects.get(what="rolled_back")
    assert decision.why.startswith("trees 0.0.1 failed for 20% of its units")
    (guardrail,) = decision.evidence["guardrails"]
    assert (guardrail["state"], guardrail["arm"]) == ("crossed", arms(test)[1].pk)
    assert decision.evidence["verdict"]["code"] == "roll_back"
    assert decision.evidence["experiment"]["running"] is True
    assert test.evidence is not None
    assert test.evidence["code"] == "roll_back"
    assert stewardship.attend(test.pk, timezone.now()) is False


@pytest.mark.parametrize(
    ("guardrails", "harm"),
    [
        ({"errors": False, "latency_ms": 20}, {"exposures": 200, "lagging": 60}),
        ({"answers": True}, {"exposures": 200, "answers": {">50K": 190}}),
    ],
)
def test_slow_and_drifting_ones_are_rolled_back_too(
    guardrails: dict[str, Any], harm: dict[str, Any]
) -> None:
    test = started(guardrails=guardrails)
    counted(test, {"exposures": 200, "answers": {"<=50K": 190}}, harm)  # type: ignore[dict-item]  # JSON

    assert attended(test) == "rolled_back"


def test_a_challenger_that_is_proven_worse_is_rolled_back_by_the_metric() -> None:
    test = started()
    counted(test, {"labelled": 600, "correct": 540}, {"labelled": 600, "correct": 400})

    assert attended(test) == "rolled_back"
    why = Decision.objects.get(what="rolled_back").why
    assert why.startswith("Winner: forest 0.0.1 is better than trees 0.0.1")


def test_the_ramp_ends_in_production() -> None:
    test = started(guardrails={"step_seconds": 5})
    counted(test, FINE, FINE)
    assert attended(test, 4) == ""

    for step in range(1, 5):
        assert attended(test, 5 * step) == "stepped"
        assert (test.step, test.coverage, test.phase) == (step, coverage(step), 1)
        assert attended(test, 5 * step + 4) == ""
    assert attended(test, 25) == "promoted"

    assert standing(test) == [Status.TESTING, Status.PRODUCTION]
    assert (test.outcome, test.step, test.coverage) == ("arm 2 promoted", 5, 1.0)
    first = Decision.objects.filter(what="stepped").order_by("pk")[0]
    assert first.why == (
        "1% to 5% of all units: After 200 units of each arm and more, no guardrail is crossed."
    )


def test_too_few_units_or_bad_health_hold_the_ramp() -> None:
    few = started(guardrails={"step_units": 201})
    counted(few, FINE, FINE)
    assert attended(few, 1e6) == ""

    experiments.stop(few.pk, "tests")
    skewed = experiments.start(
        "t", "tests", [(arm.algorithm, 1) for arm in _fresh(few)], mode=Mode.CANARY
    )
    counted(skewed, {"exposures": 1000}, {"exposures": 2000})
    assert attended(skewed, 1e6) == ""


def test_a_challenger_that_is_not_there_is_missed_and_rolled_back() -> None:
    test = started()
    counted(test, {"exposures": 100}, {})

    assert attended(test) == "rolled_back"
    assert Decision.objects.get(what="rolled_back").why.startswith("Unhealthy: traffic does not")


def _fresh(test: ABTest) -> list[Arm]:
    found = arms(test)
    for arm in found:
        arm.algorithm.refresh_from_db()
    return found


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SHADOW])
@pytest.mark.parametrize(
    ("rule", "ended"),
    [
        (Rule.EVIDENCE, [Status.TESTING, Status.PRODUCTION]),
        (Rule.NONE, [Status.PRODUCTION, Status.TESTING]),
    ],
)
def test_a_winner_stops_a_test_that_was_to_stop_then(
    mode: Mode, rule: Rule, ended: list[Status]
) -> None:
    test = started(mode, rule, stops_on=["winner"])
    gap = {"ahead": 200, "behind": 40, "gap": 160.0, "gap_squares": 240.0}
    counted(test, {"labelled": 900, "correct": 630}, {"labelled": 900, "correct": 790, **gap})  # type: ignore[dict-item]  # sums

    done = attended(test)

    assert done == ("stopped promoted" if rule is Rule.EVIDENCE else "stopped")
    assert standing(test) == ended
    assert Decision.objects.get(what="stopped").why.startswith("Winner: trees")


def test_a_challenger_that_evidence_shows_to_be_worse_is_rejected_and_production_never_moved() -> (
    None
):
    test = started(Mode.SHADOW, Rule.EVIDENCE, stops_on=["winner"])
    control, challenger = [arm.algorithm for arm in arms(test)]
    assert standing(test) == [Status.PRODUCTION, Status.SHADOW]
    gap = {"ahead": 40, "behind": 200, "gap": -160.0, "gap_squares": 240.0}
    counted(test, {"labelled": 900, "correct": 790}, {"labelled": 900, "correct": 630, **gap})  # type: ignore[dict-item]  # sums

    assert attended(test) == "stopped promoted"

    assert standing(test) == [Status.PRODUCTION, Status.REJECTED]
    assert control.status.filter(status="production").count() == 1
    assert challenger.status.get(active=True).reason == f"test {test.pk} stopped"


def test_futility_and_a_maximum_stop_a_test() -> None:
    futile = started(Mode.SPLIT, stops_on=["futility"], difference=0.2)
    counted(futile, {"labelled": 5000, "correct": 4000}, {"labelled": 5000, "correct": 4000})
    assert attended(futile) == "stopped promoted"  # a tie by the rule of accuracy: the control

    split = [(arm.algorithm, 1) for arm in _fresh(futile)]
    full = experiments.start(
        "t", "tests", split, Rule.NONE, stops_on=["maximum"], maximum=50, minimum=10
    )
    counted(full, {"labelled": 25, "correct": 9}, {"labelled": 24, "correct": 9})
    assert attended(full) == ""
    ArmTally.objects.filter(arm__abtest=full).update(labelled=25)
    assert attended(full) == "stopped"
    assert full.outcome == "nobody promoted"
    assert Decision.objects.filter(abtest=full).last().why.startswith("The test has its 50")  # type: ignore[union-attr]  # there is one


def test_most_tests_need_nobody() -> None:
    test = started(Mode.SPLIT)
    counted(test, {"labelled": 600, "correct": 540}, {"labelled": 600, "correct": 300})

    assert stewardship.attend(test.pk, timezone.now()) is False
    assert stewardship.attend(test.pk + 1, timezone.now()) is False
    test.refresh_from_db()
    assert test.ended_at is None


# -- bandits ---------------------------------------------------------------------------------------


def test_a_bandit_follows_what_is_known_over_all_its_phases() -> None:
    test = started(Mode.BANDIT, rule=Rule.EVIDENCE)
    counted(test, {"labelled": 100, "correct": 50}, {"labelled": 100, "correct": 60})
    assert attended(test, 9) == ""

    assert attended(test, 11) == "reweighted"
    first = [arm.weight for arm in arms(test)]
    assert (test.phase, sum(first), first[0] < 200) == (2, 1000, True)
    assert [arm.propensity for arm in arms(test)] == [weight / 1000 for weight in first]
    assert attended(test, 60) == ""

    counted(test, {"labelled": 20, "correct": 20}, {"labelled": 180, "correct": 80})
    assert attended(test, 60) == "reweighted"

    second = [arm.weight for arm in arms(test)]
    assert second[0] > 500
    assert min(second) >= 10
    shown = readouts.experiment_snapshot(test.pk)
    assert shown["verdict"]["code"] == "adapting"
    assert shown["evidence"] is None
    experiments.stop(test.pk, "tests")
    test.refresh_from_db()
    assert test.outcome == "nobody promoted"


def test_a_bandit_of_rewards_follows_them() -> None:
    test = started(Mode.BANDIT, metric=Metric.REWARD, low=0.0, high=1.0)
    low = {"labelled": 150, "total": 60.0, "squares": 30.0}
    high = {"labelled": 150, "total": 90.0, "squares": 60.0}
    counted(test, low, high)  # type: ignore[arg-type]  # sums

    assert attended(test, 11) == "reweighted"
    assert [arm.weight for arm in arms(test)] == [10, 990]


def test_the_exposures_of_a_bandit_keep_the_propensity_that_they_were_dealt_with() -> None:
    test = started(Mode.BANDIT)
    first, _ = arms(test)
    predictions.record([row(1, first.algorithm, first, subject="ann")], "w")
    counted(test, {"labelled": 100, "correct": 50}, {"labelled": 100, "correct": 60})
    assert attended(test, 11) == "reweighted"
    first, _ = arms(test)
    predictions.record([row(2, first.algorithm, first, subject="bob")], "w")

    found = dict(Exposure.objects.order_by("phase").values_list("phase", "propensity"))
    assert found == {1: 0.5, 2: first.weight / 1000}


# -- by hand ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verb", "what", "ended"),
    [
        (endings.roll_back, "rolled_back", [Status.PRODUCTION, Status.ROLLED_BACK]),
        (endings.promote, "promoted", [Status.TESTING, Status.PRODUCTION]),
    ],
)
def test_by_hand_a_canary_ends_either_way_once(verb: Any, what: str, ended: list[Status]) -> None:
    test = started()

    stopped = verb(test.pk, "ann", "enough seen")
    again = verb(test.pk, "bob", "me too")

    assert standing(test) == ended
    assert stopped.summary == again.summary
    assert (stopped.message, again.message) == (experiments.FINISHED, experiments.ALREADY)
    acts = Decision.objects.exclude(what="started").values_list("what", "made_by", "why")
    assert list(acts) == [(what, "ann", "enough seen")]


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SHADOW, Mode.BANDIT])
def test_by_hand_any_test_ends_as_it_was_before(mode: Mode) -> None:
    test = started(mode)

    endings.roll_back(test.pk, "ann", "enough seen")

    assert standing(test) == [Status.PRODUCTION, Status.ROLLED_BACK]
    test.refresh_from_db()
    assert test.outcome == "rolled_back"


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SHADOW, Mode.BANDIT])
def test_by_hand_a_challenger_of_any_test_is_promoted(mode: Mode) -> None:
    test = started(mode)

    endings.promote(test.pk, "ann", "enough seen", position=2)

    assert standing(test)[1] == Status.PRODUCTION
    test.refresh_from_db()
    assert test.outcome == "arm 2 promoted by hand"


@pytest.mark.parametrize("rule", [Rule.ACCURACY, Rule.EVIDENCE])
def test_a_canary_that_crossed_a_guardrail_wins_nothing_by_its_score(rule: Rule) -> None:
    test = started(rule=rule)
    better = {"labelled": 600, "correct": 580, "exposures": 600, "failing": 200}
    counted(test, {"labelled": 600, "correct": 480, "exposures": 600}, better)
    assert readouts.experiment_snapshot(test.pk)["verdict"]["winner"] is None
    with pytest.raises(NotBlessed):
        endings.promote(test.pk, "ann", guarded=True)

    experiments.stop(test.pk, "ann")

    assert standing(test) == [Status.PRODUCTION, Status.TESTING]


def test_what_was_in_production_may_have_any_place() -> None:
    first, second = registered.pair()
    test = experiments.start("a test", "tests", [(second, 1), (first, 1)])

    shown = readouts.experiment_snapshot(test.pk)["arms"]
    assert [arm["before"] for arm in shown] == [Status.TESTING, Status.PRODUCTION]
    endings.roll_back(test.pk, "ann")

    assert standing(test) == [Status.ROLLED_BACK, Status.PRODUCTION]


def test_who_is_no_challenger_is_not_promoted() -> None:
    test = started(Mode.SPLIT)

    for place in (1, 3):
        with pytest.raises(ExperimentInvalid, match="The challengers have the places 2"):
            endings.promote(test.pk, "ann", position=place)
    for verb in (endings.roll_back, endings.promote):
        with pytest.raises(ABTest.DoesNotExist):
            verb(test.pk + 1, "ann")


def test_an_unhealthy_test_promotes_nobody_by_hand_either() -> None:
    test = started(Mode.SPLIT)
    first, _ = arms(test)
    rows = [row(at, first.algorithm, first) for at in range(1, 400)]
    predictions.record(rows, "w")

    with pytest.raises(ExperimentInvalid, match="unhealthy"):
        endings.promote(test.pk, "ann")

    assert standing(test)[1] == Status.AB_TESTING


def test_a_guarded_installation_promotes_by_hand_only_what_is_blessed() -> None:
    test = started(Mode.SPLIT)

    with pytest.raises(NotBlessed, match="is not promoted"):
        endings.promote(test.pk, "ann", guarded=True)
    first, second = arms(test)
    evaluations.evaluation_record(
        NewEvaluation(
            algorithm_id=second.algorithm_id,
            baseline_id=first.algorithm_id,
            blessed=True,
            reasons=["better"],
        ),
        by="ann",
    )
    assert endings.promote(test.pk, "ann", guarded=True).message == experiments.FINISHED


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("agreed", "field", "sentence"),
    [
        ({"coverage": 0.5}, "coverage", "The coverage of a canary follows from its step."),
        ({"guardrails": {"speed": 1}}, "guardrails", "There is no guardrail 'speed'"),
        ({"guardrails": {"latency_ms": -1}}, "guardrails", "latency_ms is a number above 0"),
        ({"mode": Mode.SPLIT, "guardrails": {"errors": True}}, "guardrails", "A test in mode"),
        ({"mode": Mode.BANDIT, "guardrails": {"alpha": 0.1}}, "guardrails", "A test in mode"),
        ({"mode": Mode.BANDIT, "stops_on": ["winner"]}, "stops_on", "A bandit proves nothing"),
    ],
)
def test_what_does_not_go_together_is_refused(
    agreed: dict[str, Any], field: str, sentence: str
) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        started(**agreed)

    assert refused.value.field == field
    assert refused.value.message.startswith(sentence)


def test_a_canary_is_one_challenger_of_what_is_in_production_with_the_same_weight() -> None:
    first, second = registered.pair()
    third = registered.algorithm("oaks", Status.TESTING)

    for split, sentence in (
        ([(first, 1), (second, 1), (third, 1)], "A canary has two arms"),
        ([(first, 1), (second, 2)], "The arms of a canary have the same weight"),
        ([(second, 1), (first, 1)], "The first arm of a canary is the algorithm in production"),
    ):
        with pytest.raises(ExperimentInvalid, match=sentence):
            experiments.start("t", "tests", split, mode=Mode.CANARY)


def test_the_coverage_of_a_canary_is_not_widened_by_hand() -> None:
    test = started()

    with pytest.raises(ExperimentInvalid, match="follows from its step"):
        experiments.widen(test.pk, 0.5, "ann")


# -- several at once -------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("each", [FAILING, FINE])
def test_of_several_processes_one_acts(each: dict[str, int]) -> None:
    test = started(guardrails={"step_seconds": 60})
    counted(test, FINE, each)
    now = timezone.now() + timedelta(seconds=61)

    assert at_once(*[partial(stewardship.attend, test.pk, now)] * 4) == []

    test.refresh_from_db()
    acts = list(Decision.objects.exclude(what="started").values_list("what", flat=True))
    assert (acts, test.step) == ((["rolled_back"], 0) if each is FAILING else (["stepped"], 1))
