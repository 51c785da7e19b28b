"""The labelled requests of an endpoint: what serving hands to the training of the next model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import QuerySet

from inference.core.errors import DatasetInvalid
from inference.core.lifecycle import Status
from inference.core.schema import Kind, Schema, Task
from inference.models import Endpoint, MLAlgorithm, MLRequest
from inference.training import dataset, files
from inference.training.build import Source
from inference.training.dataset import Record, Rows
from inference.training.files import Description, Table

AT_ONCE: Final = 2000  # rows that are fetched together
_NEEDED: Final = ("input_data", "feedback", "subject", "parent_mlalgorithm_id")

Watched = Callable[[Iterable[MLRequest], int], Iterable[MLRequest]]


@dataclass(frozen=True, slots=True)
class Window:
    """From `since`, included, up to `until`, which is not."""

    since: datetime
    until: datetime

    def told(self) -> dict[str, str]:
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}


def source(endpoint: str, window: Window, watched: Watched = lambda rows, _: rows) -> Source:
    """Answered rows whose truth was told, with the fields of the schema in production.

    In the order of their ids, so that the same log gives the same rows. `watched` may show how far
    it is. Raises DatasetInvalid.
    """
    schema = _schema(endpoint)
    found = labelled(endpoint, window)
    rows = [_row(each, schema) for each in watched(_fetched(found), found.count())]
    usable = [row for row in rows if row is not None]
    if not usable:
        raise DatasetInvalid(f"{endpoint} has no labelled request in that time.")
    told = {
        "window": window.told(),
        "source": {
            "endpoint": endpoint,
            "schema": schema.hash,
            "algorithms": sorted({row.algorithm for row in usable}),
            "unusable": len(rows) - len(usable),
        },
    }
    return Source(_table(usable, schema), [row.subject or None for row in usable], told)


def labelled(endpoint: str, window: Window) -> QuerySet[MLRequest]:
    """The requests of that time that were answered and whose truth is known."""
    return MLRequest.objects.filter(
        parent_mlalgorithm__parent_endpoint__name=endpoint,
        created_at__gte=window.since,
        created_at__lt=window.until,
        error_code="",
        feedback__isnull=False,
    ).exclude(feedback="")


@dataclass(frozen=True, slots=True)
class _Labelled:
    record: Record
    label: str | float
    subject: str
    algorithm: int


def _fetched(found: QuerySet[MLRequest]) -> Iterable[MLRequest]:
    return found.only(*_NEEDED).order_by("pk").iterator(chunk_size=AT_ONCE)


def _schema(endpoint: str) -> Schema:
    if not Endpoint.objects.filter(name=endpoint).exists():
        raise DatasetInvalid(f"There is no endpoint {endpoint!r}.")
    champion = MLAlgorithm.objects.filter(
        parent_endpoint__name=endpoint, current_status=Status.PRODUCTION.value
    ).first()
    if champion is None or "features" not in champion.schema:
        raise DatasetInvalid(f"{endpoint} has no algorithm of tables in production.")
    return Schema.from_json(champion.schema)


def _row(request: MLRequest, schema: Schema) -> _Labelled | None:
    """None for what cannot be learnt from, such as a label that is no number."""
    label = _label(str(request.feedback), schema.target.task)
    fields = _fields(request.input_data, schema.names)
    if label is None or fields is None:
        return None
    record = {each.name: _cast(fields.get(each.name), each.kind) for each in schema.features}
    return _Labelled(record, label, request.subject, request.parent_mlalgorithm_id)


def _fields(text: str, names: Sequence[str]) -> Mapping[str, Any] | None:
    """The row as it was sent, by name."""
    try:
        raw = json.loads(text)
    except ValueError:
        return None
    if isinstance(raw, list):
        return dict(zip(names, raw, strict=False))
    return raw if isinstance(raw, dict) else None


def _cast(value: object, kind: Kind) -> object:
    try:
        return files.cast(value, kind)
    except ValueError:
        return None


def _label(feedback: str, task: Task) -> str | float | None:
    return dataset.number_in(feedback) if task == "regression" else feedback.strip() or None


def _table(rows: Sequence[_Labelled], schema: Schema) -> Table:
    kinds = {each.name: _kind(each.name, each.kind, rows) for each in schema.features}
    about = Description(
        columns=kinds, target=schema.target.name, task=schema.target.task, rows=len(rows)
    )
    return Table(Rows([row.record for row in rows], [row.label for row in rows]), about)


def _kind(name: str, kind: Kind, rows: Iterable[_Labelled]) -> Kind:
    """Callers may have sent fractions where training saw whole numbers only."""
    if kind != "integer" or not any(isinstance(row.record[name], float) for row in rows):
        return kind
    return "number"
