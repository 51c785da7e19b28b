"""How large a body may be, also if it does not say so.

REST framework takes a body that came in chunks, without a length, for an empty one; and it reads a
JSON body of any size. Both is settled before it sees the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from inference import problems
from inference.core.errors import TooLarge
from inference.services import uploads

_PREFIX: Final = "/api/"
_OF_TUTORIAL: Final = "/predict"
Next = Callable[[HttpRequest], HttpResponseBase]


def limited_body(get_response: Next) -> Next:
    """Middleware that answers 413 to what is too large, and measures what came in chunks."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        try:
            if request.path.startswith(_PREFIX):
                _measure(request)
        except (RequestDataTooBig, TooLarge):
            return _refused(request)
        return get_response(request)

    return middleware


def _measure(request: HttpRequest) -> None:
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdigit():
        length = request.META["CONTENT_LENGTH"] = str(len(request.body))
    if int(length) > _most(request):
        raise TooLarge


def _most(request: HttpRequest) -> int:
    """Of a model there may be more than of anything else."""
    usual = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if settings.WEIR.uploads and request.method == "POST" and request.path in uploads.PATHS:
        return max(usual, settings.WEIR.max_upload_bytes)
    return usual


def _refused(request: HttpRequest) -> JsonResponse:
    error = TooLarge(f"A body has at most {_most(request)} bytes.")
    in_tutorial = request.path.endswith(_OF_TUTORIAL)
    problem = problems.of_tutorial(error) if in_tutorial else problems.problem(error)
    return JsonResponse(dict(problem.body), status=problem.status)
