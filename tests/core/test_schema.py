"""Rows by name become numbers: by name, coerced, missing where missing, refused where wrong."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

import numpy as np
import pytest

from inference.core.errors import RowInvalid
from inference.core.schema import FLOAT32_MAX, Feature, Schema, Target

PEOPLE = Schema(
    (
        Feature("age", "integer", minimum=17, maximum=90),
        Feature("pay", "number"),
        Feature("job", "category", ("clerk", "smith", "3")),
        Feature("sex", "category", ("f", "m"), required=True),
    ),
    Target("rich", "binary", ("no", "yes")),
)


def encode(**record: object) -> list[float | None]:
    """With None for missing, because NaN equals nothing."""
    numbers = PEOPLE.encode({"sex": "f"} | record)
    return [None if math.isnan(number) else number for number in numbers]


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (37, 37.0),
        (37.5, 37.5),
        ("37", 37.0),
        (" 37 ", 37.0),
        ("-1e3", -1000.0),
        (None, None),
        (float("nan"), None),
        ("nan", None),
        ("NaN", None),
        ("", None),
        ("  ", None),
        ("null", None),
        (" ? ", None),
        (10**30, 1e30),
    ],
)
def test_a_number_is_read_from_what_clients_send(raw: object, number: float | None) -> None:
    assert encode(age=raw)[0] == number


@pytest.mark.parametrize(
    "raw",
    [
        True,
        False,
        "old",
        "1_000",
        "\N{ARABIC-INDIC DIGIT THREE}",
        "0x10",
        [1],
        {"a": 1},
        "inf",
        "-Infinity",
        1e39,
        -1e39,
        10**400,
        b"1",
    ],
)
def test_what_is_no_number_names_its_row_and_field(raw: object) -> None:
    with pytest.raises(RowInvalid, match="age must be a number") as caught:
        PEOPLE.encode({"age": raw, "sex": "f"}, row=7)
    assert (caught.value.row, caught.value.field) == (7, "age")


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("clerk", 0.0),
        (" smith", 1.0),
        (3, 2.0),
        (3.0, 2.0),
        ("3", 2.0),
        ("Martian", 3.0),
        (4, 3.0),
        (2.5, 3.0),
        (True, 3.0),
        (None, None),
        ("?", None),
        ("", None),
        ("nan", None),
        (float("nan"), None),
    ],
)
def test_a_category_is_its_index_and_an_unseen_one_the_next(
    raw: object, code: float | None
) -> None:
    assert encode(job=raw)[2] == code


@pytest.mark.parametrize("raw", [["clerk"], {"clerk": 1}])
def test_what_is_no_category_is_refused(raw: object) -> None:
    with pytest.raises(RowInvalid, match="job must be a category"):
        encode(job=raw)


def test_a_category_that_looks_missing_is_a_category_if_training_knew_it() -> None:
    schema = Schema((Feature("x", "category", ("?", "a")),), Target("y", "regression"))
    assert schema.encode({"x": "?"}) == (0.0,)


def test_the_order_of_keys_changes_nothing() -> None:
    record: dict[str, object] = {"age": 37, "pay": 5, "job": "clerk", "sex": "m"}
    shuffled = dict(sorted(record.items(), reverse=True))
    assert PEOPLE.encode(record) == PEOPLE.encode(shuffled) == (37.0, 5.0, 0.0, 1.0)


def test_unknown_fields_are_ignored() -> None:
    assert encode(age=1, shoe=43) == encode(age=1)


def test_a_row_with_no_known_field_belongs_to_another_data_set() -> None:
    with pytest.raises(RowInvalid, match="none of the endpoint's features"):
        PEOPLE.encode({"shoe": 43}, row=2)


@pytest.mark.parametrize("record", [{"age": 3}, {"age": 3, "sex": None}, {"age": 3, "sex": "?"}])
def test_a_required_feature_must_be_there(record: dict[str, object]) -> None:
    with pytest.raises(RowInvalid, match="sex is required") as caught:
        PEOPLE.encode(record)
    assert caught.value.field == "sex"


def test_many_rows_are_one_matrix_and_no_rows_an_empty_one() -> None:
    matrix = PEOPLE.encode_many([{"age": 1, "sex": "f"}, {"age": 2, "sex": "m"}])
    assert matrix.shape == (2, 4)
    assert matrix.dtype == np.float64
    assert PEOPLE.encode_many([]).shape == (0, 4)


def test_decoding_gives_the_raw_values_back() -> None:
    matrix = PEOPLE.encode_many([{"age": 1, "job": "smith", "sex": "m"}, {"job": "?!", "sex": "f"}])
    columns = PEOPLE.decode(matrix)
    assert columns["job"] == ["smith", None]
    assert columns["sex"] == ["m", "f"]
    assert columns["age"][0] == 1.0


def test_json_and_back_is_the_same_schema_with_the_same_hash() -> None:
    again = Schema.from_json(PEOPLE.to_json())
    assert again == PEOPLE
    assert again.hash == PEOPLE.hash
    assert len(PEOPLE.hash) == 64


def test_a_bound_of_zero_is_a_bound() -> None:
    schema = Schema((Feature("a", "number", minimum=0.0),), Target("y", "regression"))
    assert Schema.from_json(schema.to_json()).features[0].minimum == 0.0


def test_another_order_of_features_is_another_schema() -> None:
    other = Schema(PEOPLE.features[::-1], PEOPLE.target)
    assert other.hash != PEOPLE.hash


A = {"name": "a", "kind": "number"}
Y = {"name": "y", "task": "binary", "classes": ["n", "y"]}


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "not a schema"),
        ({"features": "abc", "target": Y}, "not a schema"),
        ({"features": [], "target": Y}, "needs features"),
        ({"features": [A, A], "target": Y}, "distinct"),
        ({"features": [{"name": "", "kind": "number"}], "target": Y}, "non-empty"),
        ({"features": [{"name": "a", "kind": "text"}], "target": Y}, "unknown kind"),
        ({"features": [{"name": "a", "kind": "category"}], "target": Y}, "categories belong"),
        ({"features": [A | {"categories": ["x"]}], "target": Y}, "categories belong"),
        ({"features": [A | {"bounded": True}], "target": Y}, "has a minimum or a maximum"),
        ({"features": [A | {"minimum": 2, "maximum": 1}], "target": Y}, "above its maximum"),
        ({"features": [A], "target": 3}, "not a schema"),
        ({"features": [A], "target": {"name": "y", "task": "guess"}}, "Unknown task"),
        ({"features": [A], "target": {"name": "y", "task": "binary"}}, "0 classes"),
        ({"features": [A], "target": Y | {"classes": ["a", "b", "c"]}}, "3 classes"),
        ({"features": [A], "target": Y | {"task": "regression"}}, "2 classes"),
    ],
)
def test_what_is_no_schema_says_why(data: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Schema.from_json(data)


def test_a_schema_without_a_reason_to_refuse_accepts_the_whole_range_of_float32() -> None:
    dice = random.Random(7)  # no secret
    for _ in range(500):
        number = dice.uniform(-1, 1) * FLOAT32_MAX
        assert PEOPLE.encode({"pay": number, "sex": "f"})[1] == number


BOUNDED = Schema(
    (
        Feature("age", "integer", minimum=17.0, maximum=90.0, bounded=True),
        Feature("pay", "number", minimum=0.0, bounded=True),
        Feature("sex", "category", ("f", "m"), bounded=True),
    ),
    Target("y", "binary", ("n", "y")),
)


@pytest.mark.parametrize(
    ("record", "field", "sentence"),
    [
        ({"age": 16}, "age", "age must be at least 17 and at most 90, not 16."),
        ({"age": "91"}, "age", "age must be at least 17 and at most 90, not '91'."),
        ({"pay": -0.5}, "pay", "pay must be at least 0, not -0.5."),
        ({"sex": "x"}, "sex", "sex must be one of its 2 categories."),
    ],
)
def test_what_is_bounded_refuses_what_training_has_not_seen(
    record: dict[str, object], field: str, sentence: str
) -> None:
    with pytest.raises(RowInvalid) as refused:
        BOUNDED.encode(record, 3)

    assert (refused.value.field, refused.value.row) == (field, 3)
    assert refused.value.message == sentence


def test_what_is_bounded_takes_its_ends_and_gaps() -> None:
    assert BOUNDED.encode({"age": 17, "pay": 0.0, "sex": "m"}) == (17.0, 0.0, 1.0)
    assert BOUNDED.encode({"age": 90.0, "pay": 1e30, "sex": " f "}) == (90.0, 1e30, 0.0)
    assert all(map(math.isnan, BOUNDED.encode({"age": None, "pay": "", "sex": "?"})))


def test_whether_it_is_bounded_is_part_of_what_a_schema_is() -> None:
    free = dataclasses.replace(BOUNDED.features[0], bounded=False)
    other = Schema((free, *BOUNDED.features[1:]), BOUNDED.target)

    assert Schema.from_json(BOUNDED.to_json()) == BOUNDED
    assert other.hash != BOUNDED.hash
    assert "bounded" not in other.to_json()["features"][0]  # type: ignore[index]  # of a list
