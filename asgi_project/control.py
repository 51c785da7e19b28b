"""Django's part of the application, in one trip to a thread and back."""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class ControlPlane(ASGIHandler):
    """All middleware and views here are synchronous, and run together in the request's thread.

    Django would make each middleware asynchronous and hop to the thread for what is not: twelve
    trips for a request, each of which waits for the loop and for the interpreter. Beside a
    thousand predictions a second that was a third of a second for a label.
    """

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        return await sync_to_async(self.get_response)(request)
