"""What may be sent to the doors of the Open Inference Protocol, and what is said to it."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any, Final

from tests.e2e.corpus import ENDPOINT, JSON, ROW
from tests.e2e.corpus_http import Case
from tests.e2e.raw import Header, request

INFER: Final = f"/v2/models/{ENDPOINT}/infer"
REQUEST: Final = "request_invalid"
LARGE: Final = "too_large"
NONE: Final = ""
HEAD: Final = "Inference-Header-Content-Length"
ONE: Final[dict[str, Any]] = {"name": "mean_radius", "shape": [1], "datatype": "FP64", "data": [14]}
TENSOR: Final = {name: ONE[name] for name in ("name", "shape", "datatype")}


def head(*inputs: Any, **other: Any) -> bytes:
    return json.dumps({"inputs": list(inputs), **other}).encode()


def post(body: bytes, *headers: Header, target: str = INFER) -> bytes:
    return request("POST", target, headers, body)


def said(name: str, code: str, *inputs: Any, **other: Any) -> Case:
    return Case(f"V2: {name}", post(head(*inputs, **other)), 400 if code else 200, code)


def one(**other: Any) -> dict[str, Any]:
    return {**ONE, **other}


def behind(size: Any, **other: Any) -> dict[str, Any]:
    return {**TENSOR, "parameters": {"binary_data_size": size}, **other}


def binary(name: str, code: str, said: bytes, tail: bytes, length: str = "") -> Case:
    data = post(said + tail, (HEAD, length or str(len(said))))
    return Case(f"V2, binary: {name}", data, 400 if code else 200, code)


def chunked(*pieces: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return request("POST", INFER, [("Transfer-Encoding", "chunked")], body, length=None)


def packed(name: str, encoding: str, body: bytes, status: int, code: str = NONE) -> Case:
    return Case(f"V2, packed: {name}", post(body, ("Content-Encoding", encoding)), status, code)


JSONS: Final = (
    said("one number", NONE, ONE),
    said("nested", NONE, one(shape=[2, 1], data=[[14], [15]])),
    said("null is missing", NONE, one(data=[None])),
    said("a text for a number", NONE, one(datatype="BYTES", data=["14"])),
    said("half precision", NONE, one(datatype="FP16")),
    said("an id and strange parameters", NONE, ONE, id="\u00e9", parameters={"x": {"y": [1]}}),
    said("no inputs", REQUEST),
    said("inputs of nothing", REQUEST, None),
    said("a text as input", REQUEST, "mean_radius"),
    said("no data", REQUEST, TENSOR),
    said("no shape", REQUEST, {"name": "mean_radius", "datatype": "FP64", "data": [1]}),
    said("no dimensions", ROW, one(shape=[])),
    said("a thousand dimensions", ROW, one(shape=[1] * 1000)),
    said("a negative size", ROW, one(shape=[-1])),
    said("two negative sizes", ROW, one(shape=[-1, -1])),
    said("a product that overflows", ROW, one(shape=[2**32, 2**32, 16])),
    said("a product that overflows to one", ROW, one(shape=[2**63, 2**63 + 1])),
    Case(
        "V2: a size of 4,000 digits",
        post(head(one(shape=["SIZE"])).replace(b'"SIZE"', b"9" * 4000)),
        400,
        ROW,
    ),
    said("a size that is no integer", REQUEST, one(shape=[1.5])),
    said("no rows", ROW, one(shape=[0], data=[])),
    said("too few data", ROW, one(shape=[2])),
    said("too many data", ROW, one(data=[1, 2])),
    said("ragged data", ROW, one(shape=[2, 2], data=[[1, 2], [3]])),
    said("data too deep", ROW, one(data=[[[[[[[[[[1]]]]]]]]]])),
    said("an object as data", ROW, one(data={"a": 1})),
    said("a text among numbers", ROW, one(data=["large"])),
    said("truth among numbers", ROW, one(data=[True])),
    said("beyond float32", ROW, one(data=[1e39])),
    said("beyond an integer", ROW, one(datatype="INT8", data=[200])),
    said("a fraction as an integer", ROW, one(datatype="INT64", data=[1.5])),
    said("no such datatype", ROW, one(datatype="FP128")),
    said("a datatype of 100,000 letters", ROW, one(datatype="F" * 100_000)),
    said("a name of 100,000 letters", ROW, one(name="n" * 100_000)),
    said("columns of different lengths", ROW, ONE, one(name="size", shape=[2], data=[1, 2])),
    said("no feature", ROW, one(name="age"), one(name="workclass")),
    said("a matrix of another width", ROW, one(name="x", shape=[1, 3], data=[1, 2, 3])),
    said("a name twice", REQUEST, ONE, ONE),
    said("an output twice", REQUEST, ONE, outputs=[{"name": "label"}] * 2),
    said("an output of nobody", REQUEST, ONE, outputs=[{"name": "value"}]),
    said("an output without a name", REQUEST, ONE, outputs=[{}]),
    said("an id that is no text", REQUEST, ONE, id=1),
    said("a timeout that is no number", REQUEST, ONE, parameters={"timeout": "soon"}),
    said("binary or not", REQUEST, ONE, parameters={"binary_data_output": "yes"}),
    *(
        Case(f"V2: {name}", post(body), 400, code)
        for name, body, code in (
            ("nothing", b"", REQUEST),
            ("blanks", b"   ", JSON),
            ("half an object", b'{"inputs": [', JSON),
            ("an array", b"[]", REQUEST),
            ("not UTF-8", b'{"inputs": [], "id": "\xff"}', JSON),
            ("NaN", head(one(data=[float("nan")])), JSON),
            ("brackets without end", b"[" * 100_000, REQUEST),
            ("objects without end", b'{"inputs":' * 10_000, REQUEST),
            ("a deep parameter", b'{"x":' + b"[" * 5000 + b"]" * 5000 + b"}", JSON),
        )
    ),
    Case("V2: too much of it", post(b" " * 2_100_000), 413, LARGE),
    Case("V2: 5,000 rows", post(head(one(shape=[5000], data=[1] * 5000))), 413, LARGE),
)

FOURTEEN: Final = b"\0\0\0\0\0\0,@"
BINARIES: Final = (
    binary("a number", NONE, head(behind(8)), FOURTEEN),
    binary("a missing number", NONE, head(behind(8)), b"\0\0\0\0\0\0\xf8\x7f"),
    binary("a category", NONE, head(behind(9, name="size", datatype="BYTES")), b"\5\0\0\0small"),
    binary("an infinity", ROW, head(behind(8)), b"\0\0\0\0\0\0\xf0\x7f"),
    binary("a byte too few", REQUEST, head(behind(8)), FOURTEEN[:7]),
    binary("a byte too many", REQUEST, head(behind(8)), FOURTEEN + b"\0"),
    binary("another size than its shape", ROW, head(behind(4)), bytes(4)),
    binary("a negative size", REQUEST, head(behind(-8)), FOURTEEN),
    binary("an enormous size", REQUEST, head(behind(2**62)), FOURTEEN),
    binary("data twice", REQUEST, head(behind(8, data=[14])), FOURTEEN),
    binary(
        "an element that is too long",
        ROW,
        head(behind(9, name="size", datatype="BYTES")),
        b"\xff\xff\xff\xffsmall",
    ),
    binary("no UTF-8", ROW, head(behind(6, name="size", datatype="BYTES")), b"\2\0\0\0\xff\xfe"),
    binary("a header of nothing", REQUEST, b"", bytes(248), "0"),
    *(
        binary(f"a header of {length[:20]}", code, head(behind(8)), FOURTEEN, length)
        for length, code in (
            ("1", JSON),
            ("-1", REQUEST),
            ("9999999", REQUEST),
            ("9" * 40, REQUEST),
            ("1e2", REQUEST),
            ("0x10", REQUEST),
            ("many", REQUEST),
        )
    ),
)

WRAPPED: Final = (
    packed("gzip", "gzip", gzip.compress(head(ONE)), 200),
    packed("deflate", "deflate", zlib.compress(head(ONE)), 200),
    packed("not what it says", "gzip", head(ONE), 400, REQUEST),
    packed("cut off", "gzip", gzip.compress(head(ONE))[:-4], 400, REQUEST),
    packed("with a tail", "gzip", gzip.compress(head(ONE)) + b"x", 400, REQUEST),
    packed("a bomb", "gzip", gzip.compress(bytes(500_000_000), 9), 413, LARGE),
    packed("an encoding of nobody", "br", head(ONE), 415, "unsupported_encoding"),
    packed(
        "twice", "gzip, gzip", gzip.compress(gzip.compress(head(ONE))), 415, "unsupported_encoding"
    ),
    Case("V2: many tiny chunks", chunked(*(bytes([byte]) for byte in head(ONE))), 200),
)

PATHS: Final = (
    *(
        Case(f"V2: {method} {target[:40]}", request(method, target), status, code)
        for method, target, status, code in (
            ("GET", "/v2", 200, NONE),
            ("GET", "/v2/?a=1&a=2&%ff", 200, NONE),
            ("GET", "/v2/nowhere", 404, "not_found"),
            ("GET", "/v2/models/nobody", 404, "not_served"),
            ("GET", "/v2/models/..%2f..%2fetc", 404, "not_found"),
            ("GET", "/v2/models/%00", 404, "not_served"),
            ("GET", f"/v2/models/{ENDPOINT}/versions/9/ready", 404, "not_served"),
            ("GET", f"/v2/models/{'m' * 10_000}/ready", 404, "not_served"),
            ("GET", INFER, 405, "method_not_allowed"),
            ("DELETE", f"/v2/models/{ENDPOINT}", 405, "method_not_allowed"),
            ("POST", "/v2/health/live", 405, "method_not_allowed"),
            ("POST", "/v2/models/nobody/infer", 404, "not_served"),
            ("POST", "/v2/repository/models/nobody/load", 404, "not_served"),
        )
    ),
    Case("V2: an index of what", post(b"[", target="/v2/repository/index"), 400, REQUEST),
    Case("V2: subject too long", post(head(ONE), ("X-Subject", "s" * 129)), 400, ROW),
)

CASES: Final = (*JSONS, *BINARIES, *WRAPPED, *PATHS)
