"""What is to be done next, as a table: who is ahead, what is crossed, how long it has been."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from inference.core import stewarding
from inference.core.balance import Health
from inference.core.experiment import Arm, Mode, Terms
from inference.core.guardrails import Reading, State
from inference.core.safeguards import Safeguards
from inference.core.stewarding import Promote, Reweight, RollBack, Standing, Step, Stop, decided
from inference.core.tally import Tally
from inference.core.verdict import Code, Verdict

EARLY = Verdict(Code.TOO_EARLY, "Too early.")
CONTROL_WON = Verdict(Code.WINNER, "The control is better.", 0)
CHALLENGER_WON = Verdict(Code.WINNER, "The challenger is better.", 1)
FUTILE = Verdict(Code.FUTILE, "It would not matter.")
UNHEALTHY = Verdict(Code.UNHEALTHY, "Unhealthy.", health=Health(0.0001, 1.0))
HOLDS = Reading("errors", State.HOLDS, 1.0, 3.0, "fine")
CROSSED = Reading("latency", State.CROSSED, 5.0, 3.0, "It is slow.")
SEEN = "After 100 units of each arm and more, no guardrail is crossed."
UNEVEN = Verdict(Code.LABELS_UNEVEN, "Uneven.", health=Health(1.0, 0.0001))


def arms(units: int = 100, labels: int = 50) -> list[Arm]:
    tally = Tally(exposures=units, subjects=units, labelled=labels, correct=labels // 2)
    return [Arm("forest", 1, tally), Arm("trees", 1, tally)]


def canary(**other: Any) -> Standing:
    """Everything is there for the next step."""
    given: dict[str, Any] = {
        "terms": Terms(mode=Mode.CANARY),
        "arms": arms(),
        "verdict": EARLY,
        "agreed": Safeguards(),
        "readings": [HOLDS],
        "since": 600.0,
    }
    return Standing(**{**given, **other})


def test_the_ramp_is_made_of_coverage() -> None:
    assert [stewarding.coverage(step) for step in range(6)] == [0.02, 0.1, 0.2, 0.5, 1.0, 1.0]


@pytest.mark.parametrize(
    ("test", "act"),
    [
        (canary(), Step(1, SEEN)),
        (canary(step=3), Step(4, SEEN)),
        (canary(step=4), Promote(SEEN)),
        (canary(step=5), None),
        (canary(since=599.9), None),
        (canary(arms=arms(99)), None),
        (canary(verdict=UNHEALTHY), None),
        (canary(verdict=CHALLENGER_WON), Step(1, SEEN)),
        (canary(verdict=FUTILE), Step(1, SEEN)),
        (canary(step=4, terms=Terms(mode=Mode.CANARY, minimum=51)), None),
        (canary(step=4, terms=Terms(mode=Mode.CANARY, minimum=50)), Promote(SEEN)),
        (canary(step=0, terms=Terms(mode=Mode.CANARY, minimum=51)), Step(1, SEEN)),
        (canary(readings=[HOLDS, CROSSED]), RollBack("It is slow.")),
        (canary(readings=[CROSSED], since=0.0, arms=arms(1)), RollBack("It is slow.")),
        (canary(readings=[CROSSED], verdict=UNHEALTHY), RollBack("It is slow.")),
        (canary(verdict=CONTROL_WON), RollBack("The control is better.")),
        (canary(verdict=UNHEALTHY, arms=[*arms(300)[:1], *arms(200)[1:]]), RollBack("Unhealthy.")),
        (canary(verdict=UNHEALTHY, arms=[*arms(200)[:1], *arms(300)[1:]]), None),
        (canary(verdict=UNEVEN, arms=[*arms(300)[:1], *arms(200)[1:]]), None),
        (canary(verdict=CONTROL_WON, stops_on=["winner"]), RollBack("The control is better.")),
        (canary(verdict=CHALLENGER_WON, stops_on=["winner"]), Stop("The challenger is better.")),
    ],
)
def test_a_canary_steps_waits_or_goes_back(test: Standing, act: object) -> None:
    assert decided(test) == act


@pytest.mark.parametrize("mode", [Mode.SPLIT, Mode.SHADOW])
@pytest.mark.parametrize(
    ("other", "act"),
    [
        ({}, None),
        ({"verdict": CONTROL_WON}, None),
        ({"verdict": CONTROL_WON, "stops_on": ["winner"]}, Stop("The control is better.")),
        ({"verdict": CONTROL_WON, "stops_on": ["futility", "maximum"]}, None),
        ({"verdict": FUTILE, "stops_on": ["futility"]}, Stop("It would not matter.")),
        ({"stops_on": ["maximum"], "maximum": 101}, None),
        (
            {"stops_on": ["maximum"], "maximum": 100},
            Stop("The test has its 100 labels. Too early."),
        ),
        (
            {"stops_on": ["maximum"], "maximum": 100, "verdict": UNHEALTHY},
            Stop("The test has its 100 labels. Unhealthy."),
        ),
        ({"maximum": 100}, None),
        ({"readings": [CROSSED]}, None),
    ],
)
def test_other_tests_stop_by_the_rules_that_were_agreed(
    mode: Mode, other: dict[str, Any], act: object
) -> None:
    given = {"terms": Terms(mode=mode), "readings": [], **other}

    assert decided(canary(**given)) == act


def bandit(**other: Any) -> Standing:
    won = [Tally(labelled=100, correct=40), Tally(labelled=100, correct=60)]
    given: dict[str, Any] = {
        "terms": Terms(mode=Mode.BANDIT),
        "arms": [Arm(n, 1, each, 0.5) for n, each in zip(("a", "b"), won, strict=True)],
        "verdict": Verdict(Code.ADAPTING, "Adapting."),
        "agreed": Safeguards(),
        "readings": [],
        "since": 10.0,
        "pooled": won,
    }
    return Standing(**{**given, **other})


def test_a_bandit_deals_by_the_chance_that_each_is_the_best() -> None:
    act = decided(bandit())

    assert isinstance(act, Reweight)
    assert act.weights == (12, 988)
    assert act.why == "By the chance that each is the best: a 1.2%, b 98.8%."


@pytest.mark.parametrize(
    "other",
    [
        {"since": 9.0},
        {"agreed": Safeguards(update_labels=201)},
        {"agreed": Safeguards(update_seconds=60.0)},
        {"verdict": UNHEALTHY},
        {"arms": [Arm("a", 10, Tally(labelled=100), 0.01), Arm("b", 990, Tally(labelled=100))]},
        {"pooled": [Tally(labelled=3000, correct=40), Tally(labelled=3000, correct=60)]},
    ],
)
def test_or_waits(other: dict[str, Any]) -> None:
    assert decided(bandit(**other)) is None


def test_a_bandit_has_its_labels_from_all_phases() -> None:
    pooled = [Tally(labelled=400, correct=40), Tally(labelled=600, correct=60)]

    test = bandit(stops_on=["maximum"], maximum=1000, pooled=pooled)

    assert isinstance(decided(test), Stop)
    assert decided(replace(test, maximum=1001, since=0.0)) is None


@pytest.mark.parametrize(
    ("mode", "stops_on", "needed"),
    [
        (Mode.SPLIT, [], False),
        (Mode.SPLIT, ["winner"], True),
        (Mode.SHADOW, [], False),
        (Mode.CANARY, [], True),
        (Mode.BANDIT, [], True),
    ],
)
def test_most_tests_need_nobody(mode: Mode, stops_on: list[str], *, needed: bool) -> None:
    assert stewarding.attended(mode, stops_on) is needed


@pytest.mark.parametrize(
    ("verdict", "readings", "sentence"),
    [
        (EARLY, [HOLDS], None),
        (CHALLENGER_WON, [HOLDS], None),
        (EARLY, [HOLDS, CROSSED], "Roll back now: It is slow."),
        (CONTROL_WON, [HOLDS], "Roll back now: The control is better."),
    ],
)
def test_harm_is_what_people_are_told(
    verdict: Verdict, readings: list[Reading], sentence: str | None
) -> None:
    said = stewarding.spoken(verdict, readings, arms())

    if sentence is None:
        assert said is verdict
    else:
        assert (said.code, said.sentence, said.winner) == (Code.ROLL_BACK, sentence, verdict.winner)
