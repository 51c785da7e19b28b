"""A signed archive: whoever does not have the key can neither write one nor change a bit of it.

The last bytes are the signature, in hex, of everything before them: 64 of HMAC-SHA256, 128 of
Ed25519. They are the comment of the zip file, so any zip tool opens it; we look at the signature
before we look at the zip.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Collection, Mapping

from inference import signing
from inference.core.errors import BundleInvalid
from inference.runtimes import archive
from inference.signing import Ring

_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o644 << 16
# As well as it may compress: who has the key packs no bombs, but weights that are all the same.
_ANY_RATIO = 1 << 20
LIMITS = archive.Limits(packed=256 << 20, unpacked=1 << 30, entries=12, ratio=_ANY_RATIO)


def seal(members: Mapping[str, bytes], keys: bytes | Ring) -> bytes:
    """The same members and key always give the same bytes.

    Raises BundleInvalid for what is too large to be opened again, CannotSign without a key.
    """
    ring = _ring(keys)
    signer = ring.own
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as zipped:
        for name in sorted(members):
            zipped.writestr(_entry(name), members[name])
        zipped.comment = b"0" * signer.length
    data = buffer.getvalue()[: -signer.length]
    sealed = data + signer.sign(data)
    unseal(sealed, ring, members)
    return sealed


def unseal(data: bytes, keys: bytes | Ring, names: Collection[str]) -> dict[str, bytes]:
    """The members; raises BundleInvalid unless every byte is as a trusted key has sealed it."""
    if not _ring(keys).knows(data):
        raise BundleInvalid("The bundle is not signed with a key that is trusted here, or damaged.")
    return archive.members(data, LIMITS, allowed=names.__contains__)


def _ring(keys: bytes | Ring) -> Ring:
    return signing.shared(keys) if isinstance(keys, bytes) else keys


def _entry(name: str) -> zipfile.ZipInfo:
    """Without the moment and the machine it was written on, which are no part of its identity."""
    entry = zipfile.ZipInfo(name, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 3
    entry.external_attr = _READABLE
    return entry
