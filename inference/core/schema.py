"""What a row must look like, and the numbers it becomes: the one transform of training and serving.

A row is a mapping from feature names to raw values; the order of its keys never matters. It becomes
`width` float64 values in the order of the features: numbers as they are, categories as the index of
the category, an unseen category as the index after the last one, a missing value as NaN (what a
missing value means is the model's business, learnt in training).

Policy. Missing (absent, null, NaN, empty, "nan", "null", "?"): NaN, or an error if the feature is
required. Beyond what training saw (a number outside minimum..maximum, an unseen category): taken,
or an error if the feature is bounded. Unknown fields: ignored. No known field at all: an error, for
that is another data set.
Numeric strings count as numbers, because forms send nothing else; true and false do not. Numbers
outside the range of float32 are refused: tree models raise on them for the whole batch.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np

from inference.core.errors import RowInvalid
from inference.core.tensors import Matrix

FLOAT32_MAX = float(np.finfo(np.float32).max)
MISSING = float("nan")
MISSING_WORDS = frozenset({"", "nan", "null", "?"})

Kind = Literal["number", "integer", "category"]
Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column. `minimum` and `maximum` are what training saw; they refuse if it is `bounded`."""

    name: str
    kind: Kind
    categories: tuple[str, ...] = ()
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    bounded: bool = False

    def beyond(self, number: float) -> bool:
        """Whether training saw nothing like it; `number` is as `Schema.value` has it, no NaN."""
        if self.kind == "category":
            return number >= len(self.categories)
        low, high = self.minimum, self.maximum
        return (low is not None and number < low) or (high is not None and number > high)


@dataclass(frozen=True, slots=True)
class Target:
    """What is predicted. `classes` in the order of the model's columns; empty for regression."""

    name: str
    task: Task
    classes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The features of an algorithm in order, and its target."""

    features: tuple[Feature, ...]
    target: Target
    _codes: Mapping[str, Mapping[str, float]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        codes = {f.name: _codes_of(f) for f in self.features if f.kind == "category"}
        object.__setattr__(self, "_codes", codes)

    @property
    def width(self) -> int:
        return len(self.features)

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(feature.name for feature in self.features)

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def hash(self) -> str:
        """sha256 of the canonical JSON: two schemas with the same hash read rows alike."""
        text = json.dumps(self.to_json(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def encode(self, record: Mapping[str, object], row: int = 0) -> tuple[float, ...]:
        """The row's numbers; raises RowInvalid naming `row` and the field."""
        if self._names.isdisjoint(record):
            raise RowInvalid("The row has none of the endpoint's features.", row=row)
        get = record.get
        return tuple([self.value(feature, get(feature.name), row) for feature in self.features])

    def encode_many(self, records: Iterable[Mapping[str, object]]) -> Matrix:
        """Shape [rows, width]; raises RowInvalid at the first row that does not fit."""
        rows = [self.encode(record, row) for row, record in enumerate(records)]
        return np.array(rows, dtype=np.float64).reshape(len(rows), self.width)

    def value(self, feature: Feature, raw: object, row: int = 0) -> float:
        """One raw value as its number."""
        if type(raw) is float and -FLOAT32_MAX <= raw <= FLOAT32_MAX and _plain(feature):
            return raw  # what nearly every value is
        number = self._category(feature, raw) if feature.kind == "category" else _number(raw)
        if number is None:
            raise RowInvalid(_sentence(feature, raw), row=row, field=feature.name)
        if feature.required and math.isnan(number):
            raise RowInvalid(f"{feature.name} is required.", row=row, field=feature.name)
        if feature.bounded and not math.isnan(number) and feature.beyond(number):
            raise RowInvalid(_beyond(feature, raw), row=row, field=feature.name)
        return number

    def _category(self, feature: Feature, raw: object) -> float | None:
        if raw is None:
            return MISSING
        text = _category_text(raw)
        if text is None:
            return None
        known = self._codes[feature.name].get(text)
        if known is not None:
            return known
        return MISSING if text.lower() in MISSING_WORDS else float(len(feature.categories))

    def decode(self, matrix: Matrix) -> dict[str, list[object]]:
        """Columns of raw values again, for models that want names and categories.

        An unseen category comes back as None, like a missing one: its text is not kept.
        """
        columns = zip(self.features, matrix.T, strict=True)
        return {feature.name: _decoded(feature, column) for feature, column in columns}

    def to_json(self) -> dict[str, object]:
        return {
            "features": [_without_defaults(asdict(feature)) for feature in self.features],
            "target": _without_defaults(asdict(self.target)),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, object]) -> Schema:
        """The inverse of `to_json`; raises ValueError with a sentence on anything else."""
        try:
            features = tuple(_feature(item) for item in _items(data["features"]))
            return cls(features, _target(data["target"])).checked()
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"This is not a schema: {error!r}") from error

    def checked(self) -> Schema:
        """Itself, or ValueError: names are there and unique, categories and classes make sense."""
        if not self.features or len(set(self.names)) != len(self.names) or "" in self.names:
            raise ValueError("A schema needs features with distinct, non-empty names.")
        for feature in self.features:
            if (feature.kind == "category") != bool(feature.categories):
                raise ValueError(f"{feature.name}: categories belong to kind 'category' only.")
            _check_bounds(feature)
        least = {"binary": 2, "multiclass": 2, "regression": 0}[self.target.task]
        count = len(self.target.classes)
        if count < least or (least == 0 and count) or (self.target.task == "binary" and count > 2):
            raise ValueError(f"{self.target.task} does not go with {count} classes.")
        return self


def _check_bounds(feature: Feature) -> None:
    low, high = feature.minimum, feature.maximum
    if low is not None and high is not None and low > high:
        raise ValueError(f"{feature.name}: its minimum is above its maximum.")
    if feature.bounded and feature.kind != "category" and low is None and high is None:
        raise ValueError(f"{feature.name}: what is bounded has a minimum or a maximum.")


def _codes_of(feature: Feature) -> dict[str, float]:
    return {category: float(code) for code, category in enumerate(feature.categories)}


def _number(raw: object) -> float | None:
    """The number in `raw`, NaN if it is missing, None if it is not a number we take."""
    if raw is None:
        return MISSING
    if isinstance(raw, bool) or not isinstance(raw, int | float | str):
        return None
    if isinstance(raw, str):
        return _number_in(raw)
    return _bounded(raw)


def _number_in(text: str) -> float | None:
    if text.strip().lower() in MISSING_WORDS:
        return MISSING
    try:
        # Python reads 1_000 and the digits of every script; other readers of the log would not.
        return _bounded(float(text)) if text.isascii() and "_" not in text else None
    except ValueError:
        return None


def _bounded(number: float) -> float | None:
    """As float64, None outside float32; NaN is a missing value."""
    return None if abs(number) > FLOAT32_MAX else float(number)


def _category_text(raw: object) -> str | None:
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, bool | int):
        return str(raw)
    if isinstance(raw, float):
        # 3.0 and "3" are one category: JSON writers differ in how they print whole numbers.
        return str(int(raw)) if raw.is_integer() else str(raw)
    return None


def _sentence(feature: Feature, raw: object) -> str:
    wanted = "a category" if feature.kind == "category" else "a number in the range of float32"
    return f"{feature.name} must be {wanted}, not {_shown(raw)}."


def _shown(raw: object) -> str:
    shown = repr(raw)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


def _plain(feature: Feature) -> bool:
    return feature.kind != "category" and not feature.bounded


def _beyond(feature: Feature, raw: object) -> str:
    if feature.kind == "category":
        return f"{feature.name} must be one of its {len(feature.categories)} categories."
    ends = [
        f"{words} {end:g}"
        for words, end in (("at least", feature.minimum), ("at most", feature.maximum))
        if end is not None
    ]
    return f"{feature.name} must be {' and '.join(ends)}, not {_shown(raw)}."


def _decoded(
    feature: Feature, column: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> list[object]:
    if feature.kind != "category":
        return list(column.tolist())
    names: Sequence[object] = (*feature.categories, None)
    return [None if math.isnan(code) else names[int(code)] for code in column.tolist()]


def _without_defaults(item: dict[str, object]) -> dict[str, object]:
    """A schema is read and edited by people; and 17 and 17.0 must give one hash."""
    said = {k: v for k, v in item.items() if v is not None and v is not False and v != ()}
    return {k: float(v) if isinstance(v, int) and v is not True else v for k, v in said.items()}


def _items(value: object) -> Iterable[Mapping[str, object]]:
    if not isinstance(value, list | tuple):
        raise TypeError("features must be a list")
    return value


def _feature(item: Mapping[str, object]) -> Feature:
    kind = item["kind"]
    if kind not in ("number", "integer", "category"):
        raise ValueError(f"{item['name']}: unknown kind {kind!r}.")
    return Feature(
        name=str(item["name"]),
        kind=kind,
        categories=_texts(item.get("categories", ())),
        required=item.get("required", False) is True,
        minimum=_optional(item.get("minimum")),
        maximum=_optional(item.get("maximum")),
        bounded=item.get("bounded", False) is True,
    )


def _target(item: object) -> Target:
    if not isinstance(item, Mapping):
        raise TypeError("target must be an object")
    task = item["task"]
    if task not in ("binary", "multiclass", "regression"):
        raise ValueError(f"Unknown task {task!r}.")
    return Target(str(item["name"]), task, _texts(item.get("classes", ())))


def _texts(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError("expected a list of texts")
    return tuple(str(item) for item in value)


def _optional(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
