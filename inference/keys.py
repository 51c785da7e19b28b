"""API keys: how one is made and how one is recognised.

A key reads `prefix.secret`. The prefix is no secret: it finds the row and names the key in lists.
Of the whole only a sha-512 is kept; the secret is long and random, so no slow hash is needed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from enum import StrEnum
from typing import Final, NamedTuple

SCHEME: Final = "Api-Key"
_PREFIX_BYTES: Final = 4
_SECRET_BYTES: Final = 32


class Scope(StrEnum):
    """What a key may be allowed to do."""

    PREDICT = "predict"
    FEEDBACK = "feedback"
    READ = "read"
    MANAGE = "manage"


class NewKey(NamedTuple):
    """`text` is shown once and kept nowhere."""

    prefix: str
    hashed: str
    text: str


def make() -> NewKey:
    """A key that nobody had before."""
    prefix = secrets.token_hex(_PREFIX_BYTES)
    text = f"{prefix}.{secrets.token_urlsafe(_SECRET_BYTES)}"
    return NewKey(prefix, digest(text), text)


def digest(text: str) -> str:
    """What is kept of a key."""
    return hashlib.sha512(text.encode("utf-8", "surrogateescape")).hexdigest()


def prefix(text: str) -> str:
    """The part that finds the key's row; empty if this is no key."""
    head, dot, secret = text.partition(".")
    return head if dot and secret else ""


def matches(text: str, hashed: str) -> bool:
    """Whether this is the key that was hashed; takes as long for a near miss as for a far one."""
    return hmac.compare_digest(digest(text), hashed)


def from_header(value: str) -> str | None:
    """The key in an Authorization header, or None if the header speaks of something else."""
    scheme, _, text = value.strip().partition(" ")
    return text.strip() if scheme.lower() == SCHEME.lower() else None
