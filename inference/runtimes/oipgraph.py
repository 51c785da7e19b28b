"""How a graph in another server predicts: its tensors go there by name, and come back."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from inference.core import nested, oipclient
from inference.core.datatypes import Tensor
from inference.core.errors import ModelOutputInvalid
from inference.core.graphs import Graph
from inference.core.reach import Reach
from inference.core.signature import Spec
from inference.core.tensors import Array, Tensors
from inference.runtimes import oip
from inference.runtimes.base import Kind
from inference.runtimes.oip import Correspondent, Place


class GraphDescriptor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of such a model; what it takes and gives is the signature that was registered."""

    place: Place
    binary: bool


class RemoteGraph:
    """Asks for the outputs of its signature, a batch at a time."""

    kind = Kind.OIP
    inline_ok = False  # it waits for somebody else: never on the event loop

    def __init__(self, descriptor: GraphDescriptor, graph: Graph, reach: Reach) -> None:
        """Raises BundleInvalid if its server may not be asked."""
        self.graph = graph
        self._wanted = [spec.name for spec in graph.outputs]
        self._binary = descriptor.binary
        self._there = Correspondent(descriptor.place, reach)

    def predict(self, tensors: Tensors) -> Tensors:
        pairs = zip(self.graph.inputs, tensors, strict=True)
        sent = [Tensor(spec.name, spec.datatype, array) for spec, array in pairs]
        asked = oipclient.asked_for(sent, self._wanted, binary=self._binary)
        found = self._there.infer(asked)
        return tuple([_of(spec, found, len(tensors[0])) for spec in self.graph.outputs])

    def ready(self) -> None:
        """Raises ModelUnavailable unless its server says that it is there."""
        self._there.ready()

    def close(self) -> None:
        self._there.close()


def load(data: bytes, graph: Graph, reach: Reach) -> RemoteGraph:
    """The line to it, tried; raises BundleInvalid, or ModelUnavailable if nobody is there now."""
    runtime = RemoteGraph(oip.read(data, GraphDescriptor), graph, reach)
    runtime.ready()
    return runtime


def _of(spec: Spec, found: Sequence[Tensor], rows: int) -> Array:
    for tensor in found:
        if tensor.name == spec.name:
            if tensor.datatype == spec.datatype and nested.fits(
                tensor.array.shape, (rows, *spec.shape[1:])
            ):
                return tensor.array
            raise ModelOutputInvalid(
                f"The remote put out {oipclient.described(tensor)} for {rows} rows."
            )
    raise ModelOutputInvalid(f"The remote put out no {spec.name[:40]}.")
