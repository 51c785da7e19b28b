"""What a model is trained on and judged by, from the files that are there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from inference.core.errors import DatasetInvalid
from inference.core.schema import Schema, Task
from inference.training import adopt, build, files, profile
from inference.training.build import Cut, Source
from inference.training.files import Table


@dataclass(frozen=True, slots=True)
class Course:
    """What there is to learn from, what it is judged by, and the schema of both."""

    schema: Schema
    train: Table
    held_out: Table


@dataclass(frozen=True, slots=True)
class Files:
    """Where the rows are; what is None is looked for beside them, or made."""

    data: Path
    held_out: Path | None = None
    schema: Path | None = None
    target: str | None = None
    task: Task | None = None


def read(named: Files, how: Cut) -> Course:
    """The held-out part lies beside the training part, or else is cut from it as `how` says.

    So is the schema, or else it is derived from the training part. Raises DatasetInvalid, or
    BundleInvalid for what is no schema.
    """
    whole = files.read(named.data, named.target, named.task)
    train, held_out = _parts(named, whole, how)
    schema = _schema(named, train)
    if (schema.target.name, schema.target.task) != (train.about.target, train.about.task):
        raise DatasetInvalid("The schema has another target than the data set.")
    return Course(schema, train, held_out)


def _parts(named: Files, whole: Table, how: Cut) -> tuple[Table, Table]:
    beside = named.held_out or build.held_out_beside(named.data)
    if beside is not None:
        return whole, files.read(beside, whole.about.target, whole.about.task)
    if whole.about.split is not None:
        raise DatasetInvalid(f"{named.data.name} is one part of two: where is the other?")
    parts = build.cut(Source(whole), how)
    return parts["train"], parts["held_out"]


def _schema(named: Files, train: Table) -> Schema:
    beside = named.schema or named.data.with_suffix(".schema.json")
    if named.schema is not None or beside.exists():
        return adopt.schema(beside)
    return profile.schema_of_table(train)
