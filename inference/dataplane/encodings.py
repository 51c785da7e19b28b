"""gzip and deflate, both ways: what a body unpacks to is bounded before it is there."""

from __future__ import annotations

import zlib
from typing import Final

from inference.core.errors import RequestInvalid, TooLarge, UnsupportedEncoding

GZIP: Final = 16 + zlib.MAX_WBITS
DEFLATE: Final = zlib.MAX_WBITS
_WINDOWS: Final = {b"gzip": GZIP, b"x-gzip": GZIP, b"deflate": DEFLATE}
_PLAIN: Final = frozenset({b"", b"identity"})
WORTHWHILE: Final = 1024  # bytes; less is on its way in one packet anyway
_FAST: Final = 1  # numbers do not get much smaller, however long one tries


def unpacked(body: bytes, encoding: bytes, most: int) -> bytes:
    """Raises UnsupportedEncoding, RequestInvalid, or TooLarge for more than `most` bytes."""
    encoding = encoding.strip().lower()
    if encoding in _PLAIN:
        return body
    window = _WINDOWS.get(encoding)
    if window is None:
        raise UnsupportedEncoding("A body may be compressed by gzip or by deflate, once.")
    unpacker = zlib.decompressobj(window)
    try:
        found = unpacker.decompress(body, most + 1)
    except zlib.error as error:
        raise RequestInvalid(f"The body is not {encoding.decode('latin-1')}.") from error
    if len(found) > most:
        raise TooLarge(f"A body has at most {most} bytes, unpacked.")
    if not unpacker.eof or unpacker.unused_data:
        raise RequestInvalid("The compressed body is cut off, or goes on behind its end.")
    return found


def accepted(header: bytes) -> bytes:
    """What an answer may be packed by, the caller's favourite; empty for nothing."""
    if not header:
        return b""
    qualities = dict(map(_quality, header.lower().split(b",")))
    best = max((b"gzip", b"deflate"), key=lambda name: qualities.get(name, 0.0))
    return best if qualities.get(best, 0.0) > 0 else b""


def packed(body: bytes, encoding: bytes) -> bytes:
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _WINDOWS[encoding])
    return packer.compress(body) + packer.flush()


def _quality(item: bytes) -> tuple[bytes, float]:
    name, _, rest = item.partition(b";")
    text = rest.partition(b"q=")[2].strip()
    try:
        return name.strip(), float(text) if text else 1.0
    except ValueError:
        return name.strip(), 0.0
