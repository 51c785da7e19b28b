"""Whether rows are what a schema says they are: the anomalies that a model would not survive."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

from inference.core.errors import RowInvalid
from inference.core.schema import Feature, Schema
from inference.training import dataset
from inference.training.dataset import Record


@dataclass(frozen=True, slots=True)
class Anomaly:
    """What is wrong with a column, in how many rows, and the first of them, counted from 0."""

    field: str
    what: str
    rows: int
    first: int | None = None
    example: str = ""

    def as_dict(self) -> dict[str, object]:
        return asdict(self)

    def __str__(self) -> str:
        where = "" if self.first is None else f" (first in row {self.first}: {self.example})"
        return f"{self.field}: {self.what} in {self.rows} rows{where}"


def anomalies(records: Sequence[Record], schema: Schema) -> list[Anomaly]:
    """Nothing if every row may be learnt from, and asked about, under this schema.

    Rows are as a caller sends them, with the target among them where it is known.
    """
    columns = {name for record in records for name in record}
    return [
        *_columns(columns, schema, len(records)),
        *(found for each in schema.features for found in _of(each, records, schema, columns)),
        *_labels(records, schema, columns),
    ]


def _columns(columns: set[str], schema: Schema, rows: int) -> Iterator[Anomaly]:
    for name in schema.names:
        if name not in columns:
            yield Anomaly(name, "is missing altogether", rows)
    for name in sorted(columns - {*schema.names, schema.target.name}):
        yield Anomaly(name, "is not in the schema", rows)


def _of(
    feature: Feature, records: Sequence[Record], schema: Schema, columns: set[str]
) -> Iterator[Anomaly]:
    if feature.name not in columns:
        return
    found: dict[str, list[int]] = {}
    for row, record in enumerate(records):
        what = _wrong(feature, record.get(feature.name), schema)
        if what:
            found.setdefault(what, []).append(row)
    for what, rows in found.items():
        yield _anomaly(feature.name, what, rows, records)


def _wrong(feature: Feature, raw: object, schema: Schema) -> str:
    """What is wrong with a value, or nothing."""
    try:
        number = schema.value(feature, raw)
    except RowInvalid:
        return "is missing" if dataset.is_missing(raw) else f"is no {feature.kind}"
    if math.isnan(number):
        return ""
    if feature.kind == "category":
        return "is an unseen category" if number >= len(feature.categories) else ""
    if feature.kind == "integer" and not number.is_integer():
        return "is no integer"
    return "is out of range" if _outside(feature, number) else ""


def _outside(feature: Feature, number: float) -> bool:
    low = -math.inf if feature.minimum is None else feature.minimum
    high = math.inf if feature.maximum is None else feature.maximum
    return not low <= number <= high


def _labels(records: Sequence[Record], schema: Schema, columns: set[str]) -> Iterator[Anomaly]:
    target = schema.target
    if target.name not in columns:
        return
    labels = [record.get(target.name) for record in records]
    missing = [row for row, label in enumerate(labels) if dataset.is_missing(label)]
    unfit = {row for row, label in enumerate(labels) if not _fits(label, target.classes)}
    strange = sorted(unfit - set(missing))
    for what, rows in (("is missing", missing), ("is no label of the schema", strange)):
        if rows:
            yield _anomaly(target.name, what, rows, records)


def _fits(label: object, classes: Sequence[str]) -> bool:
    if classes:
        return str(label) in classes
    return dataset.number_in(label) is not None


def _anomaly(field: str, what: str, rows: Sequence[int], records: Sequence[Record]) -> Anomaly:
    return Anomaly(field, what, len(rows), rows[0], _shown(records[rows[0]], field))


def _shown(record: Mapping[str, object], field: str) -> str:
    return repr(record.get(field))[:40]
