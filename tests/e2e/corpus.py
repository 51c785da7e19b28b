"""Bad input, and what is said to it: the one table that REST and WebSocket are both held to.

A text of a row goes through every door: as a JSON body through the data plane, through Django, with
`strict` and in a batch; as a frame's `record` and among its `records`. What only HTTP or only
frames can get wrong is in the tables of `corpus_http.py` and `corpus_frames.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ENDPOINT: Final = "breast_cancer"
FINE: Final = ""
JSON: Final = "json_invalid"
ROW: Final = "row_invalid"


@dataclass(frozen=True)
class Row:
    """A text that stands where a record should; `code` is empty where it is one after all."""

    name: str
    text: bytes
    code: str
    field: str | None = None

    @property
    def is_utf8(self) -> bool:
        try:
            self.text.decode()
        except UnicodeDecodeError:
            return False
        return True


def radius(value: str | bytes) -> bytes:
    """A record with this where a number belongs."""
    return b'{"mean_radius":%s}' % (value.encode() if isinstance(value, str) else value)


def size(value: str) -> bytes:
    """A record with this where a category belongs."""
    return b'{"mean_radius":14.1,"size":%s}' % value.encode()


def nested(depth: int, *, closed: bool = True) -> bytes:
    return b"[" * depth + b"]" * (depth if closed else 0)


NOT_JSON: Final = (
    Row("nothing", b"", JSON),
    Row("blanks", b" \t\r\n ", JSON),
    Row("an open brace", b"{", JSON),
    Row("a closed brace", b"}", JSON),
    Row("a name alone", b'{"mean_radius"', JSON),
    Row("a value that is missing", b'{"mean_radius":}', JSON),
    Row("a comma too many", b'{"mean_radius":1,}', JSON),
    Row("a comma too few", b'{"mean_radius":1 "size":"small"}', JSON),
    Row("a bare name", b"{mean_radius:1}", JSON),
    Row("single quotes", b"{'mean_radius':1}", JSON),
    Row("a tail", b'{"mean_radius":1}x', JSON),
    Row("two records", b'{"mean_radius":1}{"mean_radius":1}', JSON),
    Row("a comment", b'{"mean_radius":1/*one*/}', JSON),
    Row("cut in a string", b'{"mean_radius":"1', JSON),
    Row("cut in a number", b'{"mean_radius":1e', JSON),
    Row("cut in a literal", b'{"mean_radius":nul', JSON),
    Row("undefined", radius("undefined"), JSON),
    Row("True", radius("True"), JSON),
    Row("NaN", radius("NaN"), JSON),
    Row("nan", radius("nan"), JSON),
    Row("Infinity", radius("Infinity"), JSON),
    Row("minus Infinity", radius("-Infinity"), JSON),
    Row("1e400", radius("1e400"), JSON),
    Row("minus 1e400", radius("-1e400"), JSON),
    Row("1e400 in a field of nobody", b'{"mean_radius":1,"x":1e400}', JSON),
    Row("an integer of 400 digits", radius("9" * 400), JSON),
    Row("an integer of 5,000 digits", radius("9" * 5000), JSON),
    Row("a leading zero", radius("014"), JSON),
    Row("a plus", radius("+14"), JSON),
    Row("a bare point", radius(".5"), JSON),
    Row("a point at the end", radius("5."), JSON),
    Row("a hexadecimal number", radius("0x10"), JSON),
    Row("an underscore", radius("1_000"), JSON),
    Row("a minus alone", radius("-"), JSON),
    Row("a bad escape", radius(r'"\x41"'), JSON),
    Row("half an escape", radius(r'"\u12"'), JSON),
    Row("a lone high surrogate", radius(r'"\ud800"'), JSON),
    Row("a lone low surrogate", radius(r'"\udfff"'), JSON),
    Row("a surrogate in a name", rb'{"mean_radius":1,"\ud800":1}', JSON),
    Row("a surrogate in an array", rb'{"mean_radius":1,"x":["\ud800"]}', JSON),
    Row("NUL as an escape", radius(r'"\u0000"'), JSON),
    Row("NUL in a name", rb'{"mean_radius":1,"\u0000":1}', JSON),
    Row("NUL as it is", radius(b'"\x00"'), JSON),
    Row("NUL behind the record", b'{"mean_radius":1}\x00', JSON),
    Row("a line break in a string", radius('"1\n"'), JSON),
    Row("a form feed", b'{"mean_radius":\x0c1}', JSON),
    Row("a space that does not break", '{"mean_radius":\u00a01}'.encode(), JSON),
    Row("a byte order mark", b'\xef\xbb\xbf{"mean_radius":1}', JSON),
    Row("UTF-16", '{"mean_radius":1}'.encode("utf-16"), JSON),
    Row("Latin-1", b'{"mean_radius":1,"\xe9":1}', JSON),
    Row("an overlong encoding", radius(b'"\xc0\x80"'), JSON),
    Row("an encoded surrogate", radius(b'"\xed\xa0\x80"'), JSON),
    Row("a code point beyond Unicode", radius(b'"\xf4\x90\x80\x80"'), JSON),
    Row("a name twice", b'{"mean_radius":1,"mean_radius":2}', JSON),
    Row("a name twice, once escaped", rb'{"mean_radius":1,"mean_r\u0061dius":2}', JSON),
    Row("a name of nobody twice", b'{"mean_radius":1,"x":1,"x":2}', JSON),
    Row("a name twice further down", b'{"mean_radius":1,"x":{"y":1,"y":2}}', JSON),
    Row("arrays 40 deep", b'{"mean_radius":1,"x":%s}' % nested(40), JSON),
    Row("objects 5,000 deep", b'{"x":' * 5000 + b"1" + b"}" * 5000, JSON),
    Row("arrays 5,000 deep", radius(nested(5000)), JSON),
    Row("100,000 arrays that open", radius(nested(100_000, closed=False)), JSON),
    Row("100,000 escaped quotes", radius(b'"' + b'\\"' * 100_000), JSON),
)

NO_ROW: Final = (
    Row("no field", b"{}", ROW),
    Row("only fields of nobody", b'{"x":1,"y":"z"}', ROW),
    Row("a misspelt field", b'{"mean_raduis":14.1}', ROW),
    Row("another case", b'{"Mean_Radius":14.1}', ROW),
    Row("a blank in a name", b'{"mean_radius ":14.1}', ROW),
    Row("another data set", b'{"age":39,"workclass":"State-gov"}', ROW),
    Row("a number", b"3", ROW),
    Row("a text", b'"mean_radius"', ROW),
    Row("true", b"true", ROW),
    Row("nothing but null", b"null", ROW),
    Row("true for a number", radius("true"), ROW, "mean_radius"),
    Row("an array for a number", radius("[14.1]"), ROW, "mean_radius"),
    Row("an object for a number", radius('{"value":14.1}'), ROW, "mean_radius"),
    Row("a word for a number", radius('"large"'), ROW, "mean_radius"),
    Row("a decimal comma", radius('"14,1"'), ROW, "mean_radius"),
    Row("an underscore in a text", radius('"1_000"'), ROW, "mean_radius"),
    Row("digits of another script", radius('"١٤"'), ROW, "mean_radius"),
    Row("a hexadecimal text", radius('"0x1f"'), ROW, "mean_radius"),
    Row("infinity as a text", radius('"Infinity"'), ROW, "mean_radius"),
    Row("1e400 as a text", radius('"1e400"'), ROW, "mean_radius"),
    Row("1e39", radius("1e39"), ROW, "mean_radius"),
    Row("minus 1e39", radius("-1e39"), ROW, "mean_radius"),
    Row("1e39 as a text", radius('"1e39"'), ROW, "mean_radius"),
    Row("just beyond float32", radius("3.5e38"), ROW, "mean_radius"),
    Row("an integer of 40 digits", radius("9" * 40), ROW, "mean_radius"),
    Row("5,000 digits as a text", radius('"%s"' % ("9" * 5000)), ROW, "mean_radius"),
    Row("a megabyte for a number", radius('"%s"' % ("x" * 500_000)), ROW, "mean_radius"),
    Row("an array for a category", size('["small"]'), ROW, "size"),
    Row("an object for a category", size('{"small":1}'), ROW, "size"),
)

# Odd, and still what a client may send.
ODD: Final = (
    Row("one field of thirty-one", radius("14.1"), FINE),
    Row("null", radius("null"), FINE),
    Row("the word nan", radius('"nan"'), FINE),
    Row("an empty text", radius('""'), FINE),
    Row("a question mark", radius('"?"'), FINE),
    Row("a number as a text", radius('" 14.1 "'), FINE),
    Row("minus zero", radius("-0"), FINE),
    Row("less than any number", radius("1e-400"), FINE),
    Row("the least number", radius("5e-324"), FINE),
    Row("more than a double can tell", radius("9007199254740993"), FINE),
    Row("the largest float32", radius("3.4028234e38"), FINE),
    Row("a name as escapes", rb'{"me\u0061n_radius":14.1}', FINE),
    Row("a surrogate pair", rb'{"mean_radius":14.1,"\ud83d\ude00":1}', FINE),
    Row("an unseen category", size('"enormous"'), FINE),
    Row("a number for a category", size("3"), FINE),
    Row("true for a category", size("true"), FINE),
    Row("markup for a category", size('"<script>alert(1)</script>"'), FINE),
    Row("SQL for a category", size('"\'; drop table inference_mlrequest; --"'), FINE),
    Row("a path for a category", size('"../../../etc/passwd"'), FINE),
    Row("100,000 characters for a category", size('"%s"' % ("é" * 50_000)), FINE),
    Row("names of a language", b'{"mean_radius":14.1,"__proto__":1,"__class__":{}}', FINE),
    Row("an empty name", b'{"mean_radius":14.1,"":1}', FINE),
    Row("arrays 30 deep", b'{"mean_radius":14.1,"x":%s}' % nested(30), FINE),
    Row(
        "10,000 fields of nobody",
        b'{"mean_radius":14.1,%s}' % b",".join(b'"field %d":0' % n for n in range(10_000)),
        FINE,
    ),
    Row("a long name", b'{"mean_radius":14.1,"%s":1}' % (b"n" * 100_000), FINE),
)

ROWS: Final = (*NOT_JSON, *NO_ROW, *ODD)
