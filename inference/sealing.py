"""A signed archive: whoever does not have the key can neither write one nor change a bit of it.

The last 64 bytes are the HMAC-SHA256, in hex, of everything before them. They are the comment of
the zip file, so any zip tool opens it; we look at the signature before we look at the zip.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import zipfile
from collections.abc import Collection, Mapping

from inference.core.errors import BundleInvalid
from inference.runtimes import archive

_SIGNATURE = 64
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
# As well as it may compress: who has the key packs no bombs, but weights that are all the same.
_ANY_RATIO = 1 << 20
LIMITS = archive.Limits(packed=256 << 20, unpacked=1 << 30, entries=8, ratio=_ANY_RATIO)


def seal(members: Mapping[str, bytes], key: bytes) -> bytes:
    """The same members and key always give the same bytes.

    Raises BundleInvalid for what is too large to be opened again.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for name in sorted(members):
            zipped.writestr(_entry(name), members[name])
        zipped.comment = b"0" * _SIGNATURE
    data = buffer.getvalue()[:-_SIGNATURE]
    sealed = data + _sign(data, key)
    unseal(sealed, key, members)
    return sealed


def unseal(data: bytes, key: bytes, names: Collection[str]) -> dict[str, bytes]:
    """The members; raises BundleInvalid unless every byte is as it was sealed with this key."""
    if not hmac.compare_digest(data[-_SIGNATURE:], _sign(data[:-_SIGNATURE], key)):
        raise BundleInvalid("The bundle is not signed with this installation's key, or damaged.")
    return archive.members(data, LIMITS, allowed=names.__contains__)


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the moment and the machine it was written on, which are no part of its identity."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = _READABLE
    return entry


def _sign(data: bytes, key: bytes) -> bytes:
    return hmac.new(key, data, hashlib.sha256).hexdigest().encode()
