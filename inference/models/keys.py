"""A machine's way in."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from inference.models.fields import NAME_LENGTH


class ApiKey(models.Model):
    """A machine's way in; of the secret only a hash is kept."""

    prefix = models.CharField(max_length=16, unique=True)
    hashed = models.CharField(max_length=128)
    name = models.CharField(max_length=NAME_LENGTH)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix})"
