"""The pages that are no API: the dashboard, and what it leads to."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

PAGES: Final = (("/", "Endpoints"), ("/experiments", "Experiments"), ("/operations", "Operations"))


@require_safe
@ensure_csrf_cookie  # the page's own requests need the token
def dashboard(request: HttpRequest, name: str = "") -> HttpResponse:
    """An endpoint; without a name the page chooses one that is being tested."""
    return _page(request, "dashboard.html", "dashboard/main.js", "Endpoints")


@require_safe
@ensure_csrf_cookie
def experiments(request: HttpRequest) -> HttpResponse:
    """All experiments."""
    return _page(request, "experiments.html", "dashboard/pages/experiments.js", "Experiments")


@require_safe
@ensure_csrf_cookie
def experiment(request: HttpRequest, experiment_id: int) -> HttpResponse:
    """One experiment; the page itself finds out whether there is one of that number."""
    script = "dashboard/pages/experiment.js"
    return _page(request, "experiment.html", script, "Experiments", experiment=str(experiment_id))


@require_safe
@ensure_csrf_cookie
def operations(request: HttpRequest) -> HttpResponse:
    """Queues, batches, workers, refusals."""
    return _page(request, "operations.html", "dashboard/pages/operations.js", "Operations")


def _page(
    request: HttpRequest, template: str, script: str, here: str, **more: str
) -> HttpResponse:
    """In production only for those who are logged in."""
    if not settings.WEIR.is_open and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    profile = settings.WEIR.profile
    shown = {"profile": profile, "pages": PAGES, "script": script, "here": here, **more}
    return render(request, template, shown)
