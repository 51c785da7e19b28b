"""Packed bodies are what they were, or are refused before they are large."""

from __future__ import annotations

import gzip
import zlib

import hypothesis.strategies as st
import pytest
from hypothesis import given

from inference.core.errors import RequestInvalid, TooLarge, UnsupportedEncoding, WeirError
from inference.dataplane import encodings


def squeezed(body: bytes) -> bytes:
    """Without the time: two workers must find the same tests."""
    return gzip.compress(body, mtime=0)


@given(st.binary(max_size=100), st.sampled_from([b"gzip", b"deflate"]))
def test_what_is_packed_is_unpacked(body: bytes, encoding: bytes) -> None:
    packed = encodings.packed(body, encoding)
    assert encodings.unpacked(packed, encoding, len(body)) == body


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (squeezed(b"x"), b"gzip"),
        (squeezed(b"x"), b" GZip "),
        (squeezed(b"x"), b"x-gzip"),
        (zlib.compress(b"x"), b"deflate"),
        (b"x", b"identity"),
        (b"x", b""),
    ],
)
def test_what_clients_send_is_read(body: bytes, encoding: bytes) -> None:
    assert encodings.unpacked(body, encoding, 1) == b"x"


@pytest.mark.parametrize(
    ("body", "encoding", "kind"),
    [
        (b"x", b"br", UnsupportedEncoding),
        (b"x", b"gzip, gzip", UnsupportedEncoding),
        (b"x", b"gzip", RequestInvalid),
        (b"", b"gzip", RequestInvalid),
        (squeezed(b"x")[:-1], b"gzip", RequestInvalid),
        (squeezed(b"x") + b"y", b"gzip", RequestInvalid),
        (squeezed(b"x") * 2, b"gzip", RequestInvalid),
        (zlib.compress(b"x"), b"gzip", RequestInvalid),
        (squeezed(bytes(101)), b"gzip", TooLarge),
        (squeezed(bytes(50_000_000)), b"gzip", TooLarge),
    ],
)
def test_what_cannot_be_unpacked_is_refused(
    body: bytes, encoding: bytes, kind: type[WeirError]
) -> None:
    with pytest.raises(kind):
        encodings.unpacked(body, encoding, 100)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (b"", b""),
        (b"gzip", b"gzip"),
        (b"deflate", b"deflate"),
        (b"gzip, deflate, br", b"gzip"),
        (b"gzip;q=0.1, deflate;q=0.9", b"deflate"),
        (b"gzip;q=0", b""),
        (b"GZIP ; q=1.0", b"gzip"),
        (b"br, identity", b""),
        (b"gzip;q=much", b""),
        (b",;,q=", b""),
    ],
)
def test_an_answer_is_packed_only_by_what_the_caller_reads(header: bytes, expected: bytes) -> None:
    assert encodings.accepted(header) == expected
