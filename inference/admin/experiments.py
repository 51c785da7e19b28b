"""Tests with their arms and what was counted; stop one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from inference import readouts
from inference.admin.base import Shown, ShownInline, pretty, username
from inference.admin.forms import WeightsForm
from inference.models import ABTest, Arm, ArmTally, Decision
from inference.services import endings, experiments
from inference.services.experiments import Stopped


class ArmInline(ShownInline):
    """The algorithms that share the traffic."""

    model = Arm
    fields = ("phase", "position", "algorithm", "weight", "propensity", "status_before")
    readonly_fields = fields


@admin.register(ABTest)
class ABTestAdmin(Shown):
    """What was tested, what came of it; only what a test is called can be changed."""

    list_display = (
        "id",
        "title",
        "endpoint",
        "running",
        "phase",
        "coverage",
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
    written = ("title", "created_by", "coverage")
    left_out = ("evidence", "running_slot")
    readonly_fields = ("now",)
    inlines = (ArmInline,)
    actions = ("stop", "roll_back", "promote", "reweight")

    @admin.display(boolean=True, ordering="ended_at")
    def running(self, test: ABTest) -> bool:
        """Whether it still shares the traffic."""
        return test.ended_at is None

    @admin.display(description="counted so far")
    def now(self, test: ABTest) -> SafeString:
        """The snapshot that the dashboard shows."""
        return pretty(readouts.experiment_snapshot(test.pk))

    @admin.action(description="Stop: do what the rule says", permissions=["change"])
    def stop(self, request: HttpRequest, chosen: QuerySet[ABTest]) -> None:
        """Once; a stopped test only says its summary again."""
        for test in chosen:
            self.attempt(request, partial(_stopped, by=username(request)), test)

    @admin.action(description="Roll back: end it as it was before", permissions=["change"])
    def roll_back(self, request: HttpRequest, chosen: QuerySet[ABTest]) -> None:
        """Once, as a stop."""
        for test in chosen:
            verb = partial(_ended, verb=endings.roll_back, by=username(request))
            self.attempt(request, verb, test)

    @admin.action(description="Promote: end it with its challenger", permissions=["change"])
    def promote(self, request: HttpRequest, chosen: QuerySet[ABTest]) -> None:
        """Once, as a stop."""
        for test in chosen:
            promote = partial(endings.promote, guarded=settings.WEIR.promotion_gate)
            verb = partial(_ended, verb=promote, by=username(request))
            self.attempt(request, verb, test)

    def write(self, request: HttpRequest, obj: Any) -> None:
        """What people call it, and how many take part."""
        experiments.rename(obj.pk, title=obj.title, created_by=obj.created_by)
        if obj.coverage != ABTest.objects.get(pk=obj.pk).coverage:
            experiments.widen(obj.pk, obj.coverage, username(request))

    @admin.action(description="Re-weight: begin a new phase", permissions=["change"])
    def reweight(self, request: HttpRequest, chosen: QuerySet[ABTest]) -> HttpResponse | None:
        """Asks for the weights of one test; whoever was assigned before keeps his arm."""
        if chosen.count() != 1:
            self.message_user(request, "Choose one test.", messages.ERROR)
            return None
        test = chosen.prefetch_related("arms__algorithm").get()
        form = WeightsForm(test.current, request.POST if "reweight" in request.POST else None)
        if form.is_bound and form.is_valid():
            verb = partial(_reweighted, weights=form.weights(), by=username(request))
            self.attempt(request, verb, test)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Re-weight {test}",
            "form": form,
            "chosen": [test],
            "opts": self.opts,
            "verb": "reweight",
            "action": "reweight",
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/inference/ask.html", context)


def _reweighted(test: ABTest, weights: Sequence[int], by: str) -> str:
    phase = experiments.reweight(test.pk, weights, by=by).phase
    return f"{test} is in phase {phase}; whoever was assigned before keeps the arm."


def _stopped(test: ABTest, by: str) -> str:
    stopped = experiments.stop(test.pk, by=by)
    return f"{test}: {stopped.message} {stopped.summary}"


def _ended(test: ABTest, verb: Callable[[int, str], Stopped], by: str) -> str:
    stopped = verb(test.pk, by)
    return f"{test}: {stopped.message} {stopped.summary}"


@admin.register(Decision)
class DecisionAdmin(Shown):
    """What was done to tests and what was known then; nobody can change it."""

    list_display = ("made_at", "abtest", "what", "made_by", "why")
    list_display_links = ("made_at", "what")
    list_filter = ("what", "abtest")
    list_select_related = ("abtest",)
    search_fields = ("made_by", "why", "abtest__title")
    ordering = ("-id",)
    left_out = ("evidence",)
    readonly_fields = ("known",)

    @admin.display(description="evidence")
    def known(self, decision: Decision) -> SafeString:
        """The snapshot of the test at that moment."""
        return pretty(decision.evidence)


@admin.register(ArmTally)
class ArmTallyAdmin(Shown):
    """What each writer counted; an arm's tally is the sum over its shards."""

    list_display = ("arm", "shard", "exposures", "subjects", "errors", "labelled", "correct")
    list_filter = ("shard", "arm__abtest")
    list_select_related = ("arm",)
    left_out = ("latency",)
