"""How algorithms were judged, what they are called, and what was done to them; all to be read."""

from __future__ import annotations

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from inference.admin.base import Shown, pretty
from inference.models import Alias, AuditEntry, Evaluation


@admin.register(AuditEntry)
class AuditAdmin(Shown):
    """The newest first. Nothing here can be changed; `manage.py audit --verify` says if it was."""

    list_display = (
        "id",
        "made_at",
        "made_by",
        "what",
        "endpoint",
        "algorithm",
        "before",
        "after",
        "why",
    )
    list_filter = ("what", "endpoint")
    search_fields = ("made_by", "why", "=algorithm")
    ordering = ("-id",)
    left_out = ("evidence",)
    readonly_fields = ("known",)
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: object | None = None) -> bool:
        """It is only looked at."""
        return False

    @admin.display(description="what was known")
    def known(self, entry: AuditEntry) -> SafeString:
        """The test's snapshot or the evaluation, as it was then."""
        return pretty(entry.evidence)


@admin.register(Evaluation)
class EvaluationAdmin(Shown):
    """Whether an algorithm is fit to be promoted, and why."""

    list_display = ("id", "algorithm", "baseline", "blessed", "made_by", "made_at")
    list_filter = ("blessed", "algorithm__parent_endpoint")
    list_select_related = ("algorithm", "baseline")
    ordering = ("-id",)
    left_out = ("report", "reasons")
    readonly_fields = ("why", "found")

    @admin.display(description="reasons")
    def why(self, evaluation: Evaluation) -> SafeString:
        """The first ones decided."""
        return pretty(evaluation.reasons)

    @admin.display(description="report")
    def found(self, evaluation: Evaluation) -> SafeString:
        """What was measured."""
        return pretty(evaluation.report)


@admin.register(Alias)
class AliasAdmin(Shown):
    """Names that move between the algorithms of an endpoint."""

    list_display = ("name", "endpoint", "algorithm", "moved_by", "moved_at")
    list_filter = ("endpoint", "name")
    list_select_related = ("endpoint", "algorithm")
