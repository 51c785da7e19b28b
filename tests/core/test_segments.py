from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.core import segments
from inference.core.errors import ExperimentInvalid
from inference.core.evidence import compare
from inference.core.experiment import Arm, Terms
from inference.core.segments import ALL, MISSING, MOST, Segment
from inference.core.tally import NOTHING, Tally
from inference.core.verdict import Code

SCHEMA = {"features": [{"name": "age", "kind": "number"}, {"name": "state", "kind": "category"}]}
GRAPH = {"graph": {"inputs": [{"name": "state"}]}}
NAMES = ["age", "state"]
TERMS = Terms()
ARMS = [Arm("old 1", 1, NOTHING), Arm("new 2", 1, NOTHING)]


def counted(labelled: int, correct: int) -> Tally:
    return Tally(labelled=labelled, correct=correct)


def judged(*pairs: tuple[Tally, Tally], whole: Code = Code.TOO_EARLY) -> list[Segment]:
    parts = {f"part {at}": pair for at, pair in enumerate(pairs)}
    return segments.judge(ARMS, parts, Terms(difference=0.2), whole)


# -- which segment ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("Ohio", "Ohio"),
        ("  Ohio ", "Ohio"),
        (3, "3"),
        (3.0, "3"),
        ("3", "3"),
        (2.5, "2.5"),
        (True, "True"),
        (10**30, str(10**30)),
        ("x" * 100, "x" * 64),
        ("a" * 63 + " b", "a" * 63),
        ("a\x00b", "ab"),
        ("a\ud800", "a?"),
        ("\ud800", MISSING),
        ("<script>", "<script>"),
        (None, MISSING),
        ("", MISSING),
        ("  ", MISSING),
        ("NaN", MISSING),
        ("?", MISSING),
        ([1], MISSING),
        ({"a": 1}, MISSING),
    ],
)
def test_a_value_is_a_text_that_every_database_takes(state: object, text: str) -> None:
    row = json.dumps({"age": 37, "state": state})

    assert segments.value(row, "state", NAMES) == text
    assert segments.value(json.dumps([37, state]), "state", NAMES) == text


@pytest.mark.parametrize("row", ['{"age": 37}', "[37]", "[]", "7", '"Ohio"', "null", "", "{", "[["])
def test_a_row_without_the_field_is_missing_it(row: str) -> None:
    assert segments.value(row, "state", NAMES) == MISSING


# -- which field -----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["", "age", "state"])
def test_a_test_may_be_split_by_any_field_of_its_rows_or_by_none(field: str) -> None:
    segments.refuse(field, [SCHEMA, SCHEMA])


@pytest.mark.parametrize(
    ("schemas", "row"), [([SCHEMA, {"features": []}], 1), ([GRAPH, GRAPH], 0), ([{}], 0)]
)
def test_all_arms_must_have_the_field(schemas: list[dict[str, Any]], row: int) -> None:
    with pytest.raises(ExperimentInvalid, match="no field 'state'") as refused:
        segments.refuse("state", schemas)

    assert (refused.value.field, refused.value.row) == ("segment", row)


# -- what they show --------------------------------------------------------------------------------


def test_all_segments_that_there_can_be_share_alpha_among_them() -> None:
    shares = [segments.share(rank) for rank in range(1, ALL + 1)]

    assert ALL == MOST + 2
    assert sum(shares) == pytest.approx(1.0)
    assert shares == sorted(shares, reverse=True)
    assert [share > 1 / ALL for share in shares] == [True] * 11 + [False] * (ALL - 11)


def test_a_segment_has_its_share_of_alpha_however_many_come_later() -> None:
    pair = (counted(2000, 1000), counted(2000, 1100))
    alone, (first, second) = judged(pair), judged(pair, pair)

    assert alone == [first]
    assert first.evidence is not None
    assert second.evidence is not None
    assert (second.evidence.threshold > first.evidence.threshold) is True
    assert (second.evidence.interval[0] < first.evidence.interval[0]) is True


def test_looked_at_all_the_time_hardly_ever_any_segment_shows_what_is_not_there() -> None:
    """And where each had all of alpha, far more often would: so the simulation can tell."""
    dice = np.random.default_rng(20261127)
    runs, parts, looks = 300, 10, [240 * at for at in range(1, 16)]
    falsely = {"shared": 0, "not shared": 0}
    for _ in range(runs):
        counts = dice.binomial(240, 0.8, (parts, 2, len(looks))).cumsum(axis=2)
        falsely["shared"] += _shown(counts, looks, segments.share)
        falsely["not shared"] += _shown(counts, looks, lambda _: 1.0)

    assert falsely["shared"] / runs <= 0.05 + 3 * (0.05 * 0.95 / runs) ** 0.5
    assert falsely["not shared"] / runs > 0.065


def _shown(counts: NDArray[np.int64], looks: list[int], share: Callable[[int], float]) -> bool:
    """Whether any segment ever showed a difference, judged as `segments.judge` does."""
    for rank, (control, challenger) in enumerate(counts.tolist(), 1):
        for n, before, after in zip(looks, control, challenger, strict=True):
            pair = counted(n, before), counted(n, after)
            found = compare(*pair, TERMS.measure, TERMS.alpha * share(rank), TERMS.horizon)
            if found is not None and found.conclusive:
                return True
    return False


def test_each_says_in_words_how_far_it_is() -> None:
    found = judged(
        (NOTHING, NOTHING),
        (counted(50, 20), counted(400, 20)),
        (counted(200, 100), counted(200, 101)),
        (counted(2000, 1000), counted(2000, 1600)),
        (counted(2000, 1600), counted(2000, 1000)),
        (counted(20000, 10000), counted(20000, 10000)),
    )

    assert [each.verdict for each in found] == [
        "No labels yet.",
        "Collecting labels.",
        "Too early to say.",
        "new 2 is better.",
        "old 1 is better.",
        "No difference that would matter.",
    ]
    assert [each.evidence is None for each in found] == [True, True, False, False, False, False]


@pytest.mark.parametrize("whole", [Code.UNHEALTHY, Code.LABELS_UNEVEN])
def test_where_the_test_is_not_to_be_trusted_no_segment_is(whole: Code) -> None:
    (found,) = judged((counted(2000, 1000), counted(2000, 1600)), whole=whole)

    assert found.verdict.startswith("Not to be trusted")


def test_a_part_from_which_labels_of_another_phase_were_taken_back_has_none() -> None:
    (found,) = judged((counted(-1, 0), counted(0, 0)))

    assert (found.evidence, found.verdict) == (None, "No labels yet.")
