"""What a body may be: JSON as all our doors read it, or a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser

from inference.core import jsonstrict
from inference.core.errors import JsonInvalid

Context = Mapping[str, Any]


class StrictJSONParser(BaseParser):
    """Refuses what two readers could read differently; raises JsonInvalid."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Context | None = None,
    ) -> Any:
        """The value."""
        return jsonstrict.loads(_utf8(stream, parser_context))


class RawJSONParser(BaseParser):
    """The body as it came, for those who read it by a schema."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Context | None = None,
    ) -> Any:
        """The bytes."""
        return _utf8(stream, parser_context)


def _utf8(stream: IO[bytes], context: Context | None) -> bytes:
    encoding = str((context or {}).get("encoding", "utf-8"))
    if encoding.lower() not in {"utf-8", "utf8"}:
        raise JsonInvalid("JSON parse error - only UTF-8 is read here")
    return stream.read()
