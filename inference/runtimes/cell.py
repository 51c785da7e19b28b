"""The child that an isolated model lives in: confines itself, loads, answers until nobody asks.

`python -m inference.runtimes.cell LINE LIFE KIND MEMORY SECONDS`, started by
`inference.runtimes.isolated` and by nobody else.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from inference.core import parcels
from inference.core.errors import ModelCrashed, ModelError, ModelRejectedRow, WeirError
from inference.core.graphs import Graph
from inference.core.parcels import Block, Trouble
from inference.core.reach import NOWHERE
from inference.core.schema import Schema
from inference.core.tensors import Tensors
from inference.runtimes import confinement, loader, pipes
from inference.runtimes.base import Artefact, Kind, Reads, Runtime
from inference.runtimes.confinement import Bounds

MOST: Final = 1 << 30  # bytes of one message
_MESSAGE: Final = 200
# What a kind of model needs is imported before anything is given up: imports open files.
_LIBRARIES: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.ONNX: ("inference.runtimes.onnx", "inference.runtimes.graph"),
    Kind.SKOPS: ("inference.runtimes.sklearn", "skops.io"),
    Kind.JOBLIB: ("inference.runtimes.sklearn",),
}


class Given(msgspec.Struct, array_like=True):
    """A model to be loaded; `schema` is a graph's, or a table's."""

    data: bytes
    schema: dict[str, Any]
    is_graph: bool
    reads: Reads
    libraries: dict[str, str]


class Said(msgspec.Struct, array_like=True):
    """The outputs, or what went wrong."""

    blocks: list[Block]
    trouble: Trouble | None = None


def main(arguments: Sequence[str]) -> None:
    line, (kind, memory, seconds) = pipes.ours(arguments, MOST)
    for each in _LIBRARIES[Kind(kind)]:
        importlib.import_module(each)
    bounds = Bounds(int(memory), float(seconds))
    confinement.confine(bounds)
    given = msgspec.msgpack.decode(line.receive(), type=Given)
    try:
        runtime = _loaded(Kind(kind), given)
    except Exception as error:  # noqa: BLE001  # whatever a library says to bytes it cannot read
        line.send(msgspec.msgpack.encode(Said([], _told(error))))
        return
    del given
    line.send(msgspec.msgpack.encode(Said([])))
    _serve(line, runtime, bounds.seconds)


def _loaded(kind: Kind, given: Given) -> Runtime:
    if given.is_graph:
        return loader.load_graph(given.data, Graph.from_json(given.schema), NOWHERE)
    schema = Schema.from_json(given.schema)
    return loader.load(Artefact(kind, given.data, schema, given.reads, given.libraries))


def _serve(line: pipes.Line, runtime: Runtime, seconds: float) -> None:
    while True:
        asked = msgspec.msgpack.decode(line.receive(), type=list[Block])
        # The parent ends a call that hangs; if the parent is gone, the system does.
        signal.setitimer(signal.ITIMER_REAL, 2 * seconds)
        said = _answer(runtime, tuple(map(parcels.unpacked, asked)))
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        line.send(msgspec.msgpack.encode(said))


def _answer(runtime: Runtime, tensors: Tensors) -> Said:
    try:
        return Said([parcels.packed(array) for array in runtime.predict(tensors)])
    except Exception as error:  # noqa: BLE001  # around the model, as in `engine.compute`
        return Said([], _told(error))


def _told(error: Exception) -> Trouble:
    """As the engine would have said it of a model in its own process."""
    if isinstance(error, WeirError):
        return parcels.trouble(error)
    if isinstance(error, MemoryError) or "alloc" in str(error):
        return parcels.trouble(ModelCrashed("The model needs more memory than it may have."))
    if isinstance(error, ValueError | TypeError):
        return parcels.trouble(ModelRejectedRow(str(error)[:_MESSAGE]))
    return parcels.trouble(ModelError(f"{type(error).__name__}: {error}"[:_MESSAGE]))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except pipes.Gone:
        sys.exit(0)  # nobody is left to be answered
