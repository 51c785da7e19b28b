"""What goes out is what our own server reads, and what comes back is a prediction or an error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from inference.core import oip, oipanswers, oipclient
from inference.core.answers import TableRenderer
from inference.core.datatypes import Tensor, named
from inference.core.errors import BundleInvalid, ModelOutputInvalid
from inference.core.oip import Request, Want
from inference.core.reader import RowReader
from inference.core.routing import Algorithm
from inference.core.schema import Feature, Schema, Target
from inference.core.tickets import Served, Table

ROWS = np.array([[1.5, np.nan], [0.1, -3.0], [0.0, 7.25]])
SHARES = np.array([[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]])


def answer(*outputs: dict[str, Any], tail: bytes = b"") -> tuple[bytes, int]:
    head = json.dumps({"model_name": "m", "outputs": outputs}).encode()
    return head + tail, len(head)


def output(**other: Any) -> dict[str, Any]:
    return {"name": "p", "shape": [2], "datatype": "FP64", "data": [0.5, 1.0], **other}


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("datatype", [np.float32, np.float64])
def test_a_server_of_ours_reads_what_is_asked(*, binary: bool, datatype: Any) -> None:
    rows = ROWS.astype(datatype)

    body, length = oipclient.asked(named("x", rows), "probabilities", binary=binary)
    read = oip.read(body, length)

    assert (length is not None, read.binary) == (binary, binary)
    assert read.wants == [Want("probabilities")]
    (found,) = read.inputs
    assert (found.name, found.array.dtype) == ("x", datatype)
    np.testing.assert_array_equal(found.array, rows)


def test_whatever_there_is_can_be_asked_for() -> None:
    body, length = oipclient.asked(named("x", ROWS), binary=True)

    assert oip.read(body, length).wants == []


@pytest.mark.parametrize("binary", [True, False])
def test_what_a_server_of_ours_answers_is_read(*, binary: bool) -> None:
    target = Target("y", "binary", ("no", "yes"))
    schema, forest = Schema((Feature("a", "number"),), target), Algorithm(3, "f", "1", "production")
    served = Served(forest, RowReader(schema), TableRenderer(target, forest), model=None)
    table = Table(served, [7, 8, 9], (SHARES,), {})

    written = oipanswers.written("e", Request((), binary=binary), table)
    found = {each.name: each for each in oipclient.answered(*written)}

    assert found["label"].array.tolist() == [b"yes", b"no", b"no"]
    np.testing.assert_array_equal(found["probabilities"].array, SHARES)
    name, given = oipclient.chosen(list(found.values()), 3, 2)
    assert (name, given) == ("probabilities", "probabilities")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "does not answer in the protocol"),
        (b"<html>", "does not answer in the protocol"),
        (b"[]", "does not answer in the protocol"),
        (b'{"outputs": 3}', "does not answer in the protocol"),
        (b"[" * 100_000, "does not answer in the protocol"),
        (answer(output(data=None))[0], "has no data"),
        (answer(output(shape=[3]))[0], "3 elements"),
        (answer(output(shape=[-1]))[0], "negative"),
        (answer(output(shape=[2**70, 2**70]))[0], "[Ii]nteger|more than there is"),
        (answer(output(datatype="FP65"))[0], "no datatype"),
        (answer(output(data=["a", "b"]))[0], "p"),
    ],
)
def test_nonsense_is_no_prediction(body: bytes, said: str) -> None:
    with pytest.raises(ModelOutputInvalid, match=said):
        oipclient.answered(body, None)


@pytest.mark.parametrize(
    "parameters",
    [{"binary_data_size": size} for size in (17, 15, -1, "16", True, 2**80)],
)
def test_bytes_that_are_not_there_are_no_prediction(parameters: dict[str, Any]) -> None:
    body, length = answer(output(data=None, parameters=parameters), tail=bytes(16))

    with pytest.raises(ModelOutputInvalid):
        oipclient.answered(body, length)


@pytest.mark.parametrize("text", ["", "-1", "1e3", "\N{SUPERSCRIPT TWO}", "9" * 20])
def test_a_header_has_a_length(text: str) -> None:
    with pytest.raises(ModelOutputInvalid):
        oipclient.head_length(text)


def test_a_header_need_not_be_there() -> None:
    assert (oipclient.head_length(None), oipclient.head_length("12")) == (None, 12)


def shaped(*shape: int, name: str = "p", dtype: Any = np.float32) -> Tensor:
    return named(name, np.full(shape, 0.5, dtype=dtype))


@pytest.mark.parametrize(
    ("shape", "classes", "given"),
    [
        ((3, 2), 2, "probabilities"),
        ((3,), 2, "positive"),
        ((3, 1), 2, "positive"),
        ((3,), 0, "values"),
        ((3, 1), 0, "values"),
        ((3, 3), 3, "probabilities"),
        ((3,), 3, None),
        ((3, 2), 0, None),
        ((2, 3), 2, None),
        ((3, 2, 1), 2, None),
        ((1, 3), 0, None),
    ],
)
def test_its_shape_says_what_an_output_is(
    shape: tuple[int, ...], classes: int, given: str | None
) -> None:
    assert oipclient.gives(shaped(*shape), 3, classes) == given


def test_texts_predict_nothing() -> None:
    assert oipclient.gives(Tensor("l", "BYTES", np.array([b"a"] * 3, object)), 3, 2) is None


def test_labels_beside_probabilities_are_not_taken_for_them() -> None:
    both = [shaped(3, name="predict"), shaped(3, 2, name="predict_proba")]

    assert oipclient.chosen(both, 3, 2) == ("predict_proba", "probabilities")


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([], "no output of floats.*It put out nothing"),
        ([shaped(3, dtype=np.int64)], r"no output of floats.*p INT64 \[3\]"),
        ([shaped(3, 4)], r"no output of floats that fits \[3, 2\] or \[3\]"),
        ([shaped(3, name="a"), shaped(3, name="b")], "more than one output.*--remote-output"),
    ],
)
def test_an_output_that_is_not_clear_has_to_be_named(outputs: list[Tensor], said: str) -> None:
    with pytest.raises(BundleInvalid, match=said):
        oipclient.chosen(outputs, 3, 2)


def test_one_probability_is_that_of_the_last_class() -> None:
    (found,) = [oipclient.columns(named("p", np.array([0.25, 1.0])), "positive", 2, 2)]

    assert found.tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_values_stay_as_they_are() -> None:
    found = oipclient.columns(named("v", np.array([2.5, -1.0], np.float32)), "values", 2, 0)

    assert found.dtype == np.float64
    assert found.tolist() == [[2.5], [-1.0]]


def test_what_rounding_put_beyond_certainty_is_certainty() -> None:
    found = oipclient.columns(named("p", np.array([[-1e-7, 1.0000001]])), "probabilities", 1, 2)

    assert found.tolist() == [[0.0, 1.0]]


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2,), (4,)])
def test_another_shape_than_before_is_no_prediction(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelOutputInvalid, match="for 2 rows"):
        oipclient.columns(shaped(*shape), "probabilities", 2, 2)


def test_a_model_says_what_it_reads_or_nothing() -> None:
    said = {"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]}

    assert oipclient.inputs(json.dumps(said).encode()) == [("x", "FP32", (-1, 4))]
    assert oipclient.inputs(b'{"name": "m"}') == oipclient.inputs(b'{"inputs": null}') == []


def test_a_server_says_whether_it_reads_bytes() -> None:
    assert oipclient.knows_binary(b'{"extensions": ["binary_tensor_data"]}')
    assert not oipclient.knows_binary(b'{"extensions": []}')
    assert not oipclient.knows_binary(b"{}")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "no\\n such  model"}', "no such model"),
        (b'{"error": {"why": 3}}', "{'why': 3}"),
        (b"<html>", ""),
        (b"\xff", ""),
        (b'{"error": "%s"}' % (b"x" * 1000), "x" * 200),
    ],
)
def test_what_a_refusal_says_is_one_short_line(body: bytes, said: str) -> None:
    assert oipclient.refusal(503, body) == (503, said)
