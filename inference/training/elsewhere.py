"""How a model that lives in another server becomes a bundle: asked what it is, and then tried."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from typing import Final

from inference.bundles import Bundle
from inference.core import oipclient
from inference.core.datatypes import DTYPES, Tensor
from inference.core.errors import BundleInvalid, ModelOutputInvalid, ModelRejectedRow
from inference.core.graphs import Graph
from inference.core.oipclient import Gives
from inference.core.reach import Reach
from inference.core.schema import Schema
from inference.core.signature import ANY, MATRIX, REQUEST_ID, Spec
from inference.core.tensors import Array
from inference.runtimes import oip
from inference.runtimes.base import Artefact, Kind
from inference.runtimes.oip import Descriptor, Line, Place
from inference.runtimes.oipgraph import GraphDescriptor, RemoteGraph
from inference.training import graphs, pack
from inference.training.graphs import Records
from inference.training.pack import Identity, Trial

_PROBED: Final = 3  # rows of the trial that show what the model puts out


@dataclass(frozen=True, slots=True)
class Remote:
    """Where the model lives, and what the operator allows.

    `output` names the one that is meant, `input` is NAME:DATATYPE, where asking does not tell.
    """

    place: Place
    reach: Reach
    output: str | None = None
    input: str | None = None


def adopt(identity: Identity, remote: Remote, schema: Schema, trial: Trial) -> Bundle:
    """The bundle of the model over there, tried on these rows.

    Raises BundleInvalid, or ModelUnavailable if its server does not answer.
    """
    rows = schema.encode_many(trial.records[:_PROBED])
    with closing(Line(remote.place.url, remote.reach)) as line:
        descriptor = _descriptor(line, remote, schema, rows)
    artefact = Artefact(Kind.OIP, oip.written(descriptor), schema, reach=remote.reach)
    return pack.pack(identity, artefact, trial)


def adopt_graph(identity: Identity, remote: Remote, records: Records | None, name: str) -> Bundle:
    """The bundle of a model that nobody wrote a schema for: what it says of itself is taken.

    Raises BundleInvalid, or ModelUnavailable if its server does not answer.
    """
    with closing(Line(remote.place.url, remote.reach)) as line:
        descriptor, graph = _described(line, remote.place)
    with closing(RemoteGraph(descriptor, graph, remote.reach)) as runtime:
        rows = graphs.answered(runtime, records)
        return graphs.packed(identity, oip.written(descriptor), runtime, rows, name)


def _described(line: Line, place: Place) -> tuple[GraphDescriptor, Graph]:
    try:
        binary = oipclient.knows_binary(line.get("/v2"))
        inputs, outputs = oipclient.signature(line.get(place.path))
        # A server like ours numbers its answers; here they have numbers of their own.
        kept = tuple(spec for spec in outputs if spec.name != REQUEST_ID)
        graph = Graph(inputs, kept).checked()
    except (ModelOutputInvalid, ValueError) as error:
        sentence = f"The remote's model cannot be taken as it says it is: {error}"
        raise BundleInvalid(f"{sentence} A schema and --remote-input say it otherwise.") from error
    return GraphDescriptor(place=place, binary=binary), graph


def _descriptor(line: Line, remote: Remote, schema: Schema, rows: Array) -> Descriptor:
    try:
        binary = oipclient.knows_binary(line.get("/v2"))
        told = line.get(remote.place.path)
        name, datatype = _named(remote.input) or _reads(oipclient.inputs(told), schema.width)
        matrix = Tensor(name, datatype, rows.astype(DTYPES[datatype]))
        asked = oipclient.asked(matrix, remote.output, binary=binary)
        found = line.infer(remote.place.path, asked)
    except (ModelOutputInvalid, ModelRejectedRow) as error:
        raise BundleInvalid(error.message) from error
    output, given = _output(found, remote.output, len(rows), len(schema.target.classes))
    return Descriptor(
        place=remote.place,
        input=name,
        datatype=datatype,
        output=output,
        gives=given,
        binary=binary,
    )


def _named(wanted: str | None) -> tuple[str, str] | None:
    if wanted is None:
        return None
    name, _, datatype = wanted.rpartition(":")
    if not name or datatype not in oip.READS:
        raise BundleInvalid(f"An input is NAME:FP32 or NAME:FP64, not {wanted[:40]!r}.")
    return name, datatype


def _reads(specs: list[Spec], width: int) -> tuple[str, str]:
    """The one matrix that the model reads. Who says nothing of what he reads gets it in double."""
    if not specs:
        return MATRIX, "FP64"
    if len(specs) != 1 or len(specs[0].shape) != 2 or specs[0].datatype not in oip.READS:
        said = ", ".join(f"{name[:40]} {kind} {shape}" for name, kind, shape in specs[:10])
        sentence = f"The remote must read one matrix of FP32 or FP64; it reads {said}"
        raise BundleInvalid(f"{sentence}. If it takes one as well, name it by --remote-input.")
    if specs[0].shape[1] not in {ANY, width}:
        columns = specs[0].shape[1]
        raise BundleInvalid(f"The remote reads {columns} features, the schema has {width}.")
    return specs[0].name, specs[0].datatype


def _output(found: list[Tensor], wanted: str | None, rows: int, classes: int) -> tuple[str, Gives]:
    if wanted is None:
        return oipclient.chosen(found, rows, classes)
    for each in found:
        if each.name == wanted and (given := oipclient.gives(each, rows, classes)):
            return wanted, given
    offered = ", ".join(oipclient.described(each) for each in found[:10]) or "nothing"
    raise BundleInvalid(f"The remote's {wanted[:40]!r} is no prediction; it put out {offered}.")
