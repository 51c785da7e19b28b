from __future__ import annotations

import pytest
from websockets.frames import Frame, Opcode

from bench import frames
from bench.frames import BINARY, TEXT, Reader
from bench.problem import BenchFailed

SIZES = (0, 1, 125, 126, 65535, 65536)


def sent_by_server(opcode: Opcode, payload: bytes) -> bytes:
    return Frame(opcode, payload).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_a_written_frame_has_the_header_of_its_size(size: int) -> None:
    written = frames.written(TEXT, b"x" * size)

    head = {0: 2, 126: 4, 65536: 10}[max(least for least in (0, 126, 65536) if size >= least)]
    assert written[0] == 0x81
    assert written[1] & 0x80
    assert written[head:] == b"\0\0\0\0" + b"x" * size


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_read_whatever_its_size(size: int) -> None:
    assert Reader().feed(sent_by_server(Opcode.BINARY, b"x" * size)) == [(BINARY, b"x" * size)]


@pytest.mark.parametrize("step", [1, 2, 3, 7, 128, 129])
def test_frames_are_read_however_they_arrive(step: int) -> None:
    payloads = [b"a" * 3, b"", b"b" * 130, b"c"]
    data = b"".join(sent_by_server(Opcode.TEXT, payload) for payload in payloads)
    reader = Reader(data[:1])

    found = [
        frame
        for start in range(1, len(data), step)
        for frame in reader.feed(data[start : start + step])
    ]

    assert found == [(TEXT, payload) for payload in payloads]


def test_a_fragment_is_no_answer() -> None:
    with pytest.raises(BenchFailed, match="fragmented"):
        Reader().feed(b"\x01\x01x")
