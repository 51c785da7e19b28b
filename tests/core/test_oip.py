"""What a client may ask, JSON and binary, and everything he may get wrong."""

from __future__ import annotations

import json
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as arrays

from inference.core import datatypes, oip
from inference.core.datatypes import BYTES, DTYPES, Tensor
from inference.core.errors import (
    InputError,
    JsonInvalid,
    RequestInvalid,
    RowInvalid,
    TooLarge,
    Unsupported,
    WeirError,
)
from inference.core.oip import Request, Want
from inference.core.precedence import Level
from inference.core.signature import Spec

ONE: dict[str, Any] = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}
SIZE = "binary_data_size"


def said(*inputs: dict[str, Any], **other: Any) -> bytes:
    return json.dumps({"inputs": list(inputs), **other}).encode()


def one(**other: Any) -> dict[str, Any]:
    return {**ONE, **other}


def binary(size: Any, **other: Any) -> dict[str, Any]:
    return {"name": "x", "shape": [2], "datatype": "FP32", "parameters": {SIZE: size}, **other}


def read(head: bytes, tail: bytes = b"") -> Request:
    return oip.read(head + tail, len(head))


def test_json_alone_needs_no_length() -> None:
    found = oip.read(said(ONE), None)
    assert found.inputs[0].array.tolist() == [1.0, 2.0]
    assert found[1:] == ([], None, False, None, Level.USUAL)
    assert read(said(ONE)).inputs[0].array.tolist() == [1.0, 2.0]


def test_what_is_asked_for_is_kept() -> None:
    outputs = [
        {"name": "a", "parameters": {"binary_data": True}},
        {"name": "b", "parameters": {"binary_data": False}},
        {"name": "c"},
        {"name": "d", "parameters": None},
    ]
    parameters = {"binary_data_output": True, "timeout": 250_000, "priority": 3, "mine": "x"}
    found = oip.read(said(ONE, id="é 1", parameters=parameters, outputs=outputs), None)
    assert found.wants == [Want("a", True), Want("b", False), Want("c"), Want("d")]
    assert (found.id, found.binary, found.timeout) == ("é 1", True, 0.25)
    assert found.level is Level.LAST


def test_null_says_nothing() -> None:
    body = said(one(parameters=None), id=None, parameters=None, outputs=None, unknown={"deep": [1]})
    assert oip.read(body, None)[1:] == ([], None, False, None, Level.USUAL)
    assert read(said(binary(8, data=None)), bytes(8)).inputs[0].array.tolist() == [0, 0]


@pytest.mark.parametrize("priority", [-1, 1.0, "1", True, []])
def test_a_priority_is_a_whole_number(priority: object) -> None:
    with pytest.raises(RequestInvalid, match="priority"):
        oip.read(said(ONE, parameters={"priority": priority}), None)


def test_no_patience_is_the_usual_patience() -> None:
    assert oip.read(said(ONE, parameters={"timeout": 0}), None).timeout is None


def test_patience_may_be_larger_than_any_float() -> None:
    body = said(ONE, parameters={"timeout": 10**400})
    assert (oip.read(body, None).timeout or 0) > 1e9


def test_tensors_lie_behind_the_header_in_the_order_of_the_inputs() -> None:
    numbers, texts = np.array([1.5, 2.5], "<f4"), datatypes.texts("t", ["a", "bc"]).array
    tail = numbers.tobytes() + datatypes.encoded(texts)
    head = said(
        binary(8),
        one(name="y"),
        {"name": "t", "shape": [2], "datatype": BYTES, "parameters": {SIZE: 11}},
    )
    found = read(head, tail)
    assert [each.name for each in found.inputs] == ["x", "y", "t"]
    assert [each.array.tolist() for each in found.inputs] == [[1.5, 2.5], [1, 2], [b"a", b"bc"]]


TENSORS = st.sampled_from(sorted(DTYPES)).flatmap(
    lambda datatype: st.tuples(st.just(datatype), arrays.array_shapes(max_dims=3, max_side=3))
)


def drawn(data: st.DataObject, name: str, datatype: str, shape: tuple[int, ...]) -> Tensor:
    if datatype == BYTES:
        count = datatypes.count(shape)
        texts = data.draw(st.lists(st.text(max_size=4), min_size=count, max_size=count))
        return Tensor(name, BYTES, datatypes.texts(name, texts).array.reshape(shape))
    return Tensor(name, datatype, data.draw(arrays.arrays(DTYPES[datatype], shape)))


@given(st.data(), st.lists(st.tuples(TENSORS, st.booleans()), min_size=1, max_size=4))
def test_any_mixture_of_tensors_survives(data: st.DataObject, kinds: list[Any]) -> None:
    inputs, tail, tensors = [], b"", []
    for at, ((datatype, shape), as_json) in enumerate(kinds):
        tensor = drawn(data, str(at), datatype, shape)
        tensors.append(tensor)
        described = {"name": str(at), "shape": shape, "datatype": datatype}
        if as_json and (datatype == BYTES or np.isfinite(tensor.array).all()):
            values = tensor.array.tolist()
            texts = json.loads(json.dumps(values, default=bytes.decode))
            inputs.append({**described, "data": texts})
        else:
            encoded = datatypes.encoded(tensor.array)
            inputs.append({**described, "parameters": {SIZE: len(encoded)}})
            tail += encoded

    for ours, theirs in zip(tensors, read(said(*inputs), tail).inputs, strict=True):
        assert ours[:2] == theirs[:2]
        assert datatypes.encoded(ours.array) == datatypes.encoded(theirs.array)
        assert ours.array.shape == theirs.array.shape


@pytest.mark.parametrize(
    ("head", "tail", "kind", "message"),
    [
        (b"", b"", JsonInvalid, "JSON parse error"),
        (b"{", b"", JsonInvalid, "JSON parse error"),
        (b"[" * 100_000, b"", WeirError, ""),
        (b'{"inputs":' + b"[" * 100_000, b"", WeirError, ""),
        (b'{"x":' * 50_000, b"", JsonInvalid, ""),
        (b'{"inputs": [], "x": NaN}', b"", JsonInvalid, "null is a missing value"),
        (b"[]", b"", RequestInvalid, "Expected `object`"),
        (b"{}", b"", RequestInvalid, "`inputs`"),
        (b'{"inputs": []}', b"", RequestInvalid, "at least one input"),
        (b'{"inputs": {}}', b"", RequestInvalid, "$.inputs"),
        (b"\xff", b"", JsonInvalid, ""),
        (said({"name": "x"}), b"", RequestInvalid, "`shape`"),
        (said(one(name=1)), b"", RequestInvalid, "$.inputs[0].name"),
        (said(one(shape="2")), b"", RequestInvalid, "$.inputs[0].shape"),
        (said(one(shape=[2.5])), b"", RequestInvalid, "$.inputs[0].shape"),
        (said(one(shape=[-2])), b"", RowInvalid, "negative"),
        (said(one(shape=[2**62, 2**62])), b"", RowInvalid, "more than there is"),
        (said(one(datatype="FP8")), b"", RowInvalid, "no datatype"),
        (said(one(data=[1])), b"", RowInvalid, "2 elements, not 1"),
        (said(one(data=None)), b"", RequestInvalid, "has data"),
        (said(one(parameters=[])), b"", RequestInvalid, "parameters"),
        (said(ONE, ONE), b"", RequestInvalid, "Two inputs"),
        (said(ONE, outputs=[{"name": "a"}] * 2), b"", RequestInvalid, "Two outputs"),
        (said(ONE, outputs=[{}]), b"", RequestInvalid, "`name`"),
        (said(ONE, outputs={}), b"", RequestInvalid, "$.outputs"),
        (said(ONE, id=7), b"", RequestInvalid, "$.id"),
        (said(ONE, parameters={"timeout": "1"}), b"", RequestInvalid, "microseconds"),
        (said(ONE, parameters={"timeout": True}), b"", RequestInvalid, "microseconds"),
        (said(ONE, parameters={"timeout": -1}), b"", RequestInvalid, "microseconds"),
        (said(ONE, parameters={"binary_data_output": 1}), b"", RequestInvalid, "true or false"),
        (said(ONE, parameters={"sequence_id": 5}), b"", Unsupported, "sequence_id"),
        (
            said(ONE, outputs=[{"name": "a", "parameters": {"classification": 2}}]),
            b"",
            Unsupported,
            "classification",
        ),
        (
            said(one(parameters={"shared_memory_region": "r"})),
            b"",
            Unsupported,
            "shared_memory_region",
        ),
        (said(one(parameters={"content_type": "base64"})), b"", Unsupported, "base64"),
        (said(ONE), b"x", RequestInvalid, "1 bytes of nobody"),
        (said(binary(8)), bytes(7), RequestInvalid, "ends before"),
        (said(binary(8)), bytes(9), RequestInvalid, "1 bytes of nobody"),
        (said(binary(4)), bytes(4), RowInvalid, "8 bytes, not 4"),
        (said(binary(-8)), bytes(8), RequestInvalid, "a number of bytes"),
        (said(binary(8.0)), bytes(8), RequestInvalid, "a number of bytes"),
        (said(binary(10**30)), bytes(8), RequestInvalid, ""),
        (said(binary(True)), bytes(8), RequestInvalid, "a number of bytes"),
        (said(binary(8, data=[1, 2])), bytes(8), RequestInvalid, "one place only"),
    ],
)
def test_what_cannot_be_used_is_refused(
    head: bytes, tail: bytes, kind: type[WeirError], message: str
) -> None:
    with pytest.raises(kind) as refused:
        read(head, tail)
    assert message in refused.value.message
    assert len(refused.value.message) < 400


def test_a_header_is_no_longer_than_the_body() -> None:
    with pytest.raises(RequestInvalid, match="only 2"):
        oip.read(b"{}", 3)


@pytest.mark.parametrize(
    ("text", "length"), [("", None), ("0", 0), ("12", 12), ("1" * 19, int("1" * 19))]
)
def test_the_length_of_a_header(text: str, length: int | None) -> None:
    assert oip.head_length(text) == length


@pytest.mark.parametrize(
    "text", ["-1", "1.5", "x", " 1", "1" * 20, "\N{FULLWIDTH DIGIT ONE}", "0x1"]
)
def test_what_is_no_length(text: str) -> None:
    with pytest.raises(RequestInvalid):
        oip.head_length(text)


# -- without a header ------------------------------------------------------------------------------


def test_a_body_that_is_nothing_but_a_matrix() -> None:
    array = np.arange(6, dtype="<f8").reshape(3, 2)
    found = oip.raw(array.tobytes(), [Spec("input", "FP64", (-1, 2))])
    assert found.inputs[0].array.tolist() == array.tolist()
    assert found.binary


def test_a_body_that_is_one_element() -> None:
    found = oip.raw(b"\xff\xd8 a picture", [Spec("image", BYTES, (-1,))])
    assert found.inputs[0].array.tolist() == [b"\xff\xd8 a picture"]


@pytest.mark.parametrize(
    ("body", "specs"),
    [
        (bytes(15), [Spec("x", "FP64", (-1, 2))]),
        (b"", [Spec("x", "FP64", (-1, 2))]),
        (bytes(16), [Spec("x", "FP64", (-1, -1))]),
        (bytes(16), [Spec("x", "FP64", (-1,))] * 2),
        (bytes(16), []),
        (bytes(16), [Spec("x", "FP64", (-1, 0))]),
    ],
)
def test_a_body_without_a_header_must_fit_the_one_tensor(body: bytes, specs: list[Spec]) -> None:
    with pytest.raises(InputError):
        oip.raw(body, specs)


@given(st.binary(max_size=60), st.integers(0, 80) | st.none())
def test_any_body_is_a_request_or_is_refused(body: bytes, length: int | None) -> None:
    for data in (body, said(binary(8)) + body, said(ONE)[: len(body)] + body):
        try:
            oip.read(data, length)
        except InputError:
            continue


def test_too_many_rows_are_refused_before_they_are_read() -> None:
    """Their data is none, which nobody gets to see."""
    body = said({**ONE, "shape": [5, 1], "data": "no data"})

    with pytest.raises(TooLarge, match="at most 4 rows, not 5"):
        oip.read(body, None, 4)
    with pytest.raises(RowInvalid):
        oip.read(body, None, 5)


def test_what_is_no_tensor_at_all_is_told_that_first() -> None:
    for shape in ([10**4000], [2**32, 2**32], [5, -1]):
        with pytest.raises(RowInvalid):
            oip.read(said({**ONE, "shape": shape}), None, 4)


def test_there_are_not_more_inputs_than_a_model_can_have() -> None:
    body = json.dumps({"inputs": [{**ONE, "name": str(n)} for n in range(4097)]}).encode()

    with pytest.raises(RequestInvalid, match="at most 4096 inputs"):
        oip.read(body, None)
