"""How long a text may be, and how "at most one of these may be active" is said.

By a generated column that holds the owner's id while the row is active and NULL otherwise, with a
unique constraint on it. A partial unique index would say the same, but MariaDB would silently
leave it out.
"""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import Case, F, GeneratedField, Q, When

NAME_LENGTH: Final = 128
FEEDBACK_LENGTH: Final = 10_000
WHY_LENGTH: Final = 1000


def while_true(condition: Q, owner: str) -> GeneratedField:
    """The owner's id while the condition holds, else NULL: unique, so one such row per owner."""
    return GeneratedField(
        expression=Case(When(condition, then=F(owner))),
        output_field=models.BigIntegerField(null=True),
        db_persist=True,
        unique=True,
    )
