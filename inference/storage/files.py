"""Bundles as files in the data directory of this machine."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage
from django.utils._os import safe_join


class WholeFileStorage(FileSystemStorage):
    """Files that are there entirely or not at all, whenever the power goes."""

    def path(self, name: str) -> str:
        return safe_join(settings.WEIR.data_dir / "bundles", name)

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Nothing where nothing was ever kept; the folder is made by the first file."""
        return super().listdir(path) if self.exists(path) else ([], [])

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
