"""What the training rows say a row looks like: the schema that serving will enforce."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from inference.core.errors import DatasetInvalid
from inference.core.schema import Feature, Kind, Schema, Target, Task
from inference.training.dataset import Dataset, Rows
from inference.training.files import Table

MOST_CATEGORIES = 1000
MOST_SHOWN: Final = 20  # values of a column in its statistics


def schema_of(dataset: Dataset) -> Schema:
    """The features in the order of the first record; raises ValueError naming a useless column."""
    return _schema(dataset.train, dataset.target, dataset.task)


def schema_of_table(table: Table, *, lenient: bool = False) -> Schema:
    """The same of a training table; raises DatasetInvalid.

    A feature that no training row lacks is required, for what a model says without it nobody has
    seen; not if `lenient`.
    """
    try:
        schema = _schema(table.rows, table.about.target, table.about.task)
    except ValueError as error:
        raise DatasetInvalid(str(error)) from error
    if lenient:
        return schema
    features = tuple(
        replace(each, required=all(row.get(each.name) is not None for row in table.rows.records))
        for each in schema.features
    )
    return Schema(features, schema.target)


def as_before(schema: Schema, before: Schema) -> Schema:
    """With what callers were promised by the schema that serves: rows of a log narrow nothing.

    A feature may be missing if it might be, and one that was bounded is what it was.
    """
    known = {each.name: each for each in before.features}
    features = tuple(_as_before(each, known.get(each.name, each)) for each in schema.features)
    return Schema(features, schema.target).checked()


def _as_before(feature: Feature, before: Feature) -> Feature:
    return before if before.bounded else replace(feature, required=before.required)


def statistics(table: Table) -> dict[str, dict[str, object]]:
    """What the values of each column look like, the target's last; JSON."""
    columns = {name: [row.get(name) for row in table.rows.records] for name in table.about.columns}
    columns[table.about.target] = list(table.rows.labels)
    return {name: _statistics(values) for name, values in columns.items()}


def _statistics(values: Sequence[object]) -> dict[str, object]:
    known = [value for value in values if value is not None]
    told: dict[str, object] = {"rows": len(values), "missing": len(values) - len(known)}
    if not known:
        return told
    if all(isinstance(value, int | float) for value in known):
        return told | _of_numbers(np.array(known, dtype=np.float64))
    counts = Counter(str(value) for value in known)
    return told | {"distinct": len(counts), "most": dict(counts.most_common(MOST_SHOWN))}


def _of_numbers(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, object]:
    low, first, median, third, high = np.quantile(numbers, (0.0, 0.25, 0.5, 0.75, 1.0)).tolist()
    return {
        "mean": float(numbers.mean()),
        "deviation": float(numbers.std()),
        "minimum": low,
        "quartiles": [first, median, third],
        "maximum": high,
    }


def _schema(rows: Rows, target: str, task: Task) -> Schema:
    records = rows.records
    features = tuple(_feature(name, [record[name] for record in records]) for name in records[0])
    return Schema(features, _target(rows, target, task)).checked()


def _feature(name: str, values: Sequence[object]) -> Feature:
    known = [value for value in values if value is not None]
    if not known:
        raise ValueError(f"{name} has no value in any training row.")
    numbers = [value for value in known if isinstance(value, int | float)]
    if len(numbers) < len(known):
        return _category(name, known)
    whole = all(isinstance(number, int) for number in numbers)
    kind: Kind = "integer" if whole else "number"
    return Feature(name, kind, minimum=float(min(numbers)), maximum=float(max(numbers)))


def _category(name: str, known: Sequence[object]) -> Feature:
    categories = sorted({str(value) for value in known})
    if len(categories) > MOST_CATEGORIES:
        raise ValueError(f"{name} has {len(categories)} categories: it names rows, not kinds.")
    return Feature(name, "category", tuple(categories))


def _target(rows: Rows, target: str, task: Task) -> Target:
    if task == "regression":
        return Target(target, "regression")
    classes = sorted({str(label) for label in rows.labels})
    return Target(target, task, tuple(classes))
