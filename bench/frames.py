"""WebSocket frames by hand (RFC 6455), as little work per frame as Python allows."""

from __future__ import annotations

from bench.problem import BenchFailed

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
_FIN = 0x80
_MASKED = 0x80


def written(opcode: int, payload: bytes) -> bytes:
    """A whole client frame. Its masking key is zero, so that the payload need not be touched."""
    size = len(payload)
    if size < 126:
        head = bytes((_FIN | opcode, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FIN | opcode, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FIN | opcode, _MASKED | 127)) + size.to_bytes(8, "big")
    return head + b"\0\0\0\0" + payload


class Reader:
    """Cuts what a server sends into frames, however it arrives."""

    def __init__(self, data: bytes = b"") -> None:
        self._rest = data

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Opcode and payload of each frame that is complete now."""
        data = self._rest + data if self._rest else data
        frames = []
        start, end = 0, len(data)
        while (found := _header(data, start, end)) is not None:
            opcode, begin, stop = found
            if stop > end:
                break
            frames.append((opcode, data[begin:stop]))
            start = stop
        self._rest = data[start:]
        return frames


def _header(data: bytes, start: int, end: int) -> tuple[int, int, int] | None:
    """Opcode, start and end of the payload; None while the header is not complete."""
    if end - start < 2:
        return None
    first, size = data[start], data[start + 1]
    if not first & _FIN or size & _MASKED:
        raise BenchFailed("The server sent a fragmented or masked frame.")
    begin = start + 2
    if size >= 126:
        begin += 2 if size == 126 else 8
        if end < begin:
            return None
        size = int.from_bytes(data[start + 2 : begin], "big")
    return first & 0x0F, begin, begin + size
