"""What only HTTP can get wrong: methods, targets, headers, wrappings, lengths, forms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tests.e2e.corpus import ENDPOINT
from tests.e2e.raw import Header, request

PREDICT: Final = f"/api/v1/{ENDPOINT}/predict"
GOOD: Final = b'{"mean_radius":14.1}'
JSON: Final = ("Content-Type", "application/json")
FORM: Final = ("Content-Type", "application/x-www-form-urlencoded")
MULTI: Final = ("Content-Type", "multipart/form-data; boundary=x")
CHUNKED: Final = ("Transfer-Encoding", "chunked")
CRLF: Final = b"\r\n"

FRAMEWORK: Final = ""  # REST framework's and uvicorn's own refusals have a status and no code
UNREAD: Final = "unsupported_encoding"


@dataclass(frozen=True)
class Case:
    """Bytes and their answer. Status 0: closed without one, for nobody is there to read it."""

    name: str
    data: bytes
    status: int
    code: str = FRAMEWORK
    half_close: bool = False


def post(target: str = PREDICT, *headers: Header, body: bytes = GOOD, kind: Header = JSON) -> bytes:
    return request("POST", target, [kind, *headers], body)


def form(body: bytes, target: str = PREDICT) -> bytes:
    return post(target, body=body, kind=FORM)


def part(name: str, value: bytes, *headers: str) -> bytes:
    lines = [f"Content-Disposition: form-data; {name}", *headers]
    return b"--x\r\n" + "\r\n".join(lines).encode() + b"\r\n\r\n" + value + CRLF


def multipart(*parts: bytes, end: bytes = b"--x--\r\n") -> bytes:
    return post(body=b"".join(parts) + end, kind=MULTI)


def chunks(*pieces: bytes, kind: Header = JSON, end: bytes = b"0\r\n\r\n") -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + end
    return request("POST", PREDICT, [kind, CHUNKED], body, length=None)


def lengths(*values: str, body: bytes = GOOD) -> bytes:
    headers = [JSON, *(("Content-Length", value) for value in values)]
    return request("POST", PREDICT, headers, body, length=None)


METHODS: Final = (
    *(
        Case(f"{method} on predict", request(method, PREDICT, [JSON], GOOD), 405)
        for method in ("GET", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "REPORT")
    ),
    Case("an unknown method", request("FOO", PREDICT, [JSON], GOOD), 400),
    Case("a method in small letters", request("post", PREDICT, [JSON], GOOD), 400),
    Case("CONNECT", request("CONNECT", "evil.example:80"), 400),
    Case("no target", b"POST HTTP/1.1\r\n\r\n", 400),
    Case("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60), 400),
    Case("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    Case("HTTP/3", post().replace(b"HTTP/1.1", b"HTTP/3.0"), 400),
    Case("bytes of nothing", bytes(range(128, 256)), 400),
    Case("an open line", b"POST " + b"a" * 500_000, 431),
)

NAMES: Final = tuple(
    Case(f"endpoint {name[:40]!r}", post(f"/api/v1/{name}/predict"), 400, "not_served")
    for name in (
        "nobody",
        "Breast_Cancer",
        "breast_cancer%20",
        "..",
        "../../../etc/passwd",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "..%5c..%5cwindows%5cwin.ini",
        "%252e%252e%252f",
        "%c0%ae%c0%ae%c0%af",
        "file:%2f%2f%2fetc%2fpasswd",
        "http:%2f%2f169.254.169.254%2flatest",
        "%00",
        "breast_cancer%00.onnx",
        "%0d%0aX-Injected:%201",
        "%ff%fe",
        "%ed%a0%80",
        "{{7*7}}",
        "$%7Bjndi:ldap:%2f%2fevil%7D",
        "%27%20or%201=1--",
        "%3Cscript%3E",
        "con",
        "1",
        "-1",
        "a" * 10_000,
        "%F0%9F%98%80",
        "%E2%80%AE",
        "breast_cancer;a=b",
        "",
    )
)

TARGETS: Final = (
    Case("bytes in the path", post("/api/v1/\xff/predict"), 400),
    Case("a path of 100,000", post(f"/api/v1/{'a' * 100_000}/predict"), 400),
    Case("a slash at the end", post(f"{PREDICT}/"), 404),
    Case("no name, by a form", form(b"mean_radius=1", "/api/v1//predict"), 404),
    Case("a socket's address", request("GET", "/ws/v1/live"), 404),
    Case("status of nobody", post(f"{PREDICT}?status=nonsense"), 400, "not_served"),
    Case("status with NUL", post(f"{PREDICT}?status=%00"), 400, "not_served"),
    Case("version of nobody", post(f"{PREDICT}?version=9.9.9"), 400, "not_served"),
    Case("version as a path", post(f"{PREDICT}?version=../../0.0.1"), 400, "not_served"),
    Case("algorithm of nobody", post(f"{PREDICT}?algorithm=999999"), 400, "not_served"),
    Case("algorithm elsewhere", post(f"{PREDICT}?algorithm=3"), 400, "not_served"),
    *(
        Case(
            f"algorithm {len(text)} {text[:20]}",
            post(f"{PREDICT}?algorithm={text}"),
            422,
            "row_invalid",
        )
        for text in ("abc", "-1", "1.0", "1e3", "%D9%A1", "0x1", "1%00", "9" * 19, "9" * 5000)
    ),
    Case("subject too long", post(f"{PREDICT}?subject={'s' * 129}"), 422, "row_invalid"),
    Case("subject with NUL", post(f"{PREDICT}?subject=%00"), 422, "row_invalid"),
    Case("X-Subject too long", post(PREDICT, ("X-Subject", "s" * 129)), 422, "row_invalid"),
    Case("strict and no field", post(f"{PREDICT}?strict=1", body=b"{}"), 422, "row_invalid"),
    Case(
        "2,000 parameters of a form",
        form(b"a=1", f"{PREDICT}?{'a=1&' * 2000}"),
        400,
        "frame_invalid",
    ),
    Case("a junk query", post(f"{PREDICT}?%ff&=&&a=b;c=%zz&%00"), 200),
    Case("an odd X-Subject", post(PREDICT, ("X-Subject", "\xff\xfe")), 200),
    Case("subject of 128", post(f"{PREDICT}?subject={'%C3%A9' * 128}"), 200),
)

KINDS: Final = (
    *(
        Case(f"type {kind!r}", post(kind=("Content-Type", kind)), 415)
        for kind in ("", "text/plain", "garbage", "application/xml", "application/json-patch+json")
    ),
    Case("no type", request("POST", PREDICT, [], GOOD), 415),
    *(
        Case(f"encoded as {word}", post(PREDICT, ("Content-Encoding", word)), 415, UNREAD)
        for word in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "nonsense")
    ),
    *(
        Case(
            f"JSON in {charset}",
            post(kind=("Content-Type", f"application/json; charset={charset}")),
            400,
            "json_invalid",
        )
        for charset in ("utf-16", "utf-7", "latin-1", "bz2_codec", "zlib_codec", "idna", "nonsense")
    ),
    Case(
        "JSON in an extended charset",
        post(kind=("Content-Type", "application/json; charset*=bz2_codec''x")),
        400,
        "json_invalid",
    ),
    *(
        Case(
            f"a form in {charset}",
            post(
                f"{PREDICT}?status=%41",
                body=b"a=%41",
                kind=("Content-Type", f"{FORM[1]}; charset={charset}"),
            ),
            415,
            UNREAD,
        )
        for charset in ("bz2_codec", "undefined", "unicode_escape", "utf-16")
    ),
    Case(
        "a kind with an odd codec",
        post(kind=("Content-Type", "application/json; a*=bz2_codec''%41")),
        200,
    ),
    Case("JSON in capitals", post(kind=("Content-Type", "APPLICATION/JSON")), 200),
    Case("identity", post(PREDICT, ("Content-Encoding", "identity")), 200),
)

LENGTHS: Final = (
    Case("a body in chunks", chunks(GOOD[:5], GOOD[5:]), 200),
    Case("a form in chunks", chunks(b"mean_", b"radius=14.1", kind=FORM), 200),
    Case("chunks and no body", chunks(), 400, "json_invalid"),
    Case("chunks with a trailer", chunks(GOOD, end=b"0\r\nX-Trailer: 1\r\n\r\n"), 200),
    Case("a chunk of no size", chunks(end=b"zz\r\n"), 400),
    Case("a chunk of a wrong size", chunks(end=b"2\r\nabcdef\r\n0\r\n\r\n"), 400),
    Case("a chunk of every size", chunks(end=b"f" * 20 + CRLF), 400),
    Case("chunks that are too many", chunks(*[b" " * 65_536] * 33), 413, "too_large"),
    Case(
        "a length and chunks",
        request("POST", PREDICT, [JSON, CHUNKED], b"0\r\n\r\n", length=5),
        400,
    ),
    Case(
        "a coding of nobody",
        request("POST", PREDICT, [JSON, ("Transfer-Encoding", "x")], GOOD),
        400,
    ),
    Case("a blank before the colon", post(PREDICT, ("Transfer-Encoding ", "chunked")), 400),
    Case("two lengths", lengths("20", "21"), 400),
    Case("the same length twice", lengths("20", "20"), 400),
    *(
        Case(f"length {len(text)} {text[:20]!r}", lengths(text), 400)
        for text in ("-1", "+20", "x", "0x14", "2 0", "9" * 25, "9" * 5000)
    ),
    Case("a length too small", lengths("5"), 400),
    Case("a length too large", lengths("500"), 0, half_close=True),
    Case("a gigabyte announced", lengths(str(1 << 30)), 413, "too_large"),
    Case("one byte too many", post(body=b" " * (2 * 1024 * 1024 + 1)), 413, "too_large"),
    Case("a form of 3 MB", form(b"a=" + b"1" * 3_000_000), 413, "too_large"),
    Case(
        "a form of a gigabyte",
        request("POST", PREDICT, [FORM], b"a", length=1 << 30),
        413,
        "too_large",
    ),
    Case(
        "a gigabyte for a page",
        request("POST", "/admin/login/", [FORM], b"a", length=1 << 30),
        413,
        "too_large",
    ),
    Case("no body", post(body=b""), 400, "json_invalid"),
    Case("half a head", b"POST /api/v1/x/predict HTTP/1.1\r\nHost: x", 0, half_close=True),
    Case("half a chunk", chunks(end=b"20\r\n{"), 0, half_close=True),
    Case("a head of 500,000", post(PREDICT, ("X-Long", "a" * 500_000)), 431),
    Case("NUL in a header", post(PREDICT, ("X-Odd", "\x00")), 400),
    Case("a folded header", post(PREDICT, ("X-Odd", "a\r\n b")), 400),
    Case("bare line feeds", post().replace(CRLF, b"\n"), 400),
    Case(
        "another host",
        request("POST", PREDICT, [JSON], GOOD, host="evil.example"),
        400,
        "host_refused",
    ),
    Case("a host of nothing", request("POST", PREDICT, [JSON], GOOD, host=""), 400, "host_refused"),
    Case("a host that is none", request("GET", "/", host="a b/c"), 400, "host_refused"),
    Case(
        "Java's offer of HTTP/2",
        post(PREDICT, ("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", "h2c")),
        200,
    ),
    Case("100-continue", post(PREDICT, ("Expect", "100-continue")), 200),
)

FORMS: Final = (
    Case("a form", form(b"mean_radius=14.1&size=small"), 200),
    Case("no form", form(b""), 200, "row_invalid"),
    Case("a field twice", form(b"mean_radius=x&mean_radius=14.1"), 200),
    Case("nan in a form", form(b"mean_radius=nan"), 200),
    Case("NUL in a form", form(b"mean_radius=%00"), 200, "row_invalid"),
    Case("bytes in a form", form(b"mean_radius=%ff"), 200, "row_invalid"),
    Case("1e39 in a form", form(b"mean_radius=1e39"), 200, "row_invalid"),
    Case("a surrogate in a form", form(b"mean_radius=14.1&size=%ed%a0%80"), 200),
    Case("a misspelt field in a form", form(b"mean_raduis=14.1"), 200, "row_invalid"),
    Case("JSON as a form", form(GOOD), 200, "row_invalid"),
    Case("a strict form", form(b"mean_radius=x", f"{PREDICT}?strict=1"), 422, "row_invalid"),
    Case(
        "10,000 fields", form(b"&".join(b"f%d=1" % n for n in range(10_000))), 400, "frame_invalid"
    ),
    Case("parts", multipart(part('name="mean_radius"', b"14.1")), 200),
    Case(
        "a file", multipart(part('name="mean_radius"; filename="a"', b"14.1")), 422, "row_invalid"
    ),
    Case(
        "a file of a path",
        multipart(part('name="mean_radius"; filename="../../etc/passwd"', b"1")),
        422,
        "row_invalid",
    ),
    Case("a part without a name", multipart(part("a=b", b"1")), 200, "row_invalid"),
    Case(
        "a name in an odd codec", multipart(part("name*=bz2_codec''%41", b"1")), 200, "row_invalid"
    ),
    Case(
        "a part in base64 that is none",
        multipart(part('name="mean_radius"', b"!!!", "Content-Transfer-Encoding: base64")),
        200,
    ),
    Case("parts without an end", multipart(part('name="mean_radius"', b"14.1"), end=b""), 200),
    Case("no parts at all", multipart(end=b"garbage"), 200, "row_invalid"),
    Case(
        "2,000 parts",
        multipart(*[part(f'name="f{n}"', b"1") for n in range(2000)]),
        400,
        "frame_invalid",
    ),
    Case("no boundary", post(body=b"x", kind=("Content-Type", "multipart/form-data")), 400),
    Case(
        "a boundary of bytes",
        post(body=b"x", kind=("Content-Type", "multipart/form-data; boundary=\xff")),
        400,
    ),
    Case(
        "a boundary of 300",
        post(body=b"x", kind=("Content-Type", f"multipart/form-data; boundary={'x' * 300}")),
        415,
    ),
)

BATCHES: Final = (
    Case("no rows", post(body=b"[]"), 422, "row_invalid"),
    Case("5,000 rows", post(body=b"[" + b",".join([GOOD] * 5000) + b"]"), 413, "too_large"),
    Case(
        "100,000 rows of nothing",
        post(body=b"[" + b",".join([b"1"] * 100_000) + b"]"),
        413,
        "too_large",
    ),
    Case("rows without an end", post(body=b"[" + GOOD), 400, "json_invalid"),
    Case("a row that is no JSON", post(body=b"[%s,{]" % GOOD), 400, "json_invalid"),
    Case("a row with a name twice", post(body=b'[%s,{"a":1,"a":2}]' % GOOD), 400, "json_invalid"),
    Case("a strict batch", post(f"{PREDICT}?strict=1", body=b"[%s,{}]" % GOOD), 422, "row_invalid"),
)
