"""Small ONNX graphs of every kind, written as text."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any, Final

import onnx.parser

from inference.bundles import Bundle
from inference.training import adopt, pack, signatures
from inference.training.pack import Identity

HEAD: Final = '<ir_version: 10, opset_import: ["": 21]>\n'
# Two inputs, two outputs: scores that a weight multiplies, and the place of the best one.
TWO: Final = """two (float[N, 3] x, int64[N] weight) => (float[N, 3] scores, int64[N] label) {
    factor = Cast<to = 1>(weight)
    axis = Constant<value = int64[1] {1}>()
    column = Unsqueeze(factor, axis)
    scores = Mul(x, column)
    label = ArgMax<axis = 1, keepdims = 0>(scores)
}"""
# Texts of any number in each row, and a switch.
WORDS: Final = """words (string[N, K] text, bool[N] loud) => (string[N, K] said, bool[N] quiet) {
    mark = Constant<value = string {"!"}>()
    said = StringConcat(text, mark)
    quiet = Not(loud)
}"""
# A batch of one and no other.
FIXED: Final = """fixed (float[1, 3] x) => (float[1, 2] y) {
    places = Constant<value = int64[2] {0, 2}>()
    y = Gather<axis = 1>(x, places)
}"""
# No batch at all.
BARE: Final = """bare (float[3] x, double[2, 2] m) => (float total, double[2, 2] turned) {
    total = ReduceSum<keepdims = 0>(x)
    turned = Transpose(m)
}"""
# One number in, one number out, which may be none.
LOG: Final = "log (double[N, 1] x) => (double[N, 1] y) { y = Log(x) }"
# Each row minds its neighbours.
CROWD: Final = "crowd (float[N, 2] x) => (float[N, 2] y) { y = Softmax<axis = 0>(x) }"
# As many values as one likes become one.
SEQUENCE: Final = """sequence (int64[L] tokens) => (int64 total) {
    total = ReduceSum<keepdims = 0>(tokens)
}"""
IDENTITY: Final = Identity("graphs", "graph", "1.0", "tests", "A small graph.")


@functools.cache
def model(text: str) -> bytes:
    data: bytes = onnx.parser.parse_model(HEAD + text).SerializeToString()
    return data


def kept(folder: Path, text: str) -> Path:
    """As a file."""
    path = folder / f"{text.partition(' ')[0]}.onnx"
    path.write_bytes(model(text))
    return path


def tried(text: str, rows: list[Any] | None = None) -> signatures.Tried:
    return signatures.tried(model(text), rows)


def packed(text: str, found: signatures.Tried) -> Bundle:
    return pack.pack_graph(IDENTITY, model(text), found, "rows of a test")


@functools.cache
def bundle(text: str = TWO) -> Bundle:
    return packed(text, tried(text))


def adopted(folder: Path, text: str, rows: list[Any] | None = None) -> Bundle:
    """By its file, as the command does it."""
    examples = None
    if rows is not None:
        examples = folder / "rows.json"
        examples.write_text(json.dumps(rows))
    return adopt.adopt_graph(IDENTITY, kept(folder, text), examples)
