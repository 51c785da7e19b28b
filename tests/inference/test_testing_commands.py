"""Tests are started and stopped from the command line as over REST."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from inference.core.lifecycle import Status
from inference.models import ABTest, AuditEntry, MLAlgorithm
from inference.services import aliases
from tests.inference import registered

pytestmark = pytest.mark.django_db

Pair = tuple[MLAlgorithm, MLAlgorithm]


@pytest.fixture
def pair() -> Pair:
    return registered.pair()


def said(command: str, *words: str) -> dict[str, Any]:
    out = io.StringIO()
    call_command(command, *words, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def refused(command: str, *words: str) -> tuple[dict[str, Any], int]:
    out = io.StringIO()
    with pytest.raises(CommandError) as error:
        call_command(command, *words, "--json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())["error"]
    return found, error.value.returncode


def test_what_is_agreed_is_said_by_name(pair: Pair) -> None:
    first, second = pair

    found = said(
        *("start_test", f"{first.pk}:3", str(second.pk), "--title", "trees?", "--by", "ann"),
        *("--rule", "evidence", "--coverage", "0.5", "--stops-on", "winner", "maximum"),
        *("--maximum", "5000"),
    )

    test = ABTest.objects.get(pk=found["experiment"])
    assert found == {"experiment": test.pk, "endpoint": "income", "mode": "split"}
    assert (test.title, test.created_by, test.rule) == ("trees?", "ann", "evidence")
    assert [arm.weight for arm in test.current] == [3, 1]
    assert (test.coverage, test.stops_on, test.maximum) == (0.5, ["winner", "maximum"], 5000)


def test_arms_may_be_named_by_alias(pair: Pair) -> None:
    first, second = pair
    aliases.alias_move(first.parent_endpoint_id, "challenger", second.pk, by="ann")

    found = said(
        *("start_test", "income@champion", "income@challenger:1", "--title", "t"),
        *("--mode", "shadow"),
    )

    test = ABTest.objects.get(pk=found["experiment"])
    assert [arm.algorithm_id for arm in test.current] == [first.pk, second.pk]
    assert found["mode"] == "shadow"


def test_what_cannot_be_tested_has_a_code_and_starts_nothing(pair: Pair) -> None:
    first, second = pair

    same, code = refused("start_test", str(first.pk), str(first.pk), "--title", "t")
    nobody, _ = refused("start_test", str(first.pk), "999", "--title", "t")
    light, _ = refused("start_test", str(first.pk), f"{second.pk}:many", "--title", "t")

    assert (same["code"], code) == ("experiment_invalid", 2)
    assert nobody["code"] == "not_found"
    assert "whole number" in light["message"]
    assert not ABTest.objects.exists()


def test_a_stop_does_what_the_rule_says_once(pair: Pair) -> None:
    test = registered.started(pair)

    found = said("stop_test", str(test.pk), "--by", "ann", "--why", "seen enough")

    assert found["outcome"] == "nobody promoted"
    assert said("stop_test", str(test.pk)) == found
    stopped = test.decisions.get(what="stopped")
    assert (stopped.made_by, stopped.why) == ("ann", "seen enough")


def test_it_may_end_as_it_was_before(pair: Pair) -> None:
    test = registered.started(pair)

    assert said("stop_test", str(test.pk), "--roll-back")["outcome"] == "rolled_back"
    assert [registered.status_of(each) for each in pair] == ["production", "rolled_back"]
    assert AuditEntry.objects.filter(abtest=test.pk, after=Status.ROLLED_BACK.value).exists()


def test_nobody_is_promoted_whom_nothing_speaks_for(pair: Pair) -> None:
    test = registered.started(pair)

    error, code = refused("stop_test", str(test.pk), "--promote", "2")

    assert (error["code"], code) == ("not_blessed", 2)
    assert ABTest.objects.get(pk=test.pk).ended_at is None
    assert refused("stop_test", "999")[0]["code"] == "not_found"
