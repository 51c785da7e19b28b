"""The one page that is not an API: the dashboard."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe


@require_safe
@ensure_csrf_cookie  # the page's own requests need the token
def dashboard(request: HttpRequest) -> HttpResponse:
    """The page; in production only for those who are logged in."""
    if not settings.WEIR.is_open and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    return render(request, "dashboard.html", {"profile": settings.WEIR.profile})
