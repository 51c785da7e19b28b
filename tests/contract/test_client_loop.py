"""The loop that most adopters run, word for word: section 1.6, and P6."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest

from tests.contract import world
from tests.contract.doors import Door
from tests.contract.test_abtests import start, stop

ROUNDS = 100


def rows(seed: int) -> list[tuple[dict[str, Any], str]]:
    """Records with their labels; some values are missing, as float NaN."""
    dice = random.Random(seed)
    made = []
    for _ in range(ROUNDS):
        record = {
            "age": dice.choice([math.nan, 25, 37, 52]),
            "workclass": dice.choice([*world.WORKCLASSES, math.nan]),
            "education-num": dice.randint(1, 16),
            "hours-per-week": dice.randint(5, 80),
        }
        made.append((record, dice.choice([world.LOW, world.HIGH])))
    return made


def asked(door: Door, record: dict[str, Any], *, form: bool) -> dict[str, Any]:
    path = f"/api/v1/{world.ENDPOINT}/predict?status=ab_testing"
    if form:
        reply = door.form("POST", path, record)
    else:
        nulls = {k: None if isinstance(v, float) else v for k, v in record.items()}
        reply = door.json("POST", path, nulls)
    assert reply.status == 200
    answer: dict[str, Any] = reply.json()
    return answer


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
def test_the_loop_runs_unchanged_while_a_test_is_on(door: Door, form: bool) -> None:
    """100 answers of 200, 100 labels at once, no error, and a summary that a recount finds."""
    test = start(door)
    answers = []
    for record, label in rows(1):
        answer = asked(door, record, form=form)
        path = f"/api/v1/mlrequests/{answer['request_id']}"
        assert door.form("PUT", path, {"feedback": label}).status == 200
        answers.append(answer)

    summary = stop(door, test)["summary"]

    assert {answer["status"] for answer in answers} == {"OK"}
    assert len({answer["request_id"] for answer in answers}) == ROUNDS
    assert summary == recounted(door, [answer["request_id"] for answer in answers])


def recounted(door: Door, ids: list[int]) -> str:
    page = door.get(f"/api/v1/mlrequests?after={min(ids) - 1}").json()
    stored = [row for row in page if row["id"] in set(ids)]
    assert len(stored) == ROUNDS
    shares = []
    for algorithm in (world.FOREST, world.TREES):
        its = [row for row in stored if row["parent_mlalgorithm"] == algorithm]
        shares.append(sum(row["response"] == row["feedback"] for row in its) / len(its))
    return ", ".join(f"Algorithm #{n} accuracy: {share}" for n, share in enumerate(shares, 1))
