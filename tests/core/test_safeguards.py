"""What may be declared, and what is said of anything else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from inference.core import safeguards
from inference.core.errors import ExperimentInvalid
from inference.core.safeguards import Safeguards

CLASSES = ["<=50K", ">50K"]


def test_what_is_left_out_is_as_it_usually_is() -> None:
    assert safeguards.written("{}") == Safeguards()
    assert Safeguards().names == ("errors",)
    assert safeguards.written(json.dumps({"errors": False, "latency_ms": 20})) == Safeguards(
        errors=False, latency_ms=20
    )


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, {}),
        ({"latency_ms": 25}, {"latency_ms": 25}),
        ({"answers": True}, {"answers": CLASSES}),
        ({"answers": ["b", "a", "b"]}, {"answers": ["b", "a"]}),
        ({"answers": False, "errors": True}, {"errors": True}),
    ],
)
def test_answers_are_kept_by_their_names(said: dict[str, Any], kept: dict[str, Any]) -> None:
    assert safeguards.declared(said, CLASSES) == kept


def test_of_many_classes_the_first_twenty_have_a_name() -> None:
    classes = [f"c{at}" for at in range(30)]

    agreed = safeguards.parsed(safeguards.declared({"answers": True}, classes))

    assert agreed.answers == tuple(classes[:20])
    assert [agreed.answer(each) for each in ("c19", "c20", "new")] == ["c19", "other", "other"]
    assert agreed.names == ("errors", "answers")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"latency": 5}, "There is no guardrail 'latency'; there are errors, latency_ms, answers"),
        ({"errors": 1}, "errors is true or false."),
        ({"latency_ms": 0}, "latency_ms is a number above 0"),
        ({"latency_ms": "5"}, "latency_ms is a number above 0"),
        ({"latency_ms": True}, "latency_ms is a number above 0"),
        ({"latency_ms": float("nan")}, "latency_ms is a number above 0"),
        ({"alpha": 0.6}, "alpha is a number above 0 and at most 0.5."),
        ({"alpha": None}, "alpha is a number"),
        ({"step_seconds": -1}, "step_seconds is a number"),
        ({"step_units": 0}, "step_units is a whole number of at least 1."),
        ({"step_units": 1.5}, "step_units is a whole number"),
        ({"update_labels": False}, "update_labels is a whole number"),
        ({"update_seconds": 0}, "update_seconds is a number"),
        ({"answers": [str(at) for at in range(21)]}, "answers is true, or names 1 to 20"),
        ({"answers": "yes"}, "answers is true, or names"),
        ({"answers": [1]}, "answers names them as texts."),
        ([], "The guardrails are an object."),
    ],
)
def test_anything_else_is_refused_by_name(said: Any, sentence: str) -> None:
    with pytest.raises(ExperimentInvalid) as refused:
        safeguards.declared(said, CLASSES)

    assert refused.value.field == "guardrails"
    assert refused.value.message.startswith(sentence)


def test_without_classes_answers_have_to_be_named() -> None:
    with pytest.raises(ExperimentInvalid, match="the models declare no classes"):
        safeguards.declared({"answers": True}, [])


@pytest.mark.parametrize(("took", "slow"), [(20_000, False), (20_001, True)])
def test_slow_is_what_took_longer_than_the_limit(took: int, slow: bool) -> None:
    assert Safeguards(latency_ms=20).slow(took) is slow
    assert Safeguards().slow(took) is False
