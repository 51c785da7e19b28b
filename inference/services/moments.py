"""The clock that several machines agree on: the database's."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now


def now() -> Now:
    return Now()


def since_now(seconds: float) -> ExpressionWrapper:
    """So many seconds from now; a negative number of them ago."""
    moment = Now() + timedelta(seconds=seconds)
    return ExpressionWrapper(moment, output_field=DateTimeField())
