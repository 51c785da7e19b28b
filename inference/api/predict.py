"""Predictions through REST framework: forms, sessions, the browsable API, and JSON as well.

The data plane answers most JSON before Django is asked; what comes here gets the same answer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import msgspec
from django.conf import settings
from django.http import HttpRequest, QueryDict
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from inference import calls, gateway
from inference.access import by_key, by_session
from inference.api import errors, loop
from inference.api.openapi import PREDICTED, QUEUED, ROWS
from inference.api.parsers import RawJSONParser
from inference.calls import Call
from inference.core import asking, receipts
from inference.core.asking import Ask
from inference.core.errors import ModelUnavailable, RowInvalid
from inference.core.rows import ValueRows
from inference.durable import door, replies, requests
from inference.durable.door import Answer
from inference.durable.requests import Claim, Lasting
from inference.gateway import Answered
from inference.keys import Scope
from inference.models import ApiKey


class PredictView(APIView):
    """One record, or an array of them."""

    of_tutorial = True
    parser_classes = (RawJSONParser, FormParser, MultiPartParser)
    scopes: ClassVar = {"POST": Scope.PREDICT}
    call: Call

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """The request as the framework sees it; from here on it counts."""
        self.call = Call(
            calls.DJANGO, kwargs.get("endpoint_name", ""), getattr(request, "scope", {})
        )
        return super().initialize_request(request, *args, **kwargs)

    def handle_exception(self, exc: Exception) -> Response:
        """The refusal, counted."""
        _tell(self.call.ended, errors.code(exc))
        return super().handle_exception(exc)

    @extend_schema(
        request={"application/json": ROWS, "application/x-www-form-urlencoded": dict},
        responses={200: PREDICTED, 202: QUEUED},
        parameters=[
            OpenApiParameter("status", description="Which algorithm: production by default."),
            OpenApiParameter("version", description="Its exact version."),
            OpenApiParameter("algorithm", int, description="Its id; wins over all the others."),
            OpenApiParameter("alias", description="Such as champion; wins over status, version."),
            OpenApiParameter("subject", description="Keeps its arm while a test runs."),
            OpenApiParameter("strict", bool, description="422 for a row that does not fit."),
            OpenApiParameter("wait", float, description="Seconds to wait before 202 with an id."),
            OpenApiParameter(receipts.HEADER, location="header", description="One effect for all."),
            OpenApiParameter("Prefer", location="header", description="respond-async, wait=10"),
        ],
    )
    def post(self, request: Request, endpoint_name: str) -> Response:
        """The answer, once it is logged; an array is answered by an array in the same order."""
        ask = asking.from_query(endpoint_name, request.query_params.dict())
        ask = ask.on_behalf_of(request.headers.get("X-Subject", ""))
        ask = ask.preferring(request.headers.get("Prefer", ""))
        name = request.headers.get(receipts.HEADER)
        if name is None and ask.wait is None:
            answered = _answered(ask, request.data, self.call)
            _tell(self.call.answered)
            rows = [msgspec.json.decode(text) for text in answered.texts]
            return Response(rows if answered.batch else rows[0])
        claim = Claim(_caller(request), name, request.META.get("QUERY_STRING", ""))
        answer = _waited(_lasting(claim, ask, request.data))
        _tell(self.call.ended, replies.outcome(answer))
        reply = replies.of(answer)
        return Response(msgspec.json.decode(reply.text), reply.status, headers=dict(reply.headers))


def _tell(how: Callable[..., None], *arguments: str) -> None:
    """Counts are kept by the event loop; where none serves, by whoever comes."""
    try:
        gateway.current().loop.call_soon_threadsafe(how, *arguments)
    except ModelUnavailable:
        how(*arguments)


def _answered(ask: Ask, data: Any, call: Call) -> Answered:
    server = gateway.current()
    if isinstance(data, QueryDict):
        return loop.wait(server, server.predict_record(ask, _record(data), call))
    return loop.wait(server, server.predict_json(ask, data or b"", call))


def _lasting(claim: Claim, ask: Ask, data: Any) -> Lasting:
    if isinstance(data, QueryDict):
        return requests.from_record(claim, ask, ValueRows([_record(data)]))
    return requests.from_json(claim, ask, data or b"")


def _waited(request: Lasting) -> Answer:
    return loop.wait(gateway.current(), door.current().answer(request))


def _caller(request: Request) -> str:
    if settings.WEIR.is_open:
        return ""
    if isinstance(request.auth, ApiKey):
        return by_key(request.auth.prefix)
    return by_session(request.user.pk)


def _record(form: QueryDict) -> dict[str, str]:
    """The last of a repeated field counts, as everywhere in Django."""
    record: dict[str, str] = {}
    for name, value in form.items():
        if not isinstance(value, str):
            raise RowInvalid(f"{name} is a file; a value is expected.", field=name)
        record[name] = value
    return record
