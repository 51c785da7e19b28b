"""The trace that a caller's request belongs to, as W3C Trace Context writes it in a header."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HEADER: Final = b"traceparent"
# A version that is not known yet may say more behind it.
_SHAPE: Final = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def trace_id(headers: Mapping[bytes, bytes]) -> str:
    """32 hexadecimal digits; empty where there is no such header, or one that cannot be read."""
    found = _SHAPE.fullmatch(headers.get(HEADER, b"").strip())
    return found[1].decode() if found else ""
