"""Tests with their arms and what was counted; stop one."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from inference import selectors
from inference.admin.base import Shown, ShownInline, pretty, username
from inference.models import ABTest, Arm, ArmTally
from inference.services import experiments


class ArmInline(ShownInline):
    """The algorithms that share the traffic."""

    model = Arm
    fields = ("position", "algorithm", "weight", "status_before")
    readonly_fields = fields


@admin.register(ABTest)
class ABTestAdmin(Shown):
    """What was tested, what came of it; only what a test is called can be changed."""

    list_display = (
        "id",
        "title",
        "endpoint",
        "running",
        "rule",
        "created_by",
        "created_at",
        "ended_at",
        "outcome",
        "summary",
    )
    list_display_links = ("id", "title")
    list_filter = ("rule", ("ended_at", admin.EmptyFieldListFilter), "endpoint")
    list_select_related = ("endpoint",)
    search_fields = ("title", "created_by", "endpoint__name")
    ordering = ("-id",)
    written = ("title", "created_by")
    left_out = ("evidence", "running_slot")
    readonly_fields = ("now",)
    inlines = (ArmInline,)
    actions = ("stop",)

    @admin.display(boolean=True, ordering="ended_at")
    def running(self, test: ABTest) -> bool:
        """Whether it still shares the traffic."""
        return test.ended_at is None

    @admin.display(description="counted so far")
    def now(self, test: ABTest) -> SafeString:
        """The snapshot that the dashboard shows."""
        return pretty(selectors.experiment_snapshot(test.pk))

    @admin.action(description="Stop: do what the rule says", permissions=["change"])
    def stop(self, request: HttpRequest, chosen: QuerySet[ABTest]) -> None:
        """Once; a stopped test only says its summary again."""
        for test in chosen:
            self.attempt(request, partial(_stopped, by=username(request)), test)

    def write(self, request: HttpRequest, obj: Any) -> None:
        """What people call it."""
        experiments.rename(obj.pk, title=obj.title, created_by=obj.created_by)


def _stopped(test: ABTest, by: str) -> str:
    stopped = experiments.stop(test.pk, by=by)
    return f"{test}: {stopped.message} {stopped.summary}"


@admin.register(ArmTally)
class ArmTallyAdmin(Shown):
    """What each writer counted; an arm's tally is the sum over its shards."""

    list_display = ("arm", "shard", "exposures", "subjects", "errors", "labelled", "correct")
    list_filter = ("shard", "arm__abtest")
    list_select_related = ("arm",)
    left_out = ("latency",)
