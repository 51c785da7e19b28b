"""What only a WebSocket can get wrong: envelopes, MessagePack, frames of the protocol."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from msgspec.msgpack import Ext, encode

from tests.e2e.corpus import FINE, JSON, ROW
from tests.e2e.hand import BINARY, CLOSE, CONTINUE, PING, TEXT, frame

GOOD: Final = '{"mean_radius":14.1}'
FRAME: Final = "frame_invalid"
LARGE: Final = "too_large"
NOBODY: Final = "not_served"
ANY: Final = object()  # two readers would not agree which id this was
MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Sent:
    """A frame, the code it is answered by (a tuple: of each row in a result) and the id."""

    name: str
    data: str | bytes
    code: str | tuple[str, ...]
    id: object = None


def envelope(name: str, rest: str, code: str | tuple[str, ...], frame_id: object = 1) -> Sent:
    return Sent(name, f'{{"id":1,{rest}}}', code, frame_id)


def identified(name: str, text: str, code: str, frame_id: object = None) -> Sent:
    return Sent(f"id {name}", f'{{"id":{text},"record":{GOOD}}}', code, frame_id)


def wish(name: str, text: str, code: str) -> Sent:
    return envelope(f"{name} {text[:40]}", f'"record":{GOOD},"{name}":{text}', code)


def packed(name: str, code: str | tuple[str, ...], frame_id: object = 1, **given: Any) -> Sent:
    return Sent(name, encode({"id": 1, **given}), code, frame_id)


def bytes_of(name: str, data: bytes, code: str, frame_id: object = None) -> Sent:
    return Sent(name, data, code, frame_id)


ROW_OF_31: Final = json.dumps([14.1] * 30 + ["small"])

ENVELOPES: Final = (
    Sent("nothing", "", JSON),
    Sent("blanks", "  ", JSON),
    Sent("no JSON", "hello", JSON),
    Sent("half a frame", '{"id":1,"record":{"mean_radius"', JSON),
    Sent("two frames", f'{{"id":1,"record":{GOOD}}}{{"id":2}}', JSON, ANY),
    Sent("a byte order mark", f'\ufeff{{"id":1,"record":{GOOD}}}', JSON),
    Sent("100,000 brackets", "[" * 100_000, JSON),
    Sent("100,000 escaped quotes", '{"id":"' + '\\"' * 100_000, JSON),
    *(Sent(f"only {text}", text, FRAME) for text in ("[]", "1", "null", "true", '"x"', "{}")),
    Sent("a frame in an array", f'[{{"id":1,"record":{GOOD}}}]', FRAME),
    Sent("no id", f'{{"record":{GOOD}}}', FRAME),
    *(identified(text, text, FRAME) for text in ("null", "true", "1.5", "1e3", "[1]", '{"a":1}')),
    identified("of 64 bits and one", str(2**63), FRAME),
    identified("of 400 digits", "9" * 400, JSON),
    identified("of 5,000 digits", "9" * 5000, JSON),
    identified("of 129 characters", f'"{"i" * 129}"', FRAME),
    identified("of 500,000 characters", f'"{"i" * 500_000}"', FRAME),
    identified("of a lone surrogate", r'"\ud800"', JSON),
    identified("of NUL", r'"\u0000"', JSON, ANY),
    identified("twice", f'1,"record":{GOOD},"id":2', JSON, ANY),
    identified("twice, once escaped", r'1,"\u0069d":2', JSON, ANY),
    identified("of 128 characters", f'"{"é" * 128}"', FINE, "é" * 128),
    identified("of nothing", '""', FINE, ""),
    identified("of markup", '"<script>"', FINE, "<script>"),
    identified("of quotes", r'"\"\\"', FINE, '"\\'),
    identified("below nothing", "-1", FINE, -1),
    identified("of 64 bits", str(2**63 - 1), FINE, 2**63 - 1),
    Sent("no rows", '{"id":1}', FRAME, 1),
    envelope("a record and rows", f'"record":{GOOD},"rows":[]', FRAME),
    envelope("records and rows", '"records":[],"rows":[]', FRAME),
    envelope("a record twice", f'"record":{GOOD},"record":{GOOD}', JSON),
    envelope("a subject twice", f'"record":{GOOD},"subject":"a","subject":"b"', JSON),
    envelope("a misspelt name", f'"recrod":{GOOD}', FRAME),
    envelope("another case", f'"Record":{GOOD}', FRAME),
    envelope("a name of nobody", f'"record":{GOOD},"algoritm":2', FRAME),
    envelope("a long name of nobody", f'"record":{GOOD},"{"n" * 100_000}":2', FRAME),
    envelope("a name as escapes", rf'"rec\u006frd":{GOOD}', FINE),
    *(envelope(f"records {t}", f'"records":{t}', FRAME) for t in ("{}", "1", "null", '"x"')),
    *(envelope(f"rows {t}", f'"rows":{t}', FRAME) for t in ("{}", "1", "null", '"x"')),
    envelope("records of nobody", '"records":[]', ROW),
    envelope("rows of nobody", '"rows":[]', ROW),
    envelope("5,000 records", f'"records":[{",".join([GOOD] * 5000)}]', LARGE),
    envelope("5,000 rows", f'"rows":[{",".join(["[1]"] * 5000)}]', LARGE),
    envelope("400,000 rows of nothing", f'"rows":[{",".join(["1"] * 400_000)}]', LARGE),
    envelope("rows that are none", '"rows":[1,"x",null,{}]', (ROW,) * 4),
    envelope("rows of other widths", '"rows":[[1],[1,2],[]]', (ROW,) * 3),
    envelope("rows with one that fits", f'"rows":[[1],{ROW_OF_31}]', (ROW, FINE)),
    envelope("rows with 1e39", f'"rows":[[{"1e39," * 30}"small"]]', (ROW,)),
    envelope("rows with 1e400", f'"rows":[[{"1e400," * 30}"small"]]', JSON),
    envelope("a row in a row", f'"rows":[[{ROW_OF_31}]]', (ROW,)),
    envelope("a record by position", f'"record":{ROW_OF_31}', FINE),
    *(wish("status", text, FRAME) for text in ("5", "null", '["production"]')),
    wish("status", '"nonsense"', NOBODY),
    wish("status", r'"\u0000"', JSON),
    wish("status", '""', FINE),
    *(wish("version", text, FRAME) for text in ("1", "0.1", "{}")),
    wish("version", '"9.9.9"', NOBODY),
    *(wish("algorithm", text, FRAME) for text in ('"1"', "1.5", "true", "null")),
    *(wish("algorithm", text, NOBODY) for text in ("999", "-1", "3")),
    wish("algorithm", "9" * 30, FRAME),
    wish("algorithm", "9" * 400, JSON),
    wish("algorithm", "2", FINE),
    *(wish("subject", text, FRAME) for text in ("5", "null", "[]")),
    wish("subject", f'"{"s" * 129}"', ROW),
    wish("subject", r'"\u0000"', JSON),
    wish("subject", f'"{"é" * 128}"', FINE),
    *(wish("deadline_ms", text, FRAME) for text in ("0", "-1", "60001", "1e300", '"5"', "true")),
    wish("deadline_ms", "1e400", JSON),
    Sent("a binary frame", f'{{"id":1,"record":{GOOD}}}'.encode(), FRAME, 1),
    Sent("a binary frame of nothing", b"", FRAME),
    Sent("MessagePack", encode({"id": 1, "record": {"mean_radius": 1}}), FRAME),
)

# \xa2id\x01 is the id 1, \xa6record what follows it.
RECORD: Final = b"\x82\xa2id\x01\xa6record"
RADIUS: Final = b"\xabmean_radius"

PACKED: Final = (
    bytes_of("nothing", b"", FRAME),
    bytes_of("a byte that is never used", b"\xc1", FRAME),
    bytes_of("only nil", b"\xc0", FRAME),
    bytes_of("only an array", b"\x90", FRAME),
    bytes_of("an empty map", b"\x80", FRAME),
    bytes_of("half a map", RECORD, FRAME),
    bytes_of("a map of four milliards", b"\xdf\xff\xff\xff\xff", FRAME),
    bytes_of("a record of four milliards", RECORD + b"\xdf\xff\xff\xff\xff", FRAME),
    bytes_of("a text of four milliards", RECORD + b"\xdb\xff\xff\xff\xff", FRAME),
    bytes_of("a tail", encode({"id": 1, "record": {"mean_radius": 1}}) + b"\x01", FRAME, ANY),
    bytes_of("arrays 5,000 deep", RECORD + b"\x91" * 5000 + b"\x01", FRAME, ANY),
    bytes_of("a name twice", b"\x83\xa2id\x01\xa2id\x02\xa6record\x81\xa1a\x01", FRAME, ANY),
    bytes_of("a field twice", RECORD + b"\x82" + (RADIUS + b"\x01") * 2, FRAME, 1),
    bytes_of("a field of nobody twice", RECORD + b"\x82\xa1a\x01\xa1a\x01", FRAME, 1),
    bytes_of("a name that is a number", RECORD + b"\x81\x01\x02", FRAME, 1),
    bytes_of("a name that is nil", RECORD + b"\x81\xc0\x02", FRAME, 1),
    bytes_of("a name that is an array", RECORD + b"\x81\x92\x01\x02\x02", FRAME, 1),
    bytes_of("a name that is a map", RECORD + b"\x81\x81\x01\x02\x02", FRAME, 1),
    bytes_of("bytes that are no UTF-8", RECORD + b"\x81" + RADIUS + b"\xa1\xff", FRAME, ANY),
    bytes_of("an encoded surrogate", RECORD + b"\x81" + RADIUS + b"\xa3\xed\xa0\x80", FRAME, ANY),
    bytes_of("an extension that is cut", RECORD + b"\xc7\xff\x05", FRAME),
    packed("an extension", FRAME, record={"mean_radius": Ext(5, b"z")}),
    packed("an extension of nobody", FRAME, record={"mean_radius": 1, "x": [Ext(5, b"z")]}),
    packed("a timestamp", FRAME, record={"mean_radius": datetime(2026, 1, 1, tzinfo=UTC)}),
    packed("bytes for a number", FRAME, record={"mean_radius": b"14.1"}),
    packed("a record that is bytes", FRAME, record=b"{}"),
    packed("a misspelt name", FRAME, recrod={}),
    packed("a name of nobody", FRAME, record={"mean_radius": 1}, x=1),
    packed("no rows at all", FRAME),
    packed("a record and rows", FRAME, record={"mean_radius": 1}, rows=[]),
    packed("records as a map", FRAME, records={}),
    packed("rows as a text", FRAME, rows="x"),
    packed("no rows", ROW, rows=[]),
    packed("5,000 rows", LARGE, rows=[[1]] * 5000),
    packed("a number as a record", ROW, record=5),
    packed("nil as a record", ROW, record=None),
    packed("no field", ROW, record={}),
    packed("an array for a number", ROW, record={"mean_radius": [1]}),
    packed("true for a number", ROW, record={"mean_radius": True}),
    packed("infinity", ROW, record={"mean_radius": float("inf")}),
    packed("1e39", ROW, record={"mean_radius": 1e39}),
    packed("NUL in a number", ROW, record={"mean_radius": "\x00"}),
    packed("rows that are none", (ROW, ROW), rows=[1, {"x": 1}]),
    packed("rows with infinity", (ROW,), rows=[[float("inf")] * 30 + ["small"]]),
    packed("NaN, which is missing", FINE, record={"mean_radius": float("nan")}),
    packed("the largest integer", FINE, record={"mean_radius": 2**64 - 1}),
    packed("NUL in a category", FINE, record={"mean_radius": 1, "size": "\x00"}),
    packed("something deep of nobody", FINE, record={"mean_radius": 1, "x": {"y": [[[{}]]]}}),
    packed("an id of 64 bits and one", FRAME, None, id=2**63, record={}),
    packed("an id of 129 characters", FRAME, None, id="i" * 129, record={}),
    packed("an id of bytes", FRAME, None, id=b"i", record={}),
    packed("an id that is nil", FRAME, None, id=None, record={}),
    packed("a NaN deadline", FRAME, record={"mean_radius": 1}, deadline_ms=float("nan")),
    packed("a subject with NUL", ROW, record={"mean_radius": 1}, subject="\x00"),
    packed("a status as bytes", FRAME, record={"mean_radius": 1}, status=b"production"),
    packed("an algorithm of 64 bits", FRAME, record={"mean_radius": 1}, algorithm=2**64 - 1),
    Sent("a text frame", f'{{"id":1,"record":{GOOD}}}', FRAME),
)


@dataclass(frozen=True)
class Broken:
    """Bytes that break RFC 6455, and the code that the server closes with."""

    name: str
    data: bytes
    close: int


BROKEN: Final = (
    Broken("no mask", frame(TEXT, b"{}", mask=None), 1002),
    *(Broken(f"reserved bit {b}", frame(TEXT | b, b"{}"), 1002) for b in (0x40, 0x20, 0x10)),
    *(Broken(f"opcode {op}", frame(op, b""), 1002) for op in (3, 7, 11, 15)),
    Broken("a long ping", frame(PING, bytes(126)), 1002),
    Broken("a ping in pieces", frame(PING, b"", final=False), 1002),
    Broken("a continuation of nothing", frame(CONTINUE, b"x"), 1002),
    Broken("a text inside a text", frame(TEXT, b"a", final=False) + frame(TEXT, b"b"), 1002),
    Broken("a close of one byte", frame(CLOSE, b"\x03"), 1002),
    *(
        Broken(f"a close with {code}", frame(CLOSE, code.to_bytes(2, "big")), 1002)
        for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 65535)
    ),
    Broken("a close that says bytes", frame(CLOSE, b"\x03\xe8\xff"), 1007),
    Broken("a text of bytes", frame(TEXT, b"\xff\xfe"), 1007),
    Broken("a text cut in a character", frame(TEXT, b"\xc3"), 1007),
    Broken("an encoded surrogate", frame(TEXT, b'{"id":"\xed\xa0\x80"}'), 1007),
    Broken("a byte too many", frame(TEXT, b" " * (MIB + 1)), 1009),
    Broken("a terabyte announced", frame(BINARY, b"", length=1 << 40), 1009),
    Broken("more than there is", frame(BINARY, b"", length=(1 << 64) - 1), 1009),
    Broken(
        "a megabyte in pieces",
        frame(TEXT, b" " * MIB, final=False) + frame(CONTINUE, b" ", final=True),
        1009,
    ),
    Broken(
        "countless pieces",
        frame(TEXT, b"", final=False) + frame(CONTINUE, b"", final=False) * 2000,
        1009,
    ),
)
