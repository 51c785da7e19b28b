"""How an ONNX file of any inputs and outputs becomes a bundle, without a schema."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Final

import numpy as np

from inference.bundles import Bundle, Card, Golden
from inference.core.datatypes import BYTES, DTYPES
from inference.core.graphs import Graph
from inference.core.signature import ANY, Spec
from inference.runtimes import graph as graphs
from inference.runtimes.base import Kind
from inference.training import graph as checking
from inference.training import pack
from inference.training.compile import Report
from inference.training.pack import Identity

_GOLDEN: Final = 16
_SEED: Final = 20260101
Records = Sequence[dict[str, object]]


def pack_graph(identity: Identity, data: bytes, records: Records | None, name: str) -> Bundle:
    """The bundle of the graph in these bytes, tried on the records or else on rows drawn for it.

    Raises BundleInvalid.
    """
    checking.check(data)
    runtime = graphs.load(data)
    if records is None:
        records, name = drawn(runtime.graph), "rows drawn from the signature"
    golden = [dict(record) for record in records[:_GOLDEN]]
    began = perf_counter()
    graphs.answers(runtime, golden[:1])
    took = (perf_counter() - began) * 1e6
    graphs.answers(runtime, list(records))
    card = Card(
        endpoint=identity.endpoint,
        name=identity.name,
        version=identity.version,
        owner=identity.owner,
        description=identity.description,
        code=identity.code,
        serving=Kind.ONNX,
        original=Kind.ONNX,
        libraries=pack.libraries(),
        metrics={},
        report=Report("onnx", "registered as ONNX", name, len(records), compiled_us=took).as_dict(),
        golden=Golden(records=golden, outputs=graphs.answers(runtime, golden)),
    )
    bundle = Bundle(card=card, schema=runtime.graph, files={Kind.ONNX: data})
    graphs.verify(runtime, runtime.graph, golden, card.golden.outputs)
    return bundle


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
