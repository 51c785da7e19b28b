"""How often a test with dice is thrown."""

from __future__ import annotations

from django.conf import settings


def seeds(count: int) -> range:
    """So many on the database of `make test`, one on the others.

    Dice find what rules get wrong; whether a database takes them to mean the same, one run shows.
    """
    return range(count if settings.WEIR.database_url.startswith("sqlite") else 1)
