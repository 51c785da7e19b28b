"""Which trigger calls for a new model."""

from __future__ import annotations

from typing import Any

import pytest

from inference.core.retraining import DAY, Policy, Seen, fired, held

ALL = Policy(floor=0.8, ceiling=2.0, age=30 * DAY, labels=1000)


def seen(**other: Any) -> Seen:
    return Seen(**{"age": DAY, "fresh": 500, **other})


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        ({}, []),
        ({"drifting": ("age", "sex")}, ["drift"]),
        ({"changed": "20.0% of the labels are otherwise."}, ["change"]),
        ({"judged": 200, "accuracy": 0.79}, ["accuracy"]),
        ({"judged": 200, "accuracy": 0.8}, []),
        ({"judged": 49, "accuracy": 0.1}, []),
        ({"judged": 200, "error": 2.1}, ["error"]),
        ({"judged": 200, "error": 1.9}, []),
        ({"age": 30 * DAY + 1}, ["age"]),
        ({"fresh": 1000}, ["labels"]),
        (
            {"fresh": 1000, "judged": 60, "accuracy": 0.5, "drifting": ("age",)},
            ["drift", "accuracy", "labels"],
        ),
    ],
)
def test_each_trigger_fires_by_its_own_figure(what: dict[str, Any], kinds: list[str]) -> None:
    assert [trigger.kind for trigger in fired(seen(**what), ALL)] == kinds


def test_what_is_off_does_not_fire() -> None:
    bad = seen(drifting=("age",), judged=500, accuracy=0.1, error=9.0, age=1e9, fresh=10**6)

    assert fired(bad, Policy(drift=False)) == []


def test_a_trigger_says_its_figures() -> None:
    [found] = fired(seen(judged=200, accuracy=0.61), Policy(floor=0.8))

    assert found.why == "61.0% of the last 200 labels are as predicted, below 80.0%."


def test_too_little_to_learn_from_is_waited_for() -> None:
    assert held(seen(fresh=200), ALL) is None
    assert held(seen(fresh=12), ALL) == ("12 labels came since the last training; 200 are needed.")
