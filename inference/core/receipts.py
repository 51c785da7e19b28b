"""What makes two requests the same one: the name a caller gave it, and what it asks for.

A receipt is kept under the digest of caller, scope and name, so that callers never meet; the
fingerprint says whether a name that comes again stands for the same request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from inference.core.errors import FrameInvalid, RowInvalid

HEADER: Final = "Idempotency-Key"
LONGEST: Final = 255
_VISIBLE: Final = range(0x21, 0x7F)
_SHORTEST_SESSION: Final = 16
_LONGEST_SESSION: Final = 128
_URL_SAFE: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

Spans = list[list[int]]


def checked_key(text: str) -> str:
    """Raises RowInvalid naming the header."""
    if not 0 < len(text) <= LONGEST or any(ord(character) not in _VISIBLE for character in text):
        sentence = f"{HEADER} has 1 to {LONGEST} characters, all of them visible ASCII."
        raise RowInvalid(sentence, field=HEADER)
    return text


def checked_session(text: str) -> str:
    """Raises FrameInvalid: whoever can guess a session could read its answers."""
    if not _SHORTEST_SESSION <= len(text) <= _LONGEST_SESSION or not _URL_SAFE.issuperset(text):
        raise FrameInvalid(
            f"A session has {_SHORTEST_SESSION} to {_LONGEST_SESSION} letters, digits, - and _."
        )
    return text


def digest(*parts: str | bytes) -> str:
    """One text for all of them; where one ends and the next begins is part of it."""
    hashed = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass")
        hashed.update(b"%d:" % len(data))
        hashed.update(data)
    return hashed.hexdigest()


def spans(ids: Iterable[int]) -> Spans:
    """Ids as pairs of a first one and how many follow each other from there."""
    found: Spans = []
    for each in ids:
        if found and each == sum(found[-1]):
            found[-1][1] += 1
        else:
            found.append([each, 1])
    return found


def ids(kept: Sequence[Sequence[int]]) -> list[int]:
    """What `spans` was made of."""
    return [each for first, count in kept for each in range(first, first + count)]
