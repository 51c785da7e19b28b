"""What a bundle says to rows, here or spread over workers, and how each row came out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import joblib
import numpy as np
import numpy.typing as npt

from inference import bundles
from inference.bundles import Bundle
from inference.core import reference
from inference.core.errors import RowInvalid
from inference.core.reach import NOWHERE, Reach
from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.runtimes.confinement import Bounds
from inference.training import evaluate
from inference.training.dataset import Record, Rows

Values = npt.NDArray[np.float64]
_AT_ONCE: Final = 256  # rows of a call to a model that is kept apart


@dataclass(frozen=True, slots=True)
class Scored:
    """Labelled rows after they were asked: metrics of all together, the rest a value each.

    `gains` is what counts, more being better: right or not of classes, the negated absolute error
    of a quantity. `confidence` and `brier` (negated) are of classes.
    """

    metrics: Mapping[str, float]
    gains: Values
    right: npt.NDArray[np.bool_] | None = None
    confidence: Values | None = None
    brier: Values | None = None


def outputs(
    bundle: Bundle,
    records: Sequence[Record],
    jobs: int = 1,
    reach: Reach = NOWHERE,
    apart: Bounds | None = None,
) -> Matrix:
    """Shape [rows, classes] or [rows, 1]; raises RowInvalid, or BundleInvalid for no prediction.

    With more jobs than one, each takes a part of the rows on a worker of joblib's backend. A model
    that is served apart is asked apart, too: it is a stranger's.
    """
    matrix = bundle.table.encode_many(records)
    if jobs == 1 or len(matrix) < jobs:
        return _asked(bundle, matrix, reach, apart)
    key = secrets.token_bytes(32)
    data = bundles.write(bundle, key)
    pieces = joblib.Parallel()(
        joblib.delayed(_piece)(data, key, part, reach, apart)
        for part in np.array_split(matrix, jobs)
    )
    return np.concatenate(pieces)


def told(
    bundle: Bundle,
    records: Sequence[Record],
    reach: Reach = NOWHERE,
    apart: Bounds | None = None,
) -> list[dict[str, object]]:
    """For each row what it is called and how surely, or the code of why there is no answer."""
    schema = bundle.table
    encoded = [_encoded(schema, record, row) for row, record in enumerate(records)]
    good = [each for each in encoded if isinstance(each, tuple)]
    matrix = np.array(good, dtype=np.float64).reshape(len(good), schema.width)
    answers = iter(_answers(schema, _asked(bundle, matrix, reach, apart)) if good else ())
    return [each.as_dict() if isinstance(each, RowInvalid) else next(answers) for each in encoded]


def header(schema: Schema) -> list[str]:
    """The keys of an answer, in order; those of an error follow."""
    if schema.target.task == "regression":
        return [schema.target.name]
    return [schema.target.name, *map(_probability, schema.target.classes)]


def _answers(schema: Schema, outputs: Matrix) -> Iterator[dict[str, object]]:
    names = header(schema)
    for label, values in zip(labels(schema, outputs), outputs.tolist(), strict=True):
        yield dict(zip(names, [label, *values], strict=False))


def _probability(name: str) -> str:
    return f"probability {name}"


def _encoded(schema: Schema, record: Record, row: int) -> tuple[float, ...] | RowInvalid:
    try:
        return schema.encode(record, row)
    except RowInvalid as error:
        return error


def labels(schema: Schema, outputs: Matrix) -> list[str | float]:
    """What a caller reads as the label: a class, or the value."""
    said: list[float] = reference.said(outputs)[:, -1].tolist()
    if schema.target.task == "regression":
        return [*said]
    return [schema.target.classes[int(at)] for at in said]


def scored(schema: Schema, outputs: Matrix, rows: Rows) -> Scored:
    """How each row came out; a label that the model does not know is one it has wrong."""
    metrics = evaluate.metrics(schema, outputs, rows)
    if schema.target.task == "regression":
        truth = np.asarray(rows.labels, dtype=np.float64)
        return Scored(metrics, -np.abs(outputs[:, 0] - truth))
    said = np.array(labels(schema, outputs), dtype=object)
    right = said == np.array([str(label) for label in rows.labels], dtype=object)
    return Scored(
        metrics,
        right.astype(np.float64),
        right,
        outputs.max(axis=1),
        -_brier(schema, outputs, rows),
    )


def _brier(schema: Schema, outputs: Matrix, rows: Rows) -> Values:
    classes = np.array(schema.target.classes, dtype=object)
    truth = np.array([str(label) for label in rows.labels], dtype=object)[:, None] == classes[None]
    halved: Values = 0.5 * ((outputs - truth.astype(np.float64)) ** 2).sum(axis=1)
    return halved


def _asked(bundle: Bundle, matrix: Matrix, reach: Reach, apart: Bounds | None) -> Matrix:
    with closing(bundles.load(bundle, reach=reach, apart=apart)) as runtime:
        if apart is None:
            return bundles.answers(runtime, matrix)
        # A call that takes long is ended, so that no call has many rows.
        starts = range(0, len(matrix), _AT_ONCE)
        return np.concatenate(
            [bundles.answers(runtime, matrix[start : start + _AT_ONCE]) for start in starts]
        )


def _piece(data: bytes, key: bytes, matrix: Matrix, reach: Reach, apart: Bounds | None) -> Any:
    return _asked(bundles.read(data, key), matrix, reach, apart)
