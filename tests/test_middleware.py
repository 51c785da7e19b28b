"""Each page says what it may load."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from asgi_project.middleware import ContentSecurityPolicy

STRICT = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)


def policy(path: str, response: HttpResponse | None = None) -> str:
    middleware = ContentSecurityPolicy(lambda request: response or HttpResponse())
    answer = middleware(RequestFactory().get(path))
    assert isinstance(answer, HttpResponse)
    return answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/admin/", "/apis"])
def test_a_page_loads_only_what_we_serve(path: str) -> None:
    assert policy(path) == STRICT


def test_the_browsable_api_may_style_but_not_script_inline() -> None:
    assert policy("/api/v1/endpoints") == STRICT.replace(
        "style-src 'self'", "style-src 'self' 'unsafe-inline'"
    )


def test_a_view_may_bring_its_own_policy() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})

    assert policy("/", own) == "default-src 'self'"
