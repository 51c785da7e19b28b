"""Requests that were accepted and wait for their answers, and the receipts of those with a key."""

from __future__ import annotations

from django.contrib import admin

from inference.admin.base import Shown
from inference.models import Outbox, Receipt


@admin.register(Outbox)
class OutboxAdmin(Shown):
    """The oldest first: what stays here for long says why in the server's log."""

    list_display = ("id", "endpoint", "attempts", "refusals", "created_at", "due_at")
    list_filter = ("endpoint",)
    search_fields = ("=id",)
    ordering = ("created_at",)


@admin.register(Receipt)
class ReceiptAdmin(Shown):
    """Whose they are cannot be told from them."""

    list_display = ("key", "endpoint", "created_at", "held_since")
    list_filter = ("endpoint",)
    search_fields = ("=key",)
    ordering = ("-created_at",)
    show_full_result_count = False
