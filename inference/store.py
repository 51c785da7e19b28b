"""Where bundles lie: whole files named by their own sha256, in the storage called `bundles`."""

from __future__ import annotations

import hashlib
import re
from typing import Final

from django.core.files.base import ContentFile
from django.core.files.storage import Storage, storages

from inference import sealing, storage
from inference.core.errors import BundleInvalid, StorageUnavailable

_ALIAS: Final = "bundles"
_KEY: Final = re.compile(r"[0-9a-f]{64}\.weir")


def put(data: bytes) -> str:
    """Keep a bundle; its key. Keeping it twice changes nothing. Raises StorageUnavailable."""
    key = _key(data)
    _keep(key, data, storages[_ALIAS])
    return key


def get(key: str) -> bytes:
    """The bytes kept under `key`; raises BundleInvalid if they are gone or others.

    Raises StorageUnavailable if nobody can tell, which another time may be different.
    """
    return _whole(key, storages[_ALIAS])


def place(address: str) -> Storage:
    """The storage that `WEIR_BUNDLES` would name like this; raises ValueError for no such one."""
    return storages.create_storage(storage.backend(address))


def keys(where: Storage) -> list[str]:
    """The keys of the bundles that lie there, in order; raises StorageUnavailable."""
    try:
        _, names = where.listdir("")
    except OSError as error:
        raise StorageUnavailable(f"The bundles cannot be listed: {error}") from error
    return sorted(name for name in names if _KEY.fullmatch(name))


def copy(key: str, source: Storage, target: Storage) -> bool:
    """Have the bundle in the target, read back and compared; whether it had to be copied.

    Raises BundleInvalid if the source has it no more, StorageUnavailable if one does not answer.
    """
    if _sound(key, target):
        return False
    data = _whole(key, source)
    _discard(key, target)  # what may lie there under this name is damaged
    _keep(key, data, target)
    _whole(key, target)
    return True


def _key(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()}.weir"


def _sound(key: str, where: Storage) -> bool:
    try:
        _whole(key, where)
    except BundleInvalid:
        return False
    return True


def _keep(key: str, data: bytes, where: Storage) -> None:
    try:
        if not where.exists(key):
            where.save(key, ContentFile(data))
    except OSError as error:
        raise StorageUnavailable(f"The bundle cannot be kept: {error}") from error


def _discard(key: str, where: Storage) -> None:
    try:
        where.delete(key)
    except OSError as error:
        raise StorageUnavailable(f"The damaged bundle cannot be removed: {error}") from error


def _whole(key: str, where: Storage) -> bytes:
    if not _KEY.fullmatch(key):
        raise BundleInvalid("This is no key of a bundle.")
    data = _read(key, where)
    if _key(data) != key:
        raise BundleInvalid("The bundle is not the one that was registered.")
    return data


def _read(key: str, where: Storage) -> bytes:
    try:
        with where.open(key) as file:
            data: bytes = file.read(sealing.LIMITS.packed + 1)
    except FileNotFoundError as error:
        raise BundleInvalid("The bundle is not in the store.") from error
    except OSError as error:
        raise StorageUnavailable(f"The bundle cannot be read: {error}") from error
    return data
