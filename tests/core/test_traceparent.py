"""What W3C Trace Context calls valid is read, and nothing else."""

from __future__ import annotations

import pytest

from inference.core.traceparent import trace_id

TRACE = b"4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = b"00f067aa0ba902b7"


@pytest.mark.parametrize(
    "header",
    [
        b"00-" + TRACE + b"-" + PARENT + b"-01",
        b" 00-" + TRACE + b"-" + PARENT + b"-00 ",
        b"cc-" + TRACE + b"-" + PARENT + b"-01-what-the-future-brings",
    ],
)
def test_the_trace_is_read(header: bytes) -> None:
    assert trace_id({b"traceparent": header}) == TRACE.decode()


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"00-" + b"0" * 32 + b"-" + PARENT + b"-01",
        b"00-" + TRACE + b"-" + b"0" * 16 + b"-01",
        b"ff-" + TRACE + b"-" + PARENT + b"-01",
        b"00-" + TRACE.upper() + b"-" + PARENT + b"-01",
        b"00-" + TRACE + b"-" + PARENT,
        b"00-" + TRACE + b'\n"-' + PARENT + b"-01",
    ],
)
def test_anything_else_is_no_trace(header: bytes) -> None:
    assert trace_id({b"traceparent": header}) == ""


def test_no_header_is_no_trace() -> None:
    assert trace_id({}) == ""
