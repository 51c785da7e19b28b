"""The parts in which a model may be worse than its average shows."""

from __future__ import annotations

import numpy as np

from inference.training import slices
from tests.inference import artefacts


def test_categories_quarters_and_gaps_each_make_a_part() -> None:
    matrix = artefacts.SCHEMA.encode_many(artefacts.rows().records)

    parts = list(slices.of(artefacts.SCHEMA, matrix))
    by_feature: dict[str, dict[str, int]] = {}
    for part in parts:
        by_feature.setdefault(part.feature, {})[part.name] = int(part.rows.sum())

    assert set(by_feature["work"]) == {"none", "office", "outdoors", "missing"}
    assert by_feature["work"]["missing"] == 18  # every seventh of 120
    assert by_feature["age"]["missing"] == 11
    assert len(by_feature["age"]) == 5
    assert sum(by_feature["hours"].values()) == 120
    assert list(by_feature["hours"].values()) == [30] * 4


def test_few_rows_make_no_part_and_one_value_makes_one() -> None:
    matrix = np.array([[5.0, 0.0, np.nan]] * 20 + [[np.nan, 1.0, 2.0]] * 5)

    parts = [
        (part.feature, part.name, int(part.rows.sum()))
        for part in slices.of(artefacts.SCHEMA, matrix)
    ]

    assert parts == [("age", "5", 20), ("work", "none", 20), ("hours", "missing", 20)]
