"""What a version must show before it may serve, each demand alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.core import blessing
from inference.core.blessing import Findings, Policy, Slice
from inference.core.comparison import Compared

FINE = Findings(
    metrics={"accuracy": 0.9, "log_loss": 0.3},
    score=0.9,
    constant=0.7,
    allowed=0.01,
    compared=Compared(0.01, (-0.01, 0.03), 0.2, 30, 20),
    latency_us=50.0,
    memory_mib=40.0,
)
WORSE = Compared(-0.2, (-0.3, -0.1), 1e-5, 1, 30)


def test_who_meets_every_demand_is_blessed() -> None:
    assert blessing.refusals(FINE, Policy(floors={"accuracy": 0.85, "log_loss": 0.5})) == []


@pytest.mark.parametrize(
    ("found", "policy", "sentence"),
    [
        (replace(FINE, troubles=["It died."]), Policy(), "It died."),
        (FINE, Policy(floors={"accuracy": 0.95}), "accuracy is 0.9, the floor is 0.95."),
        (FINE, Policy(floors={"log_loss": 0.2}), "log_loss is 0.3, the ceiling is 0.2."),
        (FINE, Policy(floors={"f1": 0.2}), "There is no metric 'f1' that a floor could be of."),
        (replace(FINE, constant=0.9), Policy(), "Who always says the same is as good: 0.9."),
        (FINE, Policy(latency_us=40), "A row alone takes 50 us, allowed are 40."),
        (FINE, Policy(memory_mib=30), "It takes 40 MiB, allowed are 30."),
        (
            replace(FINE, compared=Compared(-0.02, None, 0.5)),
            Policy(),
            "It is behind the baseline by 0.02, allowed are 0.01.",
        ),
        (
            replace(FINE, compared=Compared(-0.005, None, 0.001)),
            Policy(),
            "It is worse than the baseline: by 0.005, p = 0.001.",
        ),
        (
            replace(FINE, brier=Compared(-0.05, (-0.07, -0.03), 0.0)),
            Policy(),
            "Its Brier score is worse than the baseline's by 0.05.",
        ),
        (
            replace(FINE, slices=[Slice("sex", "Female", 200, 0.6, WORSE)]),
            Policy(),
            "It is worse than the baseline where sex is Female: by 0.2, p = 1e-05.",
        ),
    ],
)
def test_each_demand_refuses_alone(found: Findings, policy: Policy, sentence: str) -> None:
    assert blessing.refusals(found, policy) == [sentence]


def test_what_chance_would_do_is_no_reason() -> None:
    slightly = Compared(-0.005, (-0.02, 0.01), 0.4, 20, 25)
    few = Slice("sex", "Female", 99, 0.6, WORSE)
    many = [Slice("age", str(at), 200, 0.8, Compared(-0.1, None, 0.01)) for at in range(10)]
    better = Slice("age", "old", 200, 0.9, Compared(0.2, None, 1e-9))

    found = replace(FINE, compared=slightly, slices=[few, *many, better])

    assert blessing.refusals(found, Policy()) == []


def test_findings_without_a_baseline_are_judged_by_themselves() -> None:
    assert blessing.refusals(replace(FINE, compared=None, latency_us=None), Policy()) == []


def test_a_slice_and_a_policy_are_told_as_json() -> None:
    assert Slice("sex", "Female", 200, 0.6).as_dict() == {
        "feature": "sex",
        "slice": "Female",
        "rows": 200,
        "score": 0.6,
    }
    assert Slice("sex", "Female", 200, 0.6, WORSE).as_dict()["behind"] == 30
    assert Policy(floors={"accuracy": 1}).as_dict()["floors"] == {"accuracy": 1}


def test_of_many_worse_slices_the_clearest_are_named() -> None:
    slices = [
        Slice("age", str(at), 200, 0.6, replace(WORSE, p_value=10.0 ** -(5 + at)))
        for at in range(5)
    ]

    said = blessing.refusals(replace(FINE, slices=slices), Policy())

    assert [sentence.split(":")[0] for sentence in said] == [
        "It is worse than the baseline where age is 4",
        "It is worse than the baseline where age is 3",
        "It is worse than the baseline where age is 2",
        "So it is in 2 more slices.",
    ]
