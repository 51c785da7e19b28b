"""What clients write down: each request they sent, had accepted, and had answered.

A line is handed to the kernel before the client goes on, so it outlives the client. It is not
synced to the disk: no fault here takes the machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

import msgspec


class Event(StrEnum):
    """What happened to a request, as its client saw it."""

    SENT = "sent"
    ACCEPTED = "accepted"  # a promise to answer: 202, or an `accepted` frame
    ANSWERED = "answered"  # a result, or the error of this row, with the id of its log row
    REFUSED = "refused"  # an error with a code, and nothing is promised
    BROKEN = "broken"  # the connection ended, and nothing is known
    LABELLED = "labelled"  # feedback was taken


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `at` is the monotonic clock, which all processes of a machine share."""

    at: float
    client: str
    event: Event
    nonce: int
    connection: int = 0
    request_id: int | None = None
    value: float | None = None
    version: str = ""
    code: str = ""  # of an error, after the HTTP status if it has one
    label: str = ""


class Journal:
    """The open end of the file."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def close(self) -> None:
        os.close(self._file)

    def note(self, client: str, event: Event, nonce: int, **more: object) -> None:
        entry = Entry(time.monotonic(), client, event, nonce, **more)  # type: ignore[arg-type]  # its fields
        os.write(self._file, msgspec.json.encode(entry) + b"\n")


class Reader:
    """Reads a journal that is still being written: each call returns what is new."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file: BinaryIO = path.open("rb")
        self._rest = b""

    def close(self) -> None:
        self._file.close()

    def more(self) -> Sequence[Entry]:
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [msgspec.json.decode(line, type=Entry) for line in lines]
