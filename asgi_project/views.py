"""The pages that are no API: the dashboard's."""

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
def page(request: HttpRequest, template: str, here: str, **shown: object) -> HttpResponse:
    """A page, filled over the socket; in production only for those who are logged in."""
    if not settings.WEIR.is_open and not request.user.is_authenticated:
        return redirect_to_login(request.get_full_path())
    known = {"profile": settings.WEIR.profile, "pages": PAGES, "here": here}
    return render(request, template, {**known, **shown})
