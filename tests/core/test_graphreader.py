"""Rows become tensors of exactly the datatypes and shapes that a graph takes, or one error."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.core.datatypes import Tensor, named, texts
from inference.core.errors import InputError, JsonInvalid, RowInvalid
from inference.core.graphreader import GraphReader
from inference.core.graphs import Graph
from inference.core.rows import JsonRows, NumberRows, TensorRows, ValueRows, from_json
from inference.core.signature import Signature, Spec

OUT = (Spec("y", "FP32", (-1,)),)


def reader(*inputs: tuple[str, str, tuple[int, ...]]) -> GraphReader:
    return GraphReader(Graph(Signature(tuple(Spec(*each) for each in inputs), OUT)).checked())


VECTOR = reader(("x", "FP32", (-1, 3)))
MANY = reader(("x", "FP64", (-1, 2, 2)), ("text", "BYTES", (-1, -1)), ("on", "BOOL", (-1,)))
ROW = {"x": [[1.5, 2], [None, 4]], "text": ["a", "ä"], "on": True}


def body(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def test_a_row_names_its_tensors_in_any_order() -> None:
    there = MANY.json(body(ROW))
    back = MANY.json(body(dict(reversed(ROW.items()))))

    x, text, on = MANY.joined([there, back])
    assert (x.dtype, x.shape, on.dtype, on.tolist()) == (
        np.float64,
        (2, 2, 2),
        np.bool_,
        [True] * 2,
    )
    assert np.isnan(x[0, 1, 0])  # type: ignore[call-overload]  # float64
    assert text.tolist() == [[b"a", "ä".encode()]] * 2


def test_a_lone_tensor_needs_no_name() -> None:
    for given_ in ([1, 2, 3], {"x": [1, 2, 3]}):
        (x,) = VECTOR.joined([VECTOR.json(body(given_))])
        assert (x.dtype, x.tolist()) == (np.float32, [[1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("datatype", "value", "wanted"),
    [
        ("BOOL", False, False),
        ("UINT8", 255, 255),
        ("UINT16", 65535, 65535),
        ("UINT32", 2**32 - 1, 2**32 - 1),
        ("UINT64", 2**64 - 1, 2**64 - 1),
        ("INT8", -128, -128),
        ("INT16", -32768, -32768),
        ("INT32", -(2**31), -(2**31)),
        ("INT64", -(2**63), -(2**63)),
        ("FP16", 0.5, 0.5),
        ("FP32", 0.25, 0.25),
        ("FP64", 1e300, 1e300),
        ("FP64", 3, 3.0),
        ("BYTES", "x", b"x"),
    ],
)
def test_every_datatype_is_read(datatype: str, value: Any, wanted: Any) -> None:
    one = reader(("v", datatype, (-1,)))

    for row in (one.json(body({"v": value})), one.value({"v": value})):
        (array,) = one.joined([row])
        assert array.tolist() == [wanted]


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        ("BOOL", 1),
        ("UINT8", 256),
        ("UINT8", -1),
        ("INT64", 2**63),
        ("INT32", 1.0),
        ("INT32", True),
        ("INT32", None),
        ("FP32", "1"),
        ("FP32", True),
        ("FP32", 1e39),
        ("FP16", 70000),
        ("BYTES", 1),
        ("BYTES", None),
        ("FP32", [1]),
    ],
)
def test_what_a_datatype_cannot_hold_is_refused_by_name(datatype: str, value: Any) -> None:
    one = reader(("v", datatype, (-1,)))

    with pytest.raises(RowInvalid, match="^v ") as refused:
        one.json(body({"v": value}), 4)

    assert (refused.value.row, refused.value.field) == (4, "v")


@pytest.mark.parametrize(
    ("row", "field", "sentence"),
    [
        ({"x": [[1, 2], [3]]}, "x", "must be FP64"),
        ({"x": [[1, 2]]}, "x", r"shape \[2, 2\], not \[1, 2\]"),
        ({"x": 1}, "x", "array"),
        ({"x": {"a": 1}}, "x", "array"),
        ({"text": [["a"], ["b", "c"]]}, "text", "str"),
        ({"on": []}, "on", "bool"),
        ({"more": 1}, "more", "no input of the model, which takes: x, text, on"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(row: Any, field: str, sentence: str) -> None:
    with pytest.raises(RowInvalid, match=sentence) as refused:
        MANY.json(body(ROW | row))

    assert refused.value.field == field


def test_an_input_that_is_missing_is_named() -> None:
    with pytest.raises(RowInvalid, match="text is missing") as refused:
        MANY.json(body({"x": ROW["x"], "on": True}))

    assert refused.value.field == "text"


def test_one_of_many_inputs_is_not_guessed() -> None:
    with pytest.raises(RowInvalid, match="x, text, on as names"):
        MANY.json(b"[1]")


@pytest.mark.parametrize(
    "text",
    [
        b'{"x":[1,2,3],"x":[1,2,3]}',
        b'{"x":[1,2,NaN]}',
        b'{"x":[1,2,1e999]}',
        b'{"x":[1,2,',
        b'{"x":[1,2,3]}{}',
        b'{"x":' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"x\xff":1}',
    ],
)
def test_json_that_two_readers_could_read_differently_is_refused(text: bytes) -> None:
    with pytest.raises(JsonInvalid):
        VECTOR.json(text)


@pytest.mark.parametrize("text", [b'{"v":"a","v":"a"}', b'{"v":"\\u0000"}', b'{"v":"\\ud800"}'])
def test_a_text_hides_no_second_name(text: bytes) -> None:
    with pytest.raises(JsonInvalid):
        reader(("v", "BYTES", (-1,))).json(text)


@given(st.lists(st.text(alphabet='"\\{}:,aä\n', max_size=5), max_size=4))
def test_any_text_comes_through_as_it_is(words: list[str]) -> None:
    one = reader(("v", "BYTES", (-1, -1)))
    for plain in (json.dumps({"v": words}).encode(), body({"v": words}), body(words)):
        (array,) = one.json(plain)
        assert array.tolist() == [word.encode() for word in words]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda deep: (
            st.lists(deep, max_size=3) | st.dictionaries(st.text(max_size=3), deep, max_size=3)
        ),
    )
)
def test_whatever_comes_is_read_or_refused(value: Any) -> None:
    for one in (VECTOR, MANY, reader(("v", "INT64", (-1, -1, -1)))):
        for given_ in (value, {"x": value}, {"x": value, "text": value, "on": value}):
            try:
                one.value(given_)
            except InputError:
                continue


def test_one_value_in_a_row_may_come_without_its_brackets() -> None:
    one = reader(("v", "FP32", (-1, 1)))

    assert one.joined([one.json(b'{"v":3}'), one.json(b'{"v":[4]}')])[0].tolist() == [[3.0], [4.0]]
    assert one.tensors([named("v", np.ones(2, np.float32))])[0][0].shape == (2, 1)


# -- many at once ----------------------------------------------------------------------------------


def test_rows_of_numbers_are_one_array() -> None:
    (x,) = NumberRows([[1, 2, 3], [4, 5, 6]]).read(VECTOR, range(2)).tensors or ()

    assert (x.dtype, x.shape) == (np.float32, (2, 3))


def test_whole_numbers_are_taken_as_long_as_they_are_exact() -> None:
    one = reader(("v", "INT64", (-1, 2)))

    (v,) = NumberRows([[1.0, -2.0]]).read(one, range(1)).tensors or ()
    assert (v.dtype, v.tolist()) == (np.int64, [[1, -2]])
    for value in (0.5, 2.0**53, float("nan")):
        assert NumberRows([[value, 1.0]]).read(one, range(1)).errors[0].field == "v"


@pytest.mark.parametrize("rows", [[[1.0, 2.0]], [[1.0, 2.0, 3.0], [1.0]], [[1e39, 0.0, 0.0]]])
def test_rows_of_numbers_that_do_not_fit_are_told_one_by_one(rows: list[list[float]]) -> None:
    read = NumberRows(rows).read(VECTOR, range(len(rows)))

    assert read.errors[len(rows) - 1].field == "x"


def test_rows_of_a_request_have_one_shape() -> None:
    rows, _ = from_json(
        b'[{"x":[[1,2],[3,4]],"text":[],"on":true},{"x":[[1,2],[3,4]],"text":["a"],"on":true}]'
    )

    with pytest.raises(RowInvalid, match="same shape"):
        rows.read(MANY, range(2))


def test_a_row_that_does_not_fit_leaves_the_others_alone() -> None:
    read = ValueRows([[1, 2, 3], [1], [4, 5, 6]]).read(VECTOR, range(3))

    assert read.places == [0, 2]
    assert list(read.errors) == [1]


def test_tensors_are_taken_by_name_as_they_are() -> None:
    x = np.arange(8.0).reshape(2, 2, 2)
    words = texts("text", ["a", "b"])
    rows = TensorRows(
        [
            named("on", np.array([True, False])),
            named("x", x),
            words._replace(array=words.array[:, None]),
        ]
    )

    (one, two, three), errors = MANY.tensors(rows._named)

    assert one is x
    assert (two.shape, three.tolist(), dict(errors)) == ((2, 1), [True, False], {})
    logged = json.loads(rows.raw(1))
    assert logged == {"on": False, "x": [[4.0, 5.0], [6.0, 7.0]], "text": "b"}


@pytest.mark.parametrize(
    ("array", "fits"),
    [
        (np.ones((2, 3), np.float32), True),
        (np.ones((2, 3), np.float16), True),
        (np.ones((2, 3), np.int16), True),
        (np.ones((2, 3), np.float64), False),
        (np.ones((2, 3), np.int64), False),
        (np.ones((2, 4), np.float32), False),
        (np.ones(2, np.float32), False),
        (np.full((2, 3), b"a", object), False),
    ],
)
def test_a_tensor_is_cast_only_where_nothing_is_lost(array: Any, fits: bool) -> None:
    for name in ("x", ""):
        if fits:
            assert VECTOR.tensors([named(name, array)])[0][0].dtype == np.float32
            continue
        with pytest.raises(RowInvalid) as refused:
            VECTOR.tensors([named(name, array)])
        assert refused.value.field == "x"


def test_tensors_of_other_names_are_refused() -> None:
    right = np.ones((1, 3), np.float32)
    for tensors, field in (
        ([named("y", right)], "y"),
        ([named("x", right), named("x", right)], "x"),
        ([named("x", right), named("z", right)], "z"),
    ):
        with pytest.raises(RowInvalid) as refused:
            VECTOR.tensors(tensors)
        assert refused.value.field == field


def test_what_is_logged_is_read_again_as_it_was() -> None:
    again = JsonRows([b'{"x":[[1,2],[null,4]],"text":["a"],"on":false}'])
    first = again.read(MANY, range(1)).tensors or ()
    rows = TensorRows(
        [Tensor(s.name, s.datatype, a) for s, a in zip(MANY.signature.inputs, first, strict=True)]
    )

    (second, _, _) = (
        JsonRows([rows.raw(0).encode()])
        .read(
            reader(("x", "FP64", (-1, 2, 2)), ("text", "BYTES", (-1, 1)), ("on", "BOOL", (-1,))),
            range(1),
        )
        .tensors
        or ()
    )
    assert np.array_equal(second, first[0], equal_nan=True)


def test_the_answer_s_id_is_among_the_outputs() -> None:
    assert VECTOR.signature.outputs[-1] == Spec("request_id", "INT64", (-1,))
    assert VECTOR.hash == VECTOR.graph.hash
