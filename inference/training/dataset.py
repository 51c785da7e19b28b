"""Labelled raw rows, as a caller would send them, cut the same way every time."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inference.core.schema import MISSING_WORDS, Task

Record = Mapping[str, object]
SEED = 20
_HELD_OUT = 0.3


@dataclass(frozen=True, slots=True)
class Rows:
    """Records with one label each: a text for classes, a number for regression."""

    records: Sequence[Record]
    labels: Sequence[str | float]

    def __len__(self) -> int:
        return len(self.records)


@dataclass(frozen=True, slots=True)
class Dataset:
    """What an algorithm is trained on, and what it has never seen."""

    target: str
    task: Task
    train: Rows
    held_out: Rows

    @property
    def sha256(self) -> str:
        """Which data this was: the same rows in the same order give the same hash."""
        text = json.dumps([_plain(self.train), _plain(self.held_out)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def split(target: str, rows: Rows, seed: int = SEED) -> Dataset:
    """Three in ten rows, drawn with `seed`, are held out; each part keeps the rows' order."""
    drawn = np.random.default_rng(seed).permutation(len(rows))
    cut = math.ceil(_HELD_OUT * len(rows))
    train, held_out = sorted(drawn[cut:].tolist()), sorted(drawn[:cut].tolist())
    return Dataset(target, task_of(rows.labels), _pick(rows, train), _pick(rows, held_out))


def read_csv(path: Path, target: str) -> Rows:
    """The labelled rows of a file; one without a label is dropped."""
    columns = columns_of(path.read_bytes().decode(), str(path))
    if target not in columns:
        raise ValueError(f"{path} has no column {target!r} in its first line.")
    return labelled(columns, target)


def read_records(path: Path) -> list[Record]:
    """The rows of a file, whatever it calls its columns."""
    return records_of_text(path.read_bytes().decode(), str(path))


def records_of_text(text: str, file_name: str) -> list[Record]:
    """The same of what was read already; raises ValueError."""
    columns = columns_of(text, file_name)
    return records_of({name: column(values) for name, values in columns.items()})


def columns_of(text: str, file_name: str) -> dict[str, Sequence[str]]:
    """CSV with a header, by column; blanks around values are dropped. Raises ValueError."""
    lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    names = [name.strip() for name in next(lines, [])]
    table = [[cell.strip() for cell in line] for line in lines if line]
    if any(len(line) != len(names) for line in table) or len(set(names)) != len(names):
        raise ValueError(f"{file_name} has lines that do not fit its first line.")
    return dict(zip(names, zip(*table, strict=True) if table else [()] * len(names), strict=True))


def labelled(columns: Mapping[str, Iterable[object]], target: str) -> Rows:
    """Rows from columns of raw values; a column of numbers written as texts becomes numbers."""
    typed = {name: column(values) for name, values in columns.items()}
    labels = typed.pop(target)
    lines = zip(records_of(typed), labels, strict=True)
    known = [(record, label) for record, label in lines if isinstance(label, str | int | float)]
    return Rows([record for record, _ in known], [label for _, label in known])


def column(values: Iterable[object]) -> list[object]:
    """None for what is missing; numbers if all the rest are, whole ones as int; else texts."""
    known = [None if is_missing(value) else value for value in values]
    numbers = [None if value is None else number_in(value) for value in known]
    if any(
        number is None and value is not None for number, value in zip(numbers, known, strict=True)
    ):
        return [None if value is None else str(value) for value in known]
    whole = all(number is None or number.is_integer() for number in numbers)
    return [None if number is None else int(number) if whole else number for number in numbers]


def records_of(columns: Mapping[str, Sequence[object]]) -> list[Record]:
    """Rows out of columns."""
    lines = zip(*columns.values(), strict=True)
    return [dict(zip(columns, line, strict=True)) for line in lines]


def is_missing(value: object) -> bool:
    """Whether nothing is known, however that is written."""
    if isinstance(value, str):
        return value.strip().lower() in MISSING_WORDS
    return value is None or (isinstance(value, float) and math.isnan(value))


def number_in(value: object) -> float | None:
    """The finite number in it, if there is one."""
    try:
        number = float(value)  # type: ignore[arg-type]  # a TypeError is an answer, too
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


def task_of(labels: Sequence[object]) -> Task:
    """Texts are classes, numbers a quantity; raises ValueError if there is no label."""
    if not labels:
        raise ValueError("There is no labelled row.")
    if all(isinstance(label, int | float) for label in labels):
        return "regression"
    return "binary" if len(set(labels)) == 2 else "multiclass"


def _pick(rows: Rows, chosen: Sequence[int]) -> Rows:
    return Rows([rows.records[row] for row in chosen], [rows.labels[row] for row in chosen])


def _plain(rows: Rows) -> list[object]:
    return [list(rows.records), list(rows.labels)]
