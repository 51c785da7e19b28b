"""How a model file that somebody else wrote becomes a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inference import sealing
from inference.bundles import Bundle
from inference.core import jsonstrict
from inference.core.errors import BundleInvalid, WeirError
from inference.core.schema import Schema
from inference.runtimes import loader
from inference.runtimes.base import Artefact, Kind, Reads
from inference.training import dataset, graphs, pack, sample
from inference.training.dataset import Record, Rows
from inference.training.pack import Identity, Trial

_SUFFIXES: Final = {
    ".onnx": Kind.ONNX,
    ".skops": Kind.SKOPS,
    ".joblib": Kind.JOBLIB,
    ".pkl": Kind.JOBLIB,
    ".pickle": Kind.JOBLIB,
}


def adopt(identity: Identity, path: Path, schema: Schema, rows: Path | None = None) -> Bundle:
    """The bundle of the model at `path`, tried on `rows` or else on rows drawn from the schema.

    Raises BundleInvalid. A joblib file runs its author's code here, which is why only the command
    line comes this way.
    """
    artefact = read(path, schema)
    return pack.pack(identity, artefact, trial(schema, rows))


def adopt_graph(identity: Identity, path: Path, rows: Path | None = None) -> Bundle:
    """The bundle of an ONNX file that no schema describes; raises BundleInvalid."""
    data = content(path)
    _refuse_misnamed(path, loader.sniff(data))
    return graphs.pack_graph(identity, data, *tensors(rows))


def tensors(rows: Path | None) -> tuple[Sequence[dict[str, object]] | None, str]:
    """Rows of tensors to try a graph on, and what they are; without a file they will be drawn."""
    if rows is None:
        return None, "rows drawn from the signature"
    return [dict(each) for each in records(rows)], f"rows of {rows.name}"


def read(path: Path, schema: Schema) -> Artefact:
    """The file's bytes, and what they are; name and bytes must agree."""
    data = content(path)
    kind = loader.sniff(data)
    _refuse_misnamed(path, kind)
    return Artefact(kind, data, schema, _reads(kind, data), pack.libraries())


def schema(path: Path) -> Schema:
    """The schema in a JSON file; raises BundleInvalid."""
    try:
        value = jsonstrict.loads(content(path))
        if not isinstance(value, dict):
            raise BundleInvalid(f"{path.name} is not a schema: an object is expected.")
        return Schema.from_json(value)
    except (ValueError, WeirError) as error:
        raise BundleInvalid(f"{path.name}: {error}") from error


def trial(schema: Schema, rows: Path | None) -> Trial:
    """Rows of a file, labelled if it has the target; else rows that the schema allows."""
    if rows is None:
        return Trial(sample.drawn(schema), "rows drawn from the schema", drawn=True)
    found = records(rows)
    labels = _labels(found, schema)
    return Trial(found, f"rows of {rows.name}", None if labels is None else Rows(found, labels))


def _refuse_misnamed(path: Path, kind: Kind) -> None:
    if _SUFFIXES.get(path.suffix.lower()) is not kind:
        raise BundleInvalid(f"{path.name} is named otherwise than its bytes, which are {kind}.")


def content(path: Path) -> bytes:
    """Of a file that is no larger than a bundle may be; raises BundleInvalid."""
    try:
        if path.stat().st_size > sealing.LIMITS.packed:
            raise BundleInvalid(f"{path.name} is larger than {sealing.LIMITS.packed} bytes.")
        return path.read_bytes()
    except OSError as error:
        raise BundleInvalid(f"{path} cannot be read: {error.strerror}.") from error


def _reads(kind: Kind, data: bytes) -> Reads:
    if kind is Kind.ONNX:
        from inference.training import graph

        graph.check(data)
        return "matrix"
    from inference.runtimes import sklearn

    return sklearn.wants(sklearn.estimator(kind, data))


def records(path: Path, *, raw: bool = False) -> Sequence[Record]:
    """A CSV file with a header, or a JSON list of objects; raises BundleInvalid.

    The values of a CSV have the types that their columns show; `raw` leaves them the texts they
    are, for a schema to read, to which a category 01 is none that is called 1.
    """
    try:
        if path.suffix.lower() == ".csv":
            text = content(path).decode()
            if raw:
                return dataset.records_of(dataset.columns_of(text, path.name))
            return dataset.records_of_text(text, path.name)
        value = json.loads(content(path))
    except ValueError as error:
        raise BundleInvalid(f"{path.name} is neither CSV nor JSON: {error}") from error
    if not (isinstance(value, list) and value and all(isinstance(row, dict) for row in value)):
        raise BundleInvalid(f"{path.name} is not a list of rows.")
    return value


def _labels(records: Sequence[Record], schema: Schema) -> list[str | float] | None:
    labels = [record.get(schema.target.name) for record in records]
    if any(label is None for label in labels):
        return None
    if schema.target.task == "regression":
        return [float(str(label)) for label in labels]
    return [str(label) for label in labels]
