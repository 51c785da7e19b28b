"""Endpoints, algorithms and their histories; promote, retire, start a test."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.db.models import Count, Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from inference.admin.base import Shown, ShownInline, pretty, username
from inference.admin.forms import StartTestForm
from inference.admin.uploads import WithUploads
from inference.core.errors import WeirError
from inference.core.lifecycle import Rule, Status
from inference.core.types import LogMode
from inference.models import ABTest, Endpoint, MLAlgorithm, MLAlgorithmStatus
from inference.services import experiments, models, promotions
from inference.services.promotions import Gate


@admin.register(Endpoint)
class EndpointAdmin(Shown):
    """What answers under which name; the log mode can be chosen."""

    list_display = ("name", "owner", "in_production", "running_test", "algorithms", "log_mode")
    list_filter = ("log_mode",)
    search_fields = ("name", "owner")
    written = ("log_mode",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Endpoint]:
        """With what the list shows, in three queries for any number of rows."""
        production = MLAlgorithm.objects.filter(current_status=Status.PRODUCTION.value)
        rows: QuerySet[Endpoint] = super().get_queryset(request)
        return rows.annotate(counted=Count("algorithms")).prefetch_related(
            Prefetch("algorithms", production.defer("code", "schema"), "producing"),
            Prefetch("tests", ABTest.objects.filter(ended_at=None), "running"),
        )

    @admin.display(description="in production")
    def in_production(self, endpoint: Any) -> str:
        """The algorithm that answers by default."""
        return ", ".join(str(algorithm) for algorithm in endpoint.producing) or "-"

    @admin.display(description="running test")
    def running_test(self, endpoint: Any) -> str:
        """The test that shares its traffic."""
        return ", ".join(str(test) for test in endpoint.running) or "-"

    @admin.display(ordering="counted")
    def algorithms(self, endpoint: Any) -> int:
        """How many there are."""
        counted: int = endpoint.counted
        return counted

    def write(self, request: HttpRequest, obj: Endpoint) -> None:
        """How its predictions are logged from now on."""
        models.endpoint_set_log_mode(obj.pk, LogMode(obj.log_mode), by=username(request))


class StatusInline(ShownInline):
    """An algorithm's history."""

    model = MLAlgorithmStatus
    fields = ("status", "active", "created_by", "created_at", "reason")
    readonly_fields = fields
    ordering = ("-id",)


@admin.register(MLAlgorithm)
class AlgorithmAdmin(WithUploads, Shown):
    """Every version of every model; promote one, or test several against each other."""

    list_display = (
        "id",
        "name",
        "version",
        "parent_endpoint",
        "current_status",
        "runtime",
        "owner",
        "created_at",
    )
    list_display_links = ("id", "name")
    list_filter = ("current_status", "parent_endpoint", "runtime")
    list_select_related = ("parent_endpoint",)
    search_fields = ("name", "version", "owner", "artefact_hash")
    left_out = ("schema", "report", "metrics", "production_slot")
    readonly_fields = ("measured", "compiled", "rows")
    inlines = (StatusInline,)
    actions = ("promote", "to_testing", "to_staging", "retire", "start_test")

    def get_queryset(self, request: HttpRequest) -> QuerySet[MLAlgorithm]:
        """Large fields are read when one row is looked at."""
        rows = super().get_queryset(request)
        listing = getattr(request.resolver_match, "url_name", "").endswith("_changelist")
        return rows.defer("code", "schema", "report", "metrics") if listing else rows

    @admin.display(description="metrics")
    def measured(self, algorithm: MLAlgorithm) -> SafeString:
        """On held-out rows, at registration."""
        return pretty(algorithm.metrics)

    @admin.display(description="comparison with the original")
    def compiled(self, algorithm: MLAlgorithm) -> SafeString:
        """Whether the compiled form gives the same answers."""
        return pretty(algorithm.report)

    @admin.display(description="schema")
    def rows(self, algorithm: MLAlgorithm) -> SafeString:
        """What a row looks like."""
        return pretty(algorithm.schema)

    @admin.action(description="Promote to production", permissions=["change"])
    def promote(self, request: HttpRequest, chosen: QuerySet[MLAlgorithm]) -> None:
        """Of each endpoint one; the former one goes to testing."""
        self._move(request, chosen, Status.PRODUCTION)

    @admin.action(description="Move to testing", permissions=["change"])
    def to_testing(self, request: HttpRequest, chosen: QuerySet[MLAlgorithm]) -> None:
        """Reachable by its status."""
        self._move(request, chosen, Status.TESTING)

    @admin.action(description="Move to staging", permissions=["change"])
    def to_staging(self, request: HttpRequest, chosen: QuerySet[MLAlgorithm]) -> None:
        """Reachable by its status."""
        self._move(request, chosen, Status.STAGING)

    @admin.action(description="Retire", permissions=["change"])
    def retire(self, request: HttpRequest, chosen: QuerySet[MLAlgorithm]) -> None:
        """No process loads it any more."""
        self._move(request, chosen, Status.RETIRED)

    def _move(self, request: HttpRequest, chosen: QuerySet[MLAlgorithm], status: Status) -> None:
        verb = partial(_moved, status=status, by=username(request))
        for algorithm in chosen:
            self.attempt(request, verb, algorithm)

    @admin.action(description="Start an A/B test between these", permissions=["change"])
    def start_test(
        self, request: HttpRequest, chosen: QuerySet[MLAlgorithm]
    ) -> HttpResponse | None:
        """Asks for a title, the rule and the weights; then the test runs."""
        arms = list(chosen.select_related("parent_endpoint").order_by("id"))
        form = StartTestForm(arms, request.POST if "start" in request.POST else None)
        if form.is_bound and form.is_valid() and self._started(request, form):
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Start an A/B test",
            "form": form,
            "chosen": arms,
            "verb": "start",
            "action": "start_test",
            "opts": self.opts,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/inference/ask.html", context)

    def _started(self, request: HttpRequest, form: StartTestForm) -> bool:
        """Whether it runs now; if not, the form comes back with the reason."""
        given = form.cleaned_data
        try:
            test = experiments.start(
                given["title"],
                username(request),
                form.split(),
                Rule(given["rule"]),
                coverage=1.0 if given["coverage"] is None else given["coverage"],
                difference=given["difference"],
            )
        except WeirError as error:
            form.add_error(None, error.message)
            return False
        self.message_user(request, f"Test {test} is running.", messages.SUCCESS)
        return True


def _moved(algorithm: MLAlgorithm, status: Status, by: str) -> str:
    gate = Gate(closed=settings.WEIR.promotion_gate)
    promotions.promote(algorithm.pk, status, by=by, why="by the admin", gate=gate)
    return f"{algorithm} is {status} now."


@admin.register(MLAlgorithmStatus)
class StatusAdmin(Shown):
    """Who moved which algorithm when, and why."""

    list_display = ("id", "parent_mlalgorithm", "status", "active", "created_by", "created_at")
    list_filter = ("status", "active", "parent_mlalgorithm__parent_endpoint")
    list_select_related = ("parent_mlalgorithm",)
    search_fields = ("created_by", "reason", "parent_mlalgorithm__name")
    ordering = ("-id",)
    left_out = ("active_slot",)
