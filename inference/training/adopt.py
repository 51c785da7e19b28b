"""How a model file that somebody else wrote becomes a bundle."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inference import sealing
from inference.bundles import Bundle
from inference.core import jsonstrict
from inference.core.errors import BundleInvalid, JsonInvalid, WeirError
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
    return tensors_of(None if rows is None else records(rows), "" if rows is None else rows.name)


def tensors_of(
    found: Sequence[Record] | None, name: str
) -> tuple[Sequence[dict[str, object]] | None, str]:
    """The same of rows that were read already."""
    if found is None:
        return None, "rows drawn from the signature"
    return [dict(each) for each in found], f"rows of {name}"


def read(path: Path, schema: Schema) -> Artefact:
    """The file's bytes, and what they are; name and bytes must agree."""
    data = content(path)
    kind = loader.sniff(data)
    _refuse_misnamed(path, kind)
    return artefact(kind, data, schema)


def artefact(kind: Kind, data: bytes, schema: Schema) -> Artefact:
    """Bytes of this kind as a model of this schema; raises BundleInvalid."""
    return Artefact(kind, data, schema, _reads(kind, data), pack.libraries())


def schema(path: Path) -> Schema:
    """The schema in a JSON file; raises BundleInvalid."""
    try:
        return schema_of(content(path))
    except WeirError as error:
        raise BundleInvalid(f"{path.name}: {error}") from error


def schema_of(text: bytes) -> Schema:
    """The schema in this JSON; raises BundleInvalid."""
    try:
        value = jsonstrict.loads(text)
        if not isinstance(value, dict):
            raise BundleInvalid("This is not a schema: an object is expected.")
        return Schema.from_json(value)
    except (ValueError, JsonInvalid) as error:
        raise BundleInvalid(str(error), field="schema") from error


def trial(schema: Schema, rows: Path | None) -> Trial:
    """Rows of a file, labelled if it has the target; else rows that the schema allows."""
    return trial_of(
        schema, None if rows is None else records(rows), "" if rows is None else rows.name
    )


def trial_of(schema: Schema, found: Sequence[Record] | None, name: str) -> Trial:
    """The same with rows that were read already."""
    if found is None:
        return Trial(sample.drawn(schema), "rows drawn from the schema", drawn=True)
    labels = _labels(found, schema)
    return Trial(found, f"rows of {name}", None if labels is None else Rows(found, labels))


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
    text, csv = content(path), path.suffix.lower() == ".csv"
    if not (raw and csv):
        return records_of(text, path.name, csv=csv)
    try:
        return dataset.records_of(dataset.columns_of(text.decode(), path.name))
    except ValueError as error:
        raise BundleInvalid(f"{path.name} is no CSV: {error}") from error


def records_of(text: bytes, name: str, *, csv: bool) -> Sequence[Record]:
    """The rows in this text, CSV with a header or a JSON list of objects; raises BundleInvalid."""
    try:
        if csv:
            return dataset.records_of_text(text.decode(), name)
        value = json.loads(text)
    except ValueError as error:
        raise BundleInvalid(f"{name} is neither CSV nor JSON: {error}") from error
    if not (isinstance(value, list) and value and all(isinstance(row, dict) for row in value)):
        raise BundleInvalid(f"{name} is not a list of rows.")
    return value


def _labels(records: Sequence[Record], schema: Schema) -> list[str | float] | None:
    labels = [record.get(schema.target.name) for record in records]
    if any(label is None for label in labels):
        return None
    if schema.target.task == "regression":
        return [float(str(label)) for label in labels]
    return [str(label) for label in labels]
