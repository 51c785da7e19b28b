"""How a batch gets into the log and the tallies: one module for each kind of database."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Final

from django.db import connection

from inference.services.dialects import portable, postgresql, sqlite
from inference.services.dialects.base import Dialect

_BY_VENDOR: Final[Mapping[str, Dialect]] = {"postgresql": postgresql, "sqlite": sqlite}


@cache
def current() -> Dialect:
    """What the database of this process speaks; what has no module of its own speaks Django's."""
    return _BY_VENDOR.get(connection.vendor, portable)
