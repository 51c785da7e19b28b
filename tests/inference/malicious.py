"""Files that would do harm, or much work, in a loader that trusts what it is given.

Those that run code would leave a file at `canary()`.
"""

from __future__ import annotations

import io
import json
import os
import struct
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
from onnx import TensorProto, helper
from skops import io as skops

from tests.inference import artefacts, onnxgraphs

FLOAT: Final = TensorProto.FLOAT


def canary() -> Path:
    """Where whatever was run would have left its mark; of this process alone."""
    return Path(tempfile.gettempdir()) / f"weir-canary-{os.getpid()}"


class _Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (canary(), "it ran")


def pickled() -> bytes:
    return artefacts.dump(_Payload())


def compressed_pickle() -> bytes:
    buffer = io.BytesIO()
    joblib.dump(_Payload(), buffer, compress=("zlib", 3))
    return buffer.getvalue()


def _zip(*entries: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        warnings.simplefilter("ignore")  # of a name that stands twice
        for name, data in entries:
            file.writestr(name, data)
    return buffer.getvalue()


def pickle_in_a_zip() -> bytes:
    return _zip(("schema.json", b"{}"), ("data.pkl", pickled()))


def pickle_in_an_array() -> bytes:
    """An array of objects, which numpy would unpickle if it were allowed to."""
    array = io.BytesIO()
    np.save(array, np.array([_Payload()], dtype=object), allow_pickle=True)
    node: dict[str, object] = {
        "__class__": "ndarray",
        "__module__": "numpy",
        "__loader__": "NdArrayNode",
    }
    node |= {"type": "numpy", "file": "a.npy", "__id__": 1}
    schema = {**node, "protocol": 2, "_skops_version": "0.16.0"}
    return _zip(("schema.json", json.dumps(schema).encode()), ("a.npy", array.getvalue()))


def zip_bomb() -> bytes:
    return _zip(("schema.json", b"\0" * (64 << 20)))


def traversal() -> bytes:
    return _zip(("schema.json", b"{}"), (f"../../..{canary()}.npy", b"x"))


def link() -> bytes:
    entry = zipfile.ZipInfo("a.npy")
    entry.create_system = 3
    entry.external_attr = 0o120777 << 16
    return _zip(("schema.json", b"{}"), (entry, b"/etc/passwd"))


def name_twice() -> bytes:
    return _zip(("schema.json", b"{}"), ("schema.json", b'{"another": 1}'))


def zip64_lie() -> bytes:
    """A directory that promises four exbibytes in its extra field."""
    data = _zip(("schema.json", b"{}"))
    at = data.rindex(b"PK\x01\x02")
    head, rest = bytearray(data[at : at + 46]), data[at + 46 :]
    name = rest[: len("schema.json")]
    struct.pack_into("<II", head, 20, 0xFFFFFFFF, 0xFFFFFFFF)
    struct.pack_into("<H", head, 30, 20)
    extra = struct.pack("<HHQQ", 1, 16, 1 << 62, 1 << 62)
    end = bytearray(rest[len(name) :])
    struct.pack_into("<I", end, 12, 46 + len(name) + len(extra))
    return data[:at] + bytes(head) + name + extra + bytes(end)


def foreign_types() -> bytes:
    """A function of the system where the estimator should be."""
    return bytes(skops.dumps(partial(os.system, f"touch {canary()}")))


def hidden_operator() -> bytes:
    """An operator under the name of a type that is trusted."""
    text = {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode"}
    word = {**text, "is_json": True, "content": json.dumps(f"touch {canary()}")}
    system: dict[str, object] = {
        "__class__": "system",
        "__module__": "posix",
        "__loader__": "FunctionNode",
    }
    system |= {"content": {"function": "system", "module_path": "posix"}, "__id__": 3}
    schema = {
        "__class__": "call",
        "__module__": "sklearn.linear_model._stochastic_gradient.SGDRegressor",
        "__loader__": "OperatorFuncNode",
        "attrs": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [system, word],
            "__id__": 2,
        },
        "__id__": 1,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }
    return _zip(("schema.json", json.dumps(schema).encode()))


def _model(*nodes: Any, tensors: Any = (), domains: Any = (), columns: int = 1) -> Any:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info("x", FLOAT, ["n", columns])],
        [helper.make_tensor_value_info("y", FLOAT, ["n", columns])],
        list(tensors),
    )
    opsets = [helper.make_opsetid("", 21), *(helper.make_opsetid(each, 1) for each in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def external_data() -> bytes:
    """Weights that are another file of the machine that loads them."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1, 1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../../../../../etc/passwd")
    node = helper.make_node("Add", ["x", "w"], ["y"])
    return bytes(_model(node, tensors=[tensor]).SerializeToString())


def foreign_domain() -> bytes:
    node = helper.make_node("Touch", ["x"], ["y"], domain="evil.ops")
    return bytes(_model(node, domains=["evil.ops"]).SerializeToString())


def huge_tensor() -> bytes:
    """Two numbers that say they are 2^60."""
    tensor = TensorProto(name="w", data_type=FLOAT, dims=[1 << 30, 1 << 30])
    tensor.raw_data = b"\0" * 8
    node = helper.make_node("Add", ["x", "w"], ["y"])
    return bytes(_model(node, tensors=[tensor]).SerializeToString())


def huge_input() -> bytes:
    return bytes(_model(helper.make_node("Neg", ["x"], ["y"]), columns=1 << 40).SerializeToString())


def deep_graphs() -> bytes:
    """A graph in a graph in a graph."""
    output = helper.make_tensor_value_info("y", FLOAT, None)
    inner = helper.make_graph([helper.make_node("Neg", ["x"], ["y"])], "g", [], [output])
    for _ in range(12):
        node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        inner = helper.make_graph([node], "g", [], [output])
        if inner.ByteSize() > 1 << 20:
            break
    condition = helper.make_node("Constant", [], ["c"], value_ints=[1])
    cast = helper.make_node("Cast", ["c"], ["c2"], to=TensorProto.BOOL)
    return bytes(_model(condition, cast, *inner.node).SerializeToString())


def own_functions() -> bytes:
    body = [helper.make_node("Neg", ["a"], ["b"])]
    opsets = [helper.make_opsetid("", 21)]
    function = helper.make_function("own", "f", ["a"], ["b"], body, opsets)
    model = _model(helper.make_node("f", ["x"], ["y"], domain="own"), domains=["own"])
    model.functions.append(function)
    return bytes(model.SerializeToString())


def truncated() -> bytes:
    data = onnxgraphs.parsed(onnxgraphs.WEIGHED)
    return data[: len(data) // 2]


def polyglot() -> bytes:
    """ONNX for who reads the beginning, a pickle for who searches."""
    return onnxgraphs.parsed(onnxgraphs.LOG) + pickled()


def onnx_and_zip() -> bytes:
    """ONNX for who reads the beginning, a zip for who reads the end."""
    return onnxgraphs.parsed(onnxgraphs.LOG) + pickle_in_a_zip()


# By what each is, with the names under which it may come.
FILES: Final[Mapping[str, tuple[Callable[[], bytes], str]]] = {
    "a pickle called ONNX": (pickled, "model.onnx"),
    "a pickle called skops": (pickled, "model.skops"),
    "a pickle called a bundle": (pickled, "model.weir"),
    "a compressed pickle called ONNX": (compressed_pickle, "model.onnx"),
    "a pickle in a zip": (pickle_in_a_zip, "model.skops"),
    "a pickle in an array": (pickle_in_an_array, "model.skops"),
    "a zip bomb": (zip_bomb, "model.skops"),
    "a path out of the archive": (traversal, "model.skops"),
    "a link in the archive": (link, "model.skops"),
    "a name that stands twice": (name_twice, "model.skops"),
    "a lie about sizes": (zip64_lie, "model.skops"),
    "types that are not trusted": (foreign_types, "model.skops"),
    "an operator in disguise": (hidden_operator, "model.skops"),
    "weights in another file": (external_data, "model.onnx"),
    "operators of its own": (foreign_domain, "model.onnx"),
    "a tensor larger than its file": (huge_tensor, "model.onnx"),
    "a row that nobody has": (huge_input, "model.onnx"),
    "graphs within graphs": (deep_graphs, "model.onnx"),
    "functions of its own": (own_functions, "model.onnx"),
    "half a file": (truncated, "model.onnx"),
    "ONNX and a pickle": (polyglot, "model.onnx"),
    "ONNX and a zip": (onnx_and_zip, "model.onnx"),
}
