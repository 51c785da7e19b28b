"""Where bundles lie: whole files named by their own sha256, in Django's storage."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, Storage, storages

from inference import sealing
from inference.core.errors import BundleInvalid

_ALIAS = "bundles"
_KEY = re.compile(r"[0-9a-f]{64}\.weir")


class WholeFileStorage(FileSystemStorage):
    """Files that are there entirely or not at all, whenever the power goes."""

    def _save(self, name: str, content: File) -> str:
        path = Path(self.path(name))
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{secrets.token_hex(8)}")
        try:
            _write(draft, content)
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        return name


def _write(path: Path, content: File) -> None:
    with path.open("xb") as file:
        for chunk in content.chunks():
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())


def put(data: bytes) -> str:
    """Keep a bundle; its key. Keeping it twice changes nothing."""
    key = f"{hashlib.sha256(data).hexdigest()}.weir"
    storage = _storage()
    if not storage.exists(key):
        storage.save(key, ContentFile(data))
    return key


def get(key: str) -> bytes:
    """The bytes kept under `key`; raises BundleInvalid if they are gone or others."""
    if not _KEY.fullmatch(key):
        raise BundleInvalid("This is no key of a bundle.")
    data = _read(key)
    if f"{hashlib.sha256(data).hexdigest()}.weir" != key:
        raise BundleInvalid("The bundle is not the one that was registered.")
    return data


def _read(key: str) -> bytes:
    try:
        with _storage().open(key) as file:
            data: bytes = file.read(sealing.LIMITS.packed + 1)
    except OSError as error:
        raise BundleInvalid("The bundle is not in the store.") from error
    return data


def _storage() -> Storage:
    """The storage named `bundles` if the settings have one, else files under the data directory."""
    if _ALIAS in settings.STORAGES:
        return storages[_ALIAS]
    return WholeFileStorage(location=settings.WEIR.data_dir / _ALIAS)
