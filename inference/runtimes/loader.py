"""Which runtime a model file gets: its first bytes decide, never its name or a caller's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inference.core.errors import BundleInvalid
from inference.core.graphs import Graph
from inference.core.reach import Reach
from inference.runtimes.base import Artefact, Kind, Runtime

if TYPE_CHECKING:
    from inference.runtimes.graph import GraphRuntime
    from inference.runtimes.oipgraph import RemoteGraph

_COMPRESSED_PICKLES = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"\x5d\x00\x00", b"\x04\x22\x4d\x18")
# An ONNX file starts with its first field, the version of the format: 3 to 13 so far.
_ONNX_FIELD = 0x08
_ONNX_VERSIONS = range(3, 32)
_ZLIB_CMF = 0x78
_DESCRIPTOR = b'{"place":'  # as `oip.written` begins


def sniff(data: bytes) -> Kind:
    """What these bytes are; raises BundleInvalid if they are no model file we know."""
    if data.startswith(b"PK\x03\x04"):
        return Kind.SKOPS
    if _is_onnx(data):
        return Kind.ONNX
    if _is_pickle(data):
        return Kind.JOBLIB
    if data.startswith(_DESCRIPTOR):
        return Kind.OIP
    raise BundleInvalid("This is neither an ONNX, a skops nor a joblib file.")


def load(artefact: Artefact) -> Runtime:
    """The loaded model; raises BundleInvalid if it is not what it says or cannot be loaded."""
    found = sniff(artefact.data)
    if found is not artefact.kind:
        raise BundleInvalid(f"The model says it is {artefact.kind}, its bytes say {found}.")
    if artefact.kind is Kind.ONNX:
        from inference.runtimes import onnx

        return onnx.load(artefact)
    if artefact.kind is Kind.OIP:
        from inference.runtimes import oip

        return oip.load(artefact)
    from inference.runtimes import sklearn

    return sklearn.load(artefact)


def load_graph(data: bytes, graph: Graph, reach: Reach) -> GraphRuntime | RemoteGraph:
    """A model that takes and gives tensors as they are, here or in another server."""
    if sniff(data) is Kind.OIP:
        from inference.runtimes import oipgraph

        return oipgraph.load(data, graph, reach)
    from inference.runtimes import graph as graphs

    return graphs.load(data, graph)


def _is_onnx(data: bytes) -> bool:
    return len(data) > 2 and data[0] == _ONNX_FIELD and data[1] in _ONNX_VERSIONS


def _is_pickle(data: bytes) -> bool:
    if len(data) < 2:
        return False
    plain = data[0] == 0x80 and 2 <= data[1] <= 5
    # The two bytes of a zlib header, read as one number, are a multiple of 31.
    zlib = data[0] == _ZLIB_CMF and int.from_bytes(data[:2], "big") % 31 == 0
    return plain or zlib or data.startswith(_COMPRESSED_PICKLES)
