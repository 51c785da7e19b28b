"""A data set on disk: a table, and beside it a description in JSON of what the table holds.

The table is CSV with a header, or parquet where pandas and pyarrow are installed; the name says
which. `rows.csv` is described by `rows.dataset.json`, which is written last and carries the hash of
the table: without it, or with another hash, there is no data set, however much of it lies there.
What is written is never written over.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from inference.core.errors import DatasetInvalid
from inference.core.schema import Kind, Task
from inference.training import dataset
from inference.training.dataset import Rows

FORMAT: Final = 1
PARQUET: Final = ".parquet"
Part = Literal["train", "held_out"]
_DESCRIBED: Final = ".dataset.json"
_FRAME_TYPES: Final = {"integer": "Int64", "number": "Float64", "category": "string"}


class Split(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of the rows this is, and how it was told from the other."""

    part: Part
    by: str  # "subject", "row", or "drawn" by a demo
    share: float  # of the rows that are held out
    salt: str = ""


class Description(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a table holds; `columns` are the features in order, `sha256` is of the table's bytes.

    `window` says from when to when rows of the log were taken, `source` where all rows come from.
    """

    format: int = FORMAT
    columns: dict[str, Kind]
    target: str
    task: Task
    rows: int
    sha256: str = ""
    seed: int = dataset.SEED
    split: Split | None = None
    window: dict[str, str] = {}
    source: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Table:
    """Labelled rows, and what is known of them."""

    rows: Rows
    about: Description

    def __len__(self) -> int:
        return len(self.rows)


def described(path: Path) -> Path:
    """Where the description of the table at `path` lies."""
    return path.with_suffix(_DESCRIBED)


def read(path: Path, target: str | None = None, task: Task | None = None) -> Table:
    """The table with its description, or else a bare CSV whose types are guessed from its values.

    Raises DatasetInvalid: a bare file needs a target, a described one is what it was when written.
    """
    about = _description(path)
    if about is None:
        return _bare(path, target, task)
    data = _bytes(path)
    if hashlib.sha256(data).hexdigest() != about.sha256:
        raise DatasetInvalid(f"{path.name} is not the table that its description was written for.")
    if target not in {None, about.target}:
        raise DatasetInvalid(f"{path.name} has the target {about.target!r}, not {target!r}.")
    columns = _typed(_columns(path, data), about, path.name)
    labels = [_label(label, about.task) for label in columns.pop(about.target)]
    return Table(Rows(dataset.records_of(columns), labels), about)


def typed(rows: Rows, target: str, task: Task | None = None) -> Table:
    """Rows with the types that their values show; a task says that whole numbers are classes."""
    if not rows.records:
        raise DatasetInvalid("There is no labelled row.")
    task = task or dataset.task_of(rows.labels)
    kinds = {name: _kind([row.get(name) for row in rows.records]) for name in rows.records[0]}
    about = Description(columns=kinds, target=target, task=task, rows=len(rows))
    return Table(Rows(rows.records, [_label(label, task) for label in rows.labels]), about)


def write(path: Path, table: Table) -> tuple[Description, bool]:
    """The description as it lies there now, and whether anything was written.

    The same rows there already are left alone; raises DatasetInvalid if others are. Somebody who
    is stopped in between leaves a part behind that no one reads, and the next one starts it anew.
    """
    data = _encoded(path, table)
    about = msgspec.structs.replace(table.about, sha256=hashlib.sha256(data).hexdigest())
    there = _description(path)
    if there is not None:
        if there.sha256 != about.sha256:
            raise DatasetInvalid(f"{path} holds other rows, and a data set does not change.")
        if _sound(path, there):
            return there, False
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, data)
    text = msgspec.json.format(msgspec.json.encode(about), indent=1)
    _replace(described(path), text + b"\n")
    return about, True


def cast(value: object, kind: Kind) -> object:
    """A raw value as its column has it, None if it is missing; raises ValueError."""
    if dataset.is_missing(value):
        return None
    if kind == "category":
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    number = dataset.number_in(value)
    if number is None:
        raise ValueError(f"{value!r} is no number")
    return int(number) if kind == "integer" and number.is_integer() else number


def _bare(path: Path, target: str | None, task: Task | None) -> Table:
    if target is None:
        raise DatasetInvalid(f"{path.name} has no description beside it: name its target.")
    data = _bytes(path)
    try:
        columns = dataset.columns_of(data.decode(), path.name)
        if target not in columns:
            raise DatasetInvalid(f"{path.name} has no column {target!r}.", field=target)
        table = typed(dataset.labelled(columns, target), target, task)
    except ValueError as error:
        raise DatasetInvalid(f"{path.name} cannot be read: {error}") from error
    sha256, source = hashlib.sha256(data).hexdigest(), {"csv": path.name}
    about = msgspec.structs.replace(table.about, sha256=sha256, source=source)
    return Table(table.rows, about)


def _description(path: Path) -> Description | None:
    try:
        about = msgspec.json.decode(described(path).read_bytes(), type=Description)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise DatasetInvalid(f"The description of {path.name} is damaged: {error}") from error
    if about.format != FORMAT:
        raise DatasetInvalid(f"{path.name} has format {about.format}; this is read: {FORMAT}.")
    return about


def _sound(path: Path, about: Description) -> bool:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest() == about.sha256
    except FileNotFoundError:
        return False


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetInvalid(f"{path} cannot be read: {error.strerror}.") from error


def _typed(
    columns: Mapping[str, Sequence[object]], about: Description, name: str
) -> dict[str, list[object]]:
    """As the description says, in its order; the target is a text or a number by the task."""
    target: Kind = "number" if about.task == "regression" else "category"
    kinds: dict[str, Kind] = {**about.columns, about.target: target}
    if set(kinds) != set(columns):
        raise DatasetInvalid(f"The columns of {name} are not those of its description.")
    return {each: list(_cast_all(columns[each], kind, each)) for each, kind in kinds.items()}


def _cast_all(values: Sequence[object], kind: Kind, field: str) -> Iterator[object]:
    for row, value in enumerate(values):
        try:
            yield cast(value, kind)
        except ValueError as error:
            raise DatasetInvalid(f"{field}: {error}.", row=row, field=field) from error


def _kind(values: Sequence[object]) -> Kind:
    known = [value for value in values if value is not None]
    if not known or not all(isinstance(value, int | float) for value in known):
        return "category"
    return "integer" if all(isinstance(value, int) for value in known) else "number"


def _label(label: object, task: Task) -> str | float:
    if task == "regression":
        number = dataset.number_in(label)
        if number is None:
            raise DatasetInvalid(f"The label {label!r} is no number.")
        return number
    return str(cast(label, "category"))


def _columns(path: Path, data: bytes) -> dict[str, Sequence[object]]:
    if path.suffix == PARQUET:
        frame = _pandas().read_parquet(io.BytesIO(data)).astype(object)
        known = frame.where(frame.notna(), None)
        return {str(name): known[name].tolist() for name in known.columns}
    try:
        return dict(dataset.columns_of(data.decode(), path.name))
    except ValueError as error:
        raise DatasetInvalid(str(error)) from error


def _encoded(path: Path, table: Table) -> bytes:
    names = [*table.about.columns, table.about.target]
    pairs = zip(table.rows.records, table.rows.labels, strict=True)
    lines = [[*(record.get(name) for name in names[:-1]), label] for record, label in pairs]
    if path.suffix == PARQUET:
        return _parquet(names, lines, table.about)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([names, *lines])
    return out.getvalue().encode()


def _parquet(names: Sequence[str], lines: Sequence[Sequence[object]], about: Description) -> bytes:
    frame = _pandas().DataFrame(lines, columns=list(names), dtype=object)
    target = "Float64" if about.task == "regression" else "string"
    kinds = {name: _FRAME_TYPES[kind] for name, kind in about.columns.items()}
    data: bytes = frame.astype({**kinds, about.target: target}).to_parquet(index=False)
    return data


def _pandas() -> Any:
    try:
        import pandas as pd
        import pyarrow  # noqa: F401  # what pandas reads and writes parquet by
    except ImportError as error:
        raise DatasetInvalid("Parquet needs pandas and pyarrow; CSV needs neither.") from error
    return pd


def _replace(path: Path, data: bytes) -> None:
    """All of it or nothing, whoever is stopped when."""
    part = path.with_name(f"{path.name}.part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
