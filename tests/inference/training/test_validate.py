"""What is wrong with rows is listed by column, with the first row that shows it."""

from __future__ import annotations

from dataclasses import replace

from inference.core.schema import Schema
from inference.training import validate
from tests.inference import artefacts

REQUIRED = Schema(
    tuple(replace(each, required=each.name == "age") for each in artefacts.FEATURES),
    artefacts.SCHEMA.target,
)
FINE = {"age": 40, "work": "office", "hours": 8.5, "income": "high"}


def told(*changes: dict[str, object], schema: Schema = REQUIRED) -> list[tuple[str, str, int]]:
    records = [FINE, *({**FINE, **change} for change in changes)]
    return [(each.field, each.what, each.rows) for each in validate.anomalies(records, schema)]


def test_rows_as_the_schema_says_have_nothing_to_list() -> None:
    assert told({"work": None, "hours": "7"}, {"age": "41", "income": "low"}) == []


def test_each_kind_of_trouble_has_its_line() -> None:
    assert told(
        {"age": None}, {"age": 40.5}, {"age": 7}, {"work": "sea"}, {"hours": "long"}, {"hours": 99}
    ) == [
        ("age", "is missing", 1),
        ("age", "is no integer", 1),
        ("age", "is out of range", 1),
        ("work", "is an unseen category", 1),
        ("hours", "is no number", 1),
        ("hours", "is out of range", 1),
    ]


def test_labels_and_columns_are_looked_at_too() -> None:
    assert told({"income": "huge"}, {"income": ""}, {"shoe": 43}) == [
        ("shoe", "is not in the schema", 3 + 1),
        ("income", "is missing", 1),
        ("income", "is no label of the schema", 1),
    ]


def test_a_column_that_is_not_there_is_named_once() -> None:
    found = validate.anomalies([{"age": 3, "work": "office"}], artefacts.SCHEMA)

    assert [str(each) for each in found] == [
        "hours: is missing altogether in 1 rows",
        "age: is out of range in 1 rows (first in row 0: 3)",
    ]
