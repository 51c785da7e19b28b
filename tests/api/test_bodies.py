"""How large a body may be, with and without a length, over a real ASGI request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest, JsonResponse
from django.test import override_settings
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

LIMIT = 2_097_152


class Echo(APIView):
    permission_classes = ()

    def post(self, request: Request) -> Response:
        return Response({"got": request.data})


def outside(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"length": request.META.get("CONTENT_LENGTH", "none")})


urlpatterns = [
    path("api/v1/echo", Echo.as_view()),
    path("api/v1/x/predict", Echo.as_view()),
    path("elsewhere", outside),
]
pytestmark = pytest.mark.usefixtures("_routes")


@pytest.fixture
def _routes() -> Any:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["inference.api.bodies.limited_body"]):
        yield


async def post(
    route: str, parts: Sequence[bytes], headers: Mapping[bytes, bytes]
) -> tuple[int, bytes]:
    scope = {
        "type": "http",
        "method": "POST",
        "path": route,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *headers.items()],
    }
    make: Any = ApplicationCommunicator  # asgiref leaves its testing untyped
    server = make(ASGIHandler(), scope)
    for at, part in enumerate(parts, 1):
        more = at < len(parts)
        await server.send_input({"type": "http.request", "body": part, "more_body": more})
    start = await server.receive_output(5)
    body = await server.receive_output(5)
    await server.wait(5)
    return start["status"], body["body"]


JSON = {b"content-type": b"application/json"}


async def test_a_body_that_came_in_chunks_is_read() -> None:
    chunked = JSON | {b"transfer-encoding": b"chunked"}

    assert await post("/api/v1/echo", [b'{"a"', b": 1}"], chunked) == (200, b'{"got":{"a":1}}')


async def test_a_form_that_came_in_chunks_is_read() -> None:
    form = {b"content-type": b"application/x-www-form-urlencoded"}

    assert await post("/api/v1/echo", [b"a=", b"1"], form) == (200, b'{"got":{"a":"1"}}')


@pytest.mark.parametrize("length", [{}, {b"content-length": str(LIMIT + 1).encode()}])
async def test_too_much_is_a_413_with_and_without_a_length(length: dict[bytes, bytes]) -> None:
    status, body = await post("/api/v1/echo", [b"[", b"1" * LIMIT], JSON | length)

    assert status == 413
    assert body == b'{"code": "too_large", "message": "A body has at most 2097152 bytes."}'


async def test_the_predict_route_says_it_in_the_words_of_the_tutorial() -> None:
    _, body = await post("/api/v1/x/predict", [b"[", b"1" * LIMIT], JSON)

    assert body.startswith(b'{"status": "Error", "code": "too_large"')


async def test_the_largest_body_goes_through() -> None:
    body = b'"' + b"a" * (LIMIT - 2) + b'"'

    status, _ = await post("/api/v1/echo", [body], JSON)

    assert status == 200


async def test_other_paths_are_left_alone() -> None:
    assert await post("/elsewhere", [b"abc"], {}) == (200, b'{"length": "none"}')
