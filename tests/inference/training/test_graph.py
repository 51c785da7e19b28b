"""An ONNX file from elsewhere is one file, and a valid one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from inference.core.errors import BundleInvalid
from inference.training import graph


def external(location: str) -> onnx.TensorProto:
    tensor = numpy_helper.from_array(np.ones(4, np.float32), "weights")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    return tensor


def model(*nodes: onnx.NodeProto, weights: list[onnx.TensorProto]) -> bytes:
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, 4])
    out = helper.make_tensor_value_info("out", TensorProto.FLOAT, [None, 4])
    body = helper.make_graph(list(nodes), "graph", [rows], [out], weights)
    made = helper.make_model(body, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    data: bytes = made.SerializeToString()
    return data


ADD = helper.make_node("Add", ["rows", "weights"], ["out"])


def test_a_whole_model_passes() -> None:
    graph.check(model(ADD, weights=[numpy_helper.from_array(np.ones(4, np.float32), "weights")]))


@pytest.mark.parametrize("location", ["weights.bin", "../../../etc/passwd", "/etc/passwd"])
def test_weights_in_another_file_are_refused(location: str) -> None:
    with pytest.raises(BundleInvalid, match="other files"):
        graph.check(model(ADD, weights=[external(location)]))


def test_weights_in_another_file_are_found_inside_an_attribute() -> None:
    constant = helper.make_node("Constant", [], ["weights"], value=external("weights.bin"))

    with pytest.raises(BundleInvalid, match="other files"):
        graph.check(model(constant, ADD, weights=[]))


def test_weights_in_another_file_are_found_inside_a_branch() -> None:
    constant = helper.make_node("Constant", [], ["inner"], value=external("weights.bin"))
    out = helper.make_tensor_value_info("inner", TensorProto.FLOAT, [4])
    branch = helper.make_graph([constant], "branch", [], [out])
    choose = helper.make_node("If", ["yes"], ["weights"], then_branch=branch, else_branch=branch)
    yes = numpy_helper.from_array(np.array(True), "yes")

    with pytest.raises(BundleInvalid, match="other files"):
        graph.check(model(choose, ADD, weights=[yes]))


def test_a_node_nobody_knows_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="not valid"):
        graph.check(model(helper.make_node("NoSuchOp", ["rows"], ["out"]), weights=[]))


@pytest.mark.parametrize("data", [b"\x08\x09 nonsense", b"\x80\x04K\x01.", bytes(100)])
def test_what_is_no_model_is_refused(data: bytes) -> None:
    with pytest.raises(BundleInvalid):
        graph.check(data)


def test_a_check_touches_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(bytes(16))

    with pytest.raises(BundleInvalid, match="other files"):
        graph.check(model(ADD, weights=[external("weights.bin")]))
