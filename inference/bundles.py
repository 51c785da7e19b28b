"""A model with everything needed to trust and serve it: files, schema, golden rows, report."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from inference import layout, sealing
from inference.core.errors import BundleInvalid, ModelUnavailable, WeirError
from inference.core.graphs import GRAPH, Graph
from inference.core.reach import NOWHERE, Reach
from inference.core.schema import Schema
from inference.core.tensors import Matrix
from inference.layout import Parts
from inference.runtimes import isolated, loader
from inference.runtimes.base import Artefact, Kind, Reads, Runtime, width
from inference.runtimes.confinement import Bounds
from inference.signing import Ring

# Another processor may sum in another order; a different model is further away than that.
_TOLERANCE = 1e-6


class Golden(msgspec.Struct, frozen=True):
    """Raw rows, and what the model said to them on the day it was made."""

    records: list[dict[str, object]]
    outputs: list[list[Any]]  # of a table numbers; of a graph what each output says


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What people want to know of an algorithm, and what we need to serve it.

    `serving` names the file that answers; `original` the one it was compiled from, kept beside it.
    """

    endpoint: str
    name: str
    version: str
    owner: str
    description: str
    code: str = ""
    serving: Kind
    original: Kind
    reads: Reads = "matrix"
    libraries: dict[str, str]
    metrics: dict[str, float]
    report: dict[str, object]
    lineage: dict[str, object] = {}
    reference: dict[str, object] = {}  # how the rows and answers of its training lay
    licence: str = ""  # what its owner allows, in his words
    golden: Golden


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """One algorithm as it is stored and moved."""

    card: Card
    schema: Schema | Graph
    files: Mapping[Kind, bytes]

    @property
    def artefact_hash(self) -> str:
        """Same model, same schema: same hash, whoever describes or measures it."""
        model = hashlib.sha256(self.files[self.card.serving]).hexdigest()
        return hashlib.sha256(
            f"{self.card.serving}:{model}:{self.schema.hash}".encode()
        ).hexdigest()

    @property
    def table(self) -> Schema:
        """The schema of a model of tables; raises BundleInvalid for a graph."""
        if isinstance(self.schema, Graph):
            raise BundleInvalid("This model is a graph and has no schema of features.")
        return self.schema

    def artefact(self, kind: Kind | None = None, reach: Reach = NOWHERE) -> Artefact:
        """The file that serves, or the one of `kind`."""
        kind = kind or self.card.serving
        return Artefact(
            kind=kind,
            data=self.files[kind],
            schema=self.table,
            reads="matrix" if kind is Kind.ONNX else self.card.reads,
            libraries=self.card.libraries,
            reach=reach,
        )


def write(bundle: Bundle, keys: bytes | Ring) -> bytes:
    """The signed file; the same bundle and key always give the same bytes.

    Raises BundleInvalid for what would not be read again, CannotSign without a key that seals.
    """
    _check(bundle)
    card = msgspec.to_builtins(bundle.card)
    parts = Parts(card, bundle.schema.to_json(), dict(bundle.files))
    return sealing.seal(layout.members(parts), keys)


def read(data: bytes, keys: bytes | Ring) -> Bundle:
    """The bundle in these bytes; raises BundleInvalid unless all of it holds together."""
    parts = layout.parts(sealing.unseal(data, keys, layout.NAMES))
    try:
        card = msgspec.convert(parts.card, Card)
    except msgspec.ValidationError as error:
        raise BundleInvalid(f"The bundle's manifest is damaged: {error}") from error
    try:
        schema = described(parts.schema)
    except ValueError as error:
        raise BundleInvalid(f"The bundle's schema is damaged: {error}") from error
    bundle = Bundle(card=card, schema=schema, files=parts.files)
    _check(bundle)
    return bundle


def described(data: Mapping[str, object]) -> Schema | Graph:
    """What a model takes, from its JSON; raises ValueError."""
    return Graph.from_json(data) if GRAPH in data else Schema.from_json(data)


def load(
    bundle: Bundle, kind: Kind | None = None, reach: Reach = NOWHERE, apart: Bounds | None = None
) -> Runtime:
    """The runtime, warm, having answered its golden rows as it should; raises BundleInvalid.

    With bounds to keep `apart` it is in a child of its own, unless it lives in another server.
    Raises ModelUnavailable if that server does not answer now.
    """
    if (kind or bundle.card.serving) is Kind.OIP:
        apart = None
    if isinstance(bundle.schema, Graph):
        return _graph(bundle, bundle.schema, reach, apart)
    artefact = bundle.artefact(kind, reach)
    runtime = isolated.load(artefact, apart) if apart else loader.load(artefact)
    try:
        verify(bundle, runtime)
    except WeirError:
        runtime.close()
        raise
    return runtime


def _graph(bundle: Bundle, graph: Graph, reach: Reach, apart: Bounds | None) -> Runtime:
    from inference.runtimes import graph as graphs  # who opens no graph loads no engine for it

    golden, data = bundle.card.golden, bundle.files[bundle.card.serving]
    runtime = (
        isolated.load_graph(data, graph, apart) if apart else loader.load_graph(data, graph, reach)
    )
    try:
        graphs.verify(runtime, golden.records, golden.outputs)
    except WeirError:
        runtime.close()
        raise
    return runtime


def verify(bundle: Bundle, runtime: Runtime) -> None:
    """Golden rows come out as they did, together and one by one; raises BundleInvalid."""
    expected = np.array(bundle.card.golden.outputs, dtype=np.float64)
    matrix = _golden_matrix(bundle)
    _compare(answers(runtime, matrix), expected)
    for row in range(len(matrix)):
        _compare(answers(runtime, matrix[row : row + 1]), expected[row : row + 1])


def answers(runtime: Runtime, matrix: Matrix) -> Matrix:
    """What the model says to these rows; raises BundleInvalid if it is no prediction.

    Raises ModelUnavailable if it lives in another server that does not answer now.
    """
    try:
        (out,) = runtime.predict((matrix,))
    except ModelUnavailable:
        raise
    except Exception as error:  # the model's code is not ours: whatever it raises, it is unfit
        raise BundleInvalid(f"The model fails on a row: {type(error).__name__}: {error}") from error
    if out.ndim != 2 or len(out) != len(matrix) or not np.isfinite(out).all():
        raise BundleInvalid("The model does not give finite numbers, one row for each row.")
    return out.astype(np.float64, copy=False)


def _check(bundle: Bundle) -> None:
    card = bundle.card
    if card.serving not in bundle.files or card.original not in bundle.files:
        raise BundleInvalid("The bundle lacks a model file that it names.")
    _check_golden(bundle)


def _check_golden(bundle: Bundle) -> None:
    golden = bundle.card.golden
    shape = {len(row) for row in golden.outputs}
    if len(golden.records) != len(golden.outputs) or shape != {_width(bundle.schema)}:
        raise BundleInvalid("The bundle's golden rows do not fit its schema.")


def _width(schema: Schema | Graph) -> int:
    return len(schema.outputs) if isinstance(schema, Graph) else width(schema)


def _golden_matrix(bundle: Bundle) -> Matrix:
    try:
        return bundle.table.encode_many(bundle.card.golden.records)
    except WeirError as error:
        raise BundleInvalid(f"A golden row does not fit the schema: {error}") from error


def _compare(found: Matrix, expected: Matrix) -> None:
    if found.shape != expected.shape or not np.allclose(found, expected, _TOLERANCE, _TOLERANCE):
        raise BundleInvalid("The model no longer answers its golden rows as it did.")
