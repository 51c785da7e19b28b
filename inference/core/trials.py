"""What a web process and the child that tries an upload say to each other: values, never objects.

Neither imports the other: serving knows nothing of training, and the child nothing of requests.
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from inference.core.parcels import Trouble

MOST: Final = 1 << 30  # bytes of one message


class Asked(Struct, array_like=True):
    """A model to be tried, which is of this kind or of none."""

    data: bytes
    kind: str
    identity: dict[str, str]
    schema: bytes | None = None  # as JSON
    rows: bytes | None = None  # as JSON or CSV


class Told(Struct, array_like=True):
    """The parts of a bundle, or what is wrong; to be looked at as if the model had said it."""

    trouble: Trouble | None = None
    card: dict[str, Any] = {}
    schema: dict[str, Any] = {}
    files: dict[str, bytes] = {}
