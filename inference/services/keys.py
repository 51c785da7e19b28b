"""What may be done with API keys: make one, revoke one."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from inference import keys
from inference.keys import Scope
from inference.models import ApiKey
from inference.services import announce


@transaction.atomic
def key_create(
    name: str, scopes: Collection[Scope], *, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """The row and the key itself, which is never to be had again."""
    if not scopes:
        raise ValueError("A key without a scope opens nothing.")
    if not name.strip():
        raise ValueError("A key without a name cannot be told from the others.")
    announce.registry_changed()
    new = keys.make()
    row = ApiKey.objects.create(
        prefix=new.prefix,
        hashed=new.hashed,
        name=name,
        scopes=[scope.value for scope in Scope if scope in scopes],
        expires_at=expires_at,
    )
    return row, new.text


@transaction.atomic
def key_revoke(prefix: str) -> bool:
    """Whether this call revoked it; False if it was revoked before or never was."""
    announce.registry_changed()
    alive = ApiKey.objects.filter(prefix=prefix, revoked_at=None)
    return alive.update(revoked_at=timezone.now()) == 1
