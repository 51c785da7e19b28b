"""The schema is what the training rows say, and only they."""

from __future__ import annotations

import pytest

from inference.core.schema import Feature, Schema, Target
from inference.training import files, profile
from inference.training.dataset import Dataset, Record, Rows
from tests.inference import artefacts


def dataset(records: list[Record], labels: list[str | float], task: str = "binary") -> Dataset:
    unseen = Rows([{"age": 999, "pay": 1e9, "work": "unheard of"}], labels[:1])
    return Dataset("y", task, Rows(records, labels), unseen)  # type: ignore[arg-type]  # a table


RECORDS: list[Record] = [
    {"age": 30, "pay": 1.5, "work": "b"},
    {"age": None, "pay": 2, "work": None},
    {"age": 50, "pay": None, "work": "a"},
]


def test_kinds_ranges_and_categories_come_from_the_training_rows() -> None:
    assert profile.schema_of(dataset(RECORDS, ["no", "yes", "no"])) == Schema(
        (
            Feature("age", "integer", minimum=30.0, maximum=50.0),
            Feature("pay", "number", minimum=1.5, maximum=2.0),
            Feature("work", "category", ("a", "b")),
        ),
        Target("y", "binary", ("no", "yes")),
    )


def test_a_quantity_has_no_classes() -> None:
    schema = profile.schema_of(dataset(RECORDS, [1.0, 2.0, 3.0], "regression"))

    assert schema.target == Target("y", "regression")


def test_a_column_without_any_value_is_refused() -> None:
    with pytest.raises(ValueError, match="age has no value"):
        profile.schema_of(dataset([{"age": None}], ["a"]))


def test_a_column_of_names_is_refused() -> None:
    names: list[Record] = [{"name": f"person {at}"} for at in range(1001)]
    labels: list[str | float] = ["ab"[at % 2] for at in range(1001)]

    with pytest.raises(ValueError, match="1001 categories"):
        profile.schema_of(dataset(names, labels))


def test_one_class_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="1 classes"):
        profile.schema_of(dataset(RECORDS, ["a", "a", "a"]))


def test_what_no_row_lacks_is_required_unless_one_is_lenient() -> None:
    table = files.typed(artefacts.rows(), "income")

    strict = profile.schema_of_table(table)
    lenient = profile.schema_of_table(table, lenient=True)

    assert {each.name: each.required for each in strict.features} == {
        "age": False,
        "work": False,
        "hours": True,
    }
    assert not any(each.required for each in lenient.features)


def test_statistics_say_how_the_values_of_each_column_lie() -> None:
    rows = Rows(
        [{"x": value, "k": kind} for value, kind in [(1, "a"), (3, "a"), (None, "b")]],
        [1.0, 2.0, 6.0],
    )

    found = profile.statistics(files.typed(rows, "y"))

    assert found["x"] == {
        "rows": 3,
        "missing": 1,
        "mean": 2.0,
        "deviation": 1.0,
        "minimum": 1.0,
        "quartiles": [1.5, 2.0, 2.5],
        "maximum": 3.0,
    }
    assert found["k"] == {"rows": 3, "missing": 0, "distinct": 2, "most": {"a": 2, "b": 1}}
    assert found["y"]["mean"] == 3.0


def test_what_callers_were_promised_is_not_narrowed_by_a_log() -> None:
    target = Target("y", "binary", ("no", "yes"))
    before = Schema(
        (
            Feature("age", "integer", minimum=17.0, maximum=90.0, bounded=True),
            Feature("pay", "number", minimum=0.0, maximum=9.0),
            Feature("work", "category", ("a", "b"), required=True),
        ),
        target,
    )
    learnt = Schema(
        (
            Feature("age", "integer", required=True, minimum=30.0, maximum=50.0),
            Feature("pay", "number", required=True, minimum=1.0, maximum=20.0),
            Feature("work", "category", ("a", "c")),
            Feature("new", "number", required=True, minimum=0.0, maximum=1.0),
        ),
        target,
    )

    assert profile.as_before(learnt, before).features == (
        before.features[0],
        Feature("pay", "number", minimum=1.0, maximum=20.0),
        Feature("work", "category", ("a", "c"), required=True),
        learnt.features[3],
    )
