"""Which zip files we open at all: few entries, known names, no bombs."""

from __future__ import annotations

import io
import stat
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from inference.core.errors import BundleInvalid

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
)
# A file that says little is not a bomb, however well it compresses.
_RATIO_FROM = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """How large an archive may be, before and after unpacking; sizes in bytes."""

    packed: int
    unpacked: int
    entries: int
    ratio: int = 200


def members(data: bytes, limits: Limits, allowed: Callable[[str], bool]) -> dict[str, bytes]:
    """Every member, unpacked in memory; raises BundleInvalid."""
    if len(data) > limits.packed:
        raise BundleInvalid(f"The archive is larger than {limits.packed} bytes.")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            _check(infos, limits, allowed)
            return {info.filename: _read(archive, info) for info in infos}
    except _DAMAGES as error:
        raise BundleInvalid("The archive is damaged.") from error


def _check(infos: list[zipfile.ZipInfo], limits: Limits, allowed: Callable[[str], bool]) -> None:
    if not infos or len(infos) > limits.entries:
        raise BundleInvalid(f"The archive has {len(infos)} entries, not 1 to {limits.entries}.")
    if len({info.filename for info in infos}) != len(infos):
        raise BundleInvalid("The archive holds one name twice.")
    for info in infos:
        _check_entry(info, limits, allowed)
    if sum(info.file_size for info in infos) > limits.unpacked:
        raise BundleInvalid(f"The archive unpacks to more than {limits.unpacked} bytes.")


def _check_entry(info: zipfile.ZipInfo, limits: Limits, allowed: Callable[[str], bool]) -> None:
    if not allowed(info.filename):
        raise BundleInvalid(f"The archive holds an unexpected name: {info.filename[:60]!r}.")
    if info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
        raise BundleInvalid("The archive is packed in a way that is not accepted.")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise BundleInvalid("The archive holds a link.")
    if info.file_size > max(_RATIO_FROM, limits.ratio * info.compress_size):
        raise BundleInvalid("The archive unpacks to suspiciously much.")


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    # The size in the directory is a claim: never unpack more than was checked.
    with archive.open(info) as member:
        data = member.read(info.file_size)
        if len(data) != info.file_size or member.read(1):
            raise BundleInvalid("The archive lies about its sizes.")
    return data
