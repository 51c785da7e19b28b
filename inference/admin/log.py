"""The prediction log, newest first; feedback can be corrected."""

from __future__ import annotations

from typing import Any, Final

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

from inference.admin.base import Shown
from inference.models import MLRequest
from inference.services import feedback

_MOST: Final = 10_000


class NewestPaginator(Paginator):
    """Pages through the newest matches: to count all of a large log takes too long."""

    @cached_property
    def count(self) -> int:
        """Of the rows that can be paged through."""
        rows: Any = self.object_list
        return int(rows[:_MOST].count())


class FailedFilter(admin.SimpleListFilter):
    """Answers and errors apart, without asking the table which codes there are."""

    title = "result"
    parameter_name = "failed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Two kinds."""
        return [("0", "answered"), ("1", "failed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those of the chosen kind."""
        if self.value() == "0":
            return queryset.filter(error_code="")
        return queryset.exclude(error_code="") if self.value() == "1" else queryset


@admin.register(MLRequest)
class RequestAdmin(Shown):
    """What was asked and answered."""

    list_display = (
        "id",
        "parent_mlalgorithm",
        "response",
        "feedback",
        "error_code",
        "subject",
        "latency_us",
        "created_at",
    )
    list_filter = (FailedFilter, "parent_mlalgorithm")
    list_select_related = ("parent_mlalgorithm",)
    search_fields = ("=id", "=subject")
    search_help_text = "A request id or a subject, exactly."
    ordering = ("-id",)
    paginator = NewestPaginator
    show_full_result_count = False
    written = ("feedback",)

    def write(self, request: HttpRequest, obj: Any) -> None:
        """What the truth was; the tallies follow."""
        feedback.record(obj.pk, obj.feedback or "")
