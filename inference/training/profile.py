"""What the training rows say a row looks like: the schema that serving will enforce."""

from __future__ import annotations

from collections.abc import Sequence

from inference.core.schema import Feature, Kind, Schema, Target
from inference.training.dataset import Dataset

MOST_CATEGORIES = 1000


def schema_of(dataset: Dataset) -> Schema:
    """The features in the order of the first record; raises ValueError naming a useless column."""
    records = dataset.train.records
    features = tuple(_feature(name, [record[name] for record in records]) for name in records[0])
    return Schema(features, _target(dataset)).checked()


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


def _target(dataset: Dataset) -> Target:
    if dataset.task == "regression":
        return Target(dataset.target, "regression")
    classes = sorted({str(label) for label in dataset.train.labels})
    return Target(dataset.target, dataset.task, tuple(classes))
