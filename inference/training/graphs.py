"""How an ONNX file of any inputs and outputs becomes a bundle, without a schema."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import accumulate
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import msgspec
import numpy as np

from inference.bundles import Bundle, Card, Golden
from inference.core.datatypes import BYTES, DTYPES
from inference.core.errors import BundleInvalid
from inference.core.graphs import Graph
from inference.core.signature import ANY, Spec
from inference.runtimes import graph as graphs
from inference.runtimes import onnx
from inference.runtimes.base import Kind
from inference.runtimes.graph import GraphRuntime
from inference.runtimes.oipgraph import RemoteGraph
from inference.training import graph as checking
from inference.training import pack
from inference.training.compile import Report
from inference.training.pack import Identity

_GOLDEN: Final = 16
_MOST_BYTES: Final = 1 << 20  # of golden rows, as JSON
_SEED: Final = 20260101
Records = Sequence[dict[str, object]]
Loaded = GraphRuntime | RemoteGraph


def pack_graph(identity: Identity, data: bytes, records: Records | None, name: str) -> Bundle:
    """The bundle of the graph in these bytes, tried on the records or else on rows drawn for it.

    Raises BundleInvalid.
    """
    checking.check(data)
    runtime, tried = _found(onnx.session(data), records)
    return packed(identity, data, runtime, tried, name)


def packed(identity: Identity, data: bytes, runtime: Loaded, tried: Records, name: str) -> Bundle:
    """The bundle of a graph that answers these rows, here or in another server."""
    golden, kind = few(tried), runtime.kind
    began = perf_counter()
    graphs.answers(runtime, golden[:1])
    took = (perf_counter() - began) * 1e6
    decision = "remote" if kind is Kind.OIP else "onnx"
    report = Report(decision, _described(runtime.graph), name, len(tried), compiled_us=took)
    card = Card(
        **asdict(identity),
        serving=kind,
        original=kind,
        libraries=pack.libraries(),
        metrics={},
        report=report.as_dict(),
        golden=Golden(records=golden, outputs=graphs.answers(runtime, golden)),
    )
    return Bundle(card=card, schema=runtime.graph, files={kind: data})


def few(records: Records) -> list[dict[str, object]]:
    """Those that are kept with the model; rows may be pictures, and the manifest is text."""
    sizes = accumulate(len(msgspec.json.encode(record)) for record in records[:_GOLDEN])
    kept = [record for record, size in zip(records, sizes, strict=False) if size <= _MOST_BYTES]
    return [dict(record) for record in kept or records[:1]]


def _found(session: Any, records: Records | None) -> tuple[GraphRuntime, Records]:
    """In batches if rows come out as they go in and mind no neighbours, else row by row.

    Some mind them, as what is quantized as it goes; others have no batch, and a first dimension
    that may vary is that of a text or a series.
    """
    if not graphs.can_batch(session):
        return _tried(GraphRuntime(session, graphs.row_by_row(session)), records)
    batched = GraphRuntime(session, graphs.rows_first(session))
    if not _keeps_count(batched, records):
        return _tried(GraphRuntime(session, graphs.row_by_row(session)), records)
    try:
        return _tried(batched, records)
    except BundleInvalid:
        alone = replace(batched.graph, batched=False)
        return _tried(GraphRuntime(session, alone), records)


def _keeps_count(runtime: GraphRuntime, records: Records | None) -> bool:
    """Whether two rows come out as two, and three as three; the same one again will do.

    Two alone say little: a series of two may as well have come out as one row of two values.
    """
    rows = list(records or drawn(runtime.graph))
    try:
        for count in (2, 3):
            graphs.answers(runtime, [*rows, *rows, *rows][:count])
    except BundleInvalid:
        return False
    return True


def _tried(runtime: GraphRuntime, records: Records | None) -> tuple[GraphRuntime, Records]:
    return runtime, answered(runtime, records)


def answered(runtime: Loaded, records: Records | None) -> Records:
    """The records, or drawn ones, which it answers alike together and alone."""
    rows = records or drawn(runtime.graph)
    try:
        graphs.verify(runtime, rows, graphs.answers(runtime, rows))
    except BundleInvalid as error:
        hint = "" if records else " These rows were drawn; --rows tries it on others."
        raise BundleInvalid(f"{error.message}{hint}") from error
    return rows


def _described(graph: Graph) -> str:
    """What it takes and gives, for the one who registered it."""
    how = "in batches" if graph.batched else "row by row"
    sides = [", ".join(map(_shown, specs)) for specs in (graph.inputs, graph.outputs)]
    return f"a graph, {how}: {sides[0]} -> {sides[1]}"


def _shown(spec: Spec) -> str:
    return f"{spec.name} {spec.datatype} {list(spec.shape)}"


def drawn(graph: Graph) -> Records:
    """Rows the signature allows, always the same; a free size is 1, an integer 0 or 1."""
    dice = np.random.default_rng(_SEED)
    return [{s.name: _drawn(s, dice) for s in graph.inputs} for _ in range(_GOLDEN)]


def _drawn(spec: Spec, dice: np.random.Generator) -> Any:
    shape = [1 if size == ANY else size for size in spec.shape[1:]]
    if spec.datatype == BYTES:
        return dice.choice(np.array(["a", "b", "c"]), shape).tolist()
    dtype = DTYPES[spec.datatype]
    if dtype.kind == "f":
        return dice.random(shape).astype(dtype).tolist() if shape else float(dice.random())
    return dice.integers(0, 2, shape).astype(dtype).tolist()


def is_bare(path: Path, schema: Path, *, named: bool) -> bool:
    """Whether this is a graph that nobody wrote a schema for."""
    return path.suffix.lower() == ".onnx" and not named and not schema.exists()
