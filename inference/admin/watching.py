"""What was noticed about models, newest first."""

from __future__ import annotations

from django.contrib import admin

from inference.admin.base import Shown
from inference.models import MonitorEvent


@admin.register(MonitorEvent)
class MonitorEventAdmin(Shown):
    """When something began, and when it was over."""

    list_display = ("id", "made_at", "endpoint", "algorithm", "kind", "subject", "over", "text")
    list_filter = ("kind", "over", "endpoint")
    list_select_related = ("endpoint", "algorithm")
    search_fields = ("subject",)
    ordering = ("-id",)
