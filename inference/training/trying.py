"""The child that a stranger's model is tried in: confines itself, makes a bundle, says it, ends.

`python -m inference.training.trying LINE LIFE KIND MEMORY SECONDS`, started by
`inference.services.uploads` and by nobody else. What is said between the two is in
`inference.core.trials`.
"""

from __future__ import annotations

import importlib
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from inference.bundles import Bundle
from inference.core import parcels
from inference.core.errors import BundleInvalid, FormatRefused, TrialFailed, WeirError
from inference.core.trials import MOST, Asked, Told
from inference.runtimes import confinement, loader, pipes
from inference.runtimes.base import Kind
from inference.runtimes.confinement import Bounds
from inference.training import adopt, graphs, pack, suspicion
from inference.training.pack import Identity

# Imports open files, so that all of them come before anything is given up.
_LIBRARIES: Final[Mapping[Kind, Sequence[str]]] = {
    Kind.ONNX: ("inference.runtimes.graph", "sklearn.metrics"),
    Kind.SKOPS: (
        "pandas",
        "skops.io",
        "skl2onnx",
        "inference.runtimes.graph",
        "inference.runtimes.sklearn",
    ),
}
_MESSAGE: Final = 200


def main(arguments: Sequence[str]) -> None:
    line, (kind, memory, seconds) = pipes.ours(arguments, MOST)
    for each in _LIBRARIES[Kind(kind)]:
        importlib.import_module(each)
    confinement.confine(Bounds(int(memory), float(seconds), processor=int(seconds)))
    line.send(b"ready")
    # The parent ends it in time; if the parent hangs, the system does.
    signal.setitimer(signal.ITIMER_REAL, float(seconds) + 5.0)
    line.send(msgspec.msgpack.encode(_told(line.receive())))


def _told(message: bytearray) -> Told:
    try:
        bundle = tried(msgspec.msgpack.decode(message, type=Asked))
    except WeirError as error:
        return Told(trouble=parcels.trouble(error))
    except MemoryError:
        return Told(trouble=parcels.trouble(TrialFailed("The model needs too much memory.")))
    except Exception as error:  # noqa: BLE001  # what a library says to a hostile file may be anything
        sentence = f"The model cannot be used: {type(error).__name__}: {error}"
        return Told(trouble=parcels.trouble(BundleInvalid(sentence[:_MESSAGE])))
    card: dict[str, Any] = msgspec.to_builtins(bundle.card)
    files = {kind.value: data for kind, data in bundle.files.items()}
    return Told(card=card, schema=bundle.schema.to_json(), files=files)


def tried(asked: Asked) -> Bundle:
    """The bundle of these bytes, with golden rows; raises what says why there is none."""
    kind = loader.sniff(asked.data)
    if kind.value != asked.kind:
        raise FormatRefused
    if kind is Kind.ONNX:
        suspicion.check(asked.data)
    identity = Identity(**asked.identity)
    rows = None if asked.rows is None else _rows(asked.rows)
    if asked.schema is None:
        if kind is not Kind.ONNX:
            raise BundleInvalid("A scikit-learn model needs a schema.", field="schema")
        return graphs.pack_graph(identity, asked.data, *adopt.tensors_of(rows, "the upload"))
    schema = adopt.schema_of(asked.schema)
    artefact = adopt.artefact(kind, asked.data, schema)
    return pack.pack(identity, artefact, adopt.trial_of(schema, rows, "the upload"))


def _rows(text: bytes) -> Sequence[Any]:
    """JSON begins with its bracket; what does not is CSV."""
    return adopt.records_of(text, "the upload", csv=not text.lstrip().startswith(b"["))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except pipes.Gone:
        sys.exit(0)  # nobody is left to be told
