"""Each page says what it may load, and the files beside it come whole."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory

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


@pytest.mark.parametrize("path", ["/", "/apis", "/administration"])
def test_a_page_loads_only_what_we_serve(path: str) -> None:
    assert policy(path) == STRICT


@pytest.mark.parametrize("path", ["/api/v1/endpoints", "/admin/"])
def test_the_browsable_api_and_the_admin_may_style_but_not_script_inline(path: str) -> None:
    assert policy(path) == STRICT.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")


def test_a_view_may_bring_its_own_policy() -> None:
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'self'"})

    assert policy("/", own) == "default-src 'self'"


async def test_a_file_beside_the_page_comes_whole_and_without_a_warning() -> None:
    answer = await AsyncClient().get("/static/admin/css/base.css")

    assert (answer.status_code, answer.streaming) == (200, False)
    assert answer.headers["Content-Type"].startswith("text/css")
    assert b"django" in answer.content.lower()


async def test_a_file_that_has_not_changed_is_not_sent_again() -> None:
    client = AsyncClient()
    first = await client.get("/static/admin/css/base.css")

    again = await client.get(
        "/static/admin/css/base.css",
        headers={"If-Modified-Since": first.headers["Last-Modified"]},
    )

    assert (again.status_code, again.content) == (304, b"")
