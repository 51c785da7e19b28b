"""How REST framework's views say what went wrong.

What the tutorial's clients know keeps its shape: `detail` for what the framework refuses, lists by
field for what a serializer refuses, `status` and `message` on the predict route. Everything of our
own is a problem with `code` and `message`; `inference.problems` holds the statuses for both doors.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import exception_handler

from inference import problems
from inference.core.errors import (
    Forbidden,
    FrameInvalid,
    JsonInvalid,
    ModelError,
    StorageUnavailable,
    TooLarge,
    Unauthorized,
    WeirError,
)
from inference.keys import SCHEME

PROBLEM_TYPE: Final = "application/problem+json"


def handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to a refusal; None for what nobody expected, which is a 500 and a trace.

    A view with `of_tutorial` refuses in the shapes of the tutorial's predict route.
    """
    known = _known(error)
    if known is None:
        return _by_field(exception_handler(error, context))
    of_tutorial = isinstance(known, JsonInvalid) or getattr(context["view"], "of_tutorial", False)
    problem = problems.of_tutorial(known) if of_tutorial else problems.problem(known)
    response = Response(problem.body, problem.status)
    if not of_tutorial and _speaks_json(context.get("request")):
        response.content_type = PROBLEM_TYPE
    if problem.retry_after is not None:
        response["Retry-After"] = str(problem.retry_after)
    if isinstance(known, Unauthorized):
        response["WWW-Authenticate"] = SCHEME
    return response


def _by_field(response: Response | None) -> Response | None:
    """A list for each field, also where the framework would nest one error for each item of it."""
    if response is not None and isinstance(response.data, dict):
        response.data = {
            name: list(_sentences(said)) if isinstance(said, dict) else said
            for name, said in response.data.items()
        }
    return response


def _sentences(said: object, where: str = "") -> Iterator[str]:
    if isinstance(said, dict):
        for name, inner in said.items():
            yield from _sentences(inner, f"{where}{name}: ")
    elif isinstance(said, list):
        for inner in said:
            yield from _sentences(inner, where)
    else:
        yield f"{where}{said}"


def code(error: Exception) -> str:
    """As it is counted: one of our codes, or what the framework calls it."""
    known = _known(error)
    return known.code if known else getattr(error, "default_code", ModelError.code)


def _speaks_json(request: Request | None) -> bool:
    """A browser gets a page; who failed before that was settled gets JSON."""
    renderer = getattr(request, "accepted_renderer", None)
    return renderer is None or renderer.media_type == "application/json"


def _known(error: Exception) -> WeirError | None:
    """The error as one of ours, or None if the framework has a shape for it."""
    if isinstance(error, WeirError):
        return error
    if isinstance(error, NotAuthenticated | AuthenticationFailed):
        return Unauthorized()
    if isinstance(error, PermissionDenied):
        return Forbidden(str(error.detail))
    return _of_django(error)


def _of_django(error: Exception) -> WeirError | None:
    if isinstance(error, RequestDataTooBig):
        return TooLarge()
    if isinstance(error, SuspiciousOperation):
        return FrameInvalid("The form has too many fields or cannot be read.")
    if isinstance(error, OperationalError | InterfaceError):
        return StorageUnavailable("The database does not answer.", retry_after=1.0)
    return None
