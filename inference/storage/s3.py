"""Bundles as objects in a bucket of S3 or of what speaks its protocol.

Keys, region and endpoint are read by boto3 itself, from the variables and files that every other
program on the machine uses (`AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL_S3`, ...). Only the storage that
is in force imports this module: boto3 costs a process 26 MB and a fifth of a second.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Final

from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files.base import File
from storages.backends.s3 import S3Storage

# What loads a model must not wait for minutes, as the defaults of boto3 would have it.
_PATIENCE: Final = {
    "connect_timeout": 3,
    "read_timeout": 20,
    "retries": {"mode": "standard", "total_max_attempts": 3},
}


class BucketStorage(S3Storage):  # type: ignore[misc]  # django-storages has no types
    """An object is there when its upload is complete; what S3 says against it is an OSError."""

    def get_default_settings(self) -> dict[str, Any]:
        defaults: dict[str, Any] = super().get_default_settings()
        return defaults | {"client_config": Config(**_PATIENCE), "file_overwrite": True}

    def exists(self, name: str) -> bool:
        with _reached():
            return bool(super().exists(name))

    def delete(self, name: str) -> None:
        with _reached():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with _reached():
            folders, files = super().listdir(name)
        return folders, files

    def _open(self, name: str, mode: str = "rb") -> File:
        with _reached():
            file: File = super()._open(name, mode)
            file.open()  # fetches it, so that what goes wrong with that is said here
        return file

    def _save(self, name: str, content: File) -> str:
        with _reached():
            return str(super()._save(name, content))


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, Boto3Error, ClientError) as error:
        raise OSError(f"S3 says: {error}") from error
