"""Bundles as rows, so that a process needs no disk and no service beyond the database it has."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from typing import Final

from django.core.files.base import ContentFile, File
from django.core.files.storage import Storage
from django.db import Error, IntegrityError, transaction
from django.db.models import QuerySet, Sum
from django.db.models.functions import Length

from inference.models import StoredBundle

# MySQL takes statements of 4 MiB unless it is told otherwise, and quoting may double the bytes.
PIECE: Final = 1 << 20


class DatabaseStorage(Storage):
    """A file is the rows of its key in the order of their numbers, written in one transaction."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        """The name as it is: a bundle's name is its hash, so the same name is the same bytes."""
        return name

    def exists(self, name: str) -> bool:
        with _reached():
            return _pieces(name).exists()

    def delete(self, name: str) -> None:
        with _reached():
            _pieces(name).delete()

    def size(self, name: str) -> int:
        with _reached():
            total: int | None = _pieces(name).aggregate(total=Sum(Length("data")))["total"]
        if total is None:
            raise FileNotFoundError(name)
        return total

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        """Every key; there are no folders."""
        with _reached():
            keys = StoredBundle.objects.filter(piece=0).order_by("key")
            return [], list(keys.values_list("key", flat=True))

    def _open(self, name: str, mode: str = "rb") -> File:
        with _reached():
            data = _joined(name)
        if not data:
            raise FileNotFoundError(name)
        return ContentFile(data, name)

    def _save(self, name: str, content: File) -> str:
        with _reached(), contextlib.suppress(IntegrityError), transaction.atomic():
            # A key that is there meanwhile was written by somebody who had the same bytes.
            for piece, data in enumerate(content.chunks(PIECE)):
                StoredBundle.objects.create(key=name, piece=piece, data=data)
        return name


def _pieces(name: str) -> QuerySet[StoredBundle]:
    return StoredBundle.objects.filter(key=name)


def _joined(name: str) -> bytes:
    """One piece a query: all at once, the driver and we would each hold the bundle twice."""
    pieces = _pieces(name).values_list("data", flat=True)
    data = io.BytesIO()
    for number in range(pieces.count()):
        data.write(pieces.filter(piece=number).first() or b"")  # removed meanwhile: the hash tells
    return data.getvalue()


@contextlib.contextmanager
def _reached() -> Iterator[None]:
    try:
        yield
    except Error as error:
        raise OSError(f"the database says: {error}") from error
