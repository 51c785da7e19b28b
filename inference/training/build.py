"""From raw rows to a data set: two parts that no subject is in both of, written once.

Which part a row belongs to is a hash, the one that deals subjects to the arms of a test, with
another salt: so who is held out says nothing about who got which arm. With the same seed a subject
is held out of every data set, whenever it is built, and no later model learns what an earlier one
is judged by.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec

from inference.core import assignment
from inference.core.errors import DatasetInvalid
from inference.core.schema import Task
from inference.training import dataset, demos, files
from inference.training.dataset import Record, Rows
from inference.training.files import Description, Part, Split, Table

SHARE: Final = 0.3  # of the rows that are held out, if nobody says otherwise
PARTS: Final[tuple[Part, ...]] = ("train", "held_out")


@dataclass(frozen=True, slots=True)
class Source:
    """Labelled rows, in whose name each is dealt, and what to say of their origin.

    `units` are subjects; where there is none, equal rows share a part. `told` are fields of the
    description.
    """

    table: Table
    units: Sequence[str | None] | None = None
    told: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """How the rows are cut in two."""

    share: float = SHARE
    seed: int = dataset.SEED

    @property
    def salt(self) -> str:
        return f"dataset:{self.seed}"

    def part(self, unit: str) -> Part:
        held_out = assignment.bucket(self.salt, unit) < round(self.share * assignment.BUCKETS)
        return "held_out" if held_out else "train"


def from_csv(
    path: Path, target: str, *, task: Task | None = None, subject: str | None = None
) -> Source:
    """The labelled rows of a CSV; the column `subject` says whose each row is, and is no feature.

    Raises DatasetInvalid.
    """
    try:
        data = path.read_bytes()
        columns: dict[str, Sequence[object]] = {**dataset.columns_of(data.decode(), path.name)}
    except (OSError, ValueError) as error:
        raise DatasetInvalid(f"{path} cannot be read: {error}") from error
    _refuse_unknown(columns, path.name, target, subject)
    told = {"csv": path.name, "sha256": hashlib.sha256(data).hexdigest()}
    kept = [at for at, label in enumerate(columns[target]) if not dataset.is_missing(label)]
    units = None if subject is None else _known(columns.pop(subject), kept)
    table = files.typed(dataset.labelled(columns, target), target, task)
    return Source(table, units, {"source": told | {"subject": subject} if subject else told})


def from_demo(name: str, csv: Path | None) -> dict[Part, Table]:
    """The parts of a demo, which are cut as they have always been."""
    demo = demos.find(name)
    whole = demo.dataset(csv)
    parts: dict[Part, Rows] = {"train": whole.train, "held_out": whole.held_out}
    all_rows = Rows([*whole.train.records, *whole.held_out.records], [*_labels(parts)])
    about = files.typed(all_rows, whole.target, whole.task).about
    return {
        part: _described(
            rows,
            about,
            split=Split(part=part, by="drawn", share=SHARE),
            source={"demo": name, "data_sha256": whole.sha256},
        )
        for part, rows in parts.items()
    }


def cut(source: Source, how: Cut) -> dict[Part, Table]:
    """The rows in two parts, each in the order they had; raises DatasetInvalid if one is empty."""
    records = source.table.rows.records
    units = source.units or [None] * len(records)
    named = zip(units, records, strict=True)
    where = [how.part(unit or _unit(record)) for unit, record in named]
    by = "row" if source.units is None else "subject"
    return {
        part: _described(
            _of(part, where, source.table.rows),
            source.table.about,
            split=Split(part=part, by=by, share=how.share, salt=how.salt),
            seed=how.seed,
            **source.told,
        )
        for part in PARTS
    }


def write(folder: Path, parts: Mapping[Part, Table], suffix: str) -> dict[str, Any]:
    """What lies in the folder now: for each part its path and description, and if it is new.

    Raises DatasetInvalid if other rows are there.
    """
    told: dict[str, Any] = {}
    for part, table in parts.items():
        path = folder / f"{part}{suffix}"
        about, new = files.write(path, table)
        told[part] = {"path": str(path), "new": new, **msgspec.to_builtins(about)}
    return told


def held_out_beside(path: Path) -> Path | None:
    """The held-out part that was written with this training part, if it is there."""
    beside = path.with_name(f"held_out{path.suffix}")
    return beside if path.stem == "train" and beside.exists() else None


def _described(rows: Rows, about: Description, **told: Any) -> Table:
    if not rows.records:
        raise DatasetInvalid("There are too few rows for two parts: one of them is empty.")
    return Table(rows, msgspec.structs.replace(about, rows=len(rows), **told))


def _of(part: Part, where: Sequence[Part], rows: Rows) -> Rows:
    chosen = [at for at, each in enumerate(where) if each == part]
    return Rows([rows.records[at] for at in chosen], [rows.labels[at] for at in chosen])


def _unit(record: Record) -> str:
    return json.dumps(record, sort_keys=True, separators=(",", ":"))


def _known(subjects: Sequence[object], kept: Sequence[int]) -> list[str | None]:
    return [None if dataset.is_missing(subjects[at]) else str(subjects[at]) for at in kept]


def _labels(parts: Mapping[Part, Rows]) -> list[str | float]:
    return [label for rows in parts.values() for label in rows.labels]


def _refuse_unknown(
    columns: Mapping[str, object], name: str, target: str, subject: str | None
) -> None:
    for wanted in (target, subject):
        if wanted is not None and wanted not in columns:
            raise DatasetInvalid(f"{name} has no column {wanted!r}.", field=wanted)
