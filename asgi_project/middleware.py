"""What is the same for every page: the files beside it, and what it may load."""

from __future__ import annotations

from io import BytesIO
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.responders import StaticFile

POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "connect-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
# The browsable API and the admin set styles inline; scripts are as narrow there as elsewhere.
_STYLED: Final = POLICY | {"style-src": "'self' 'unsafe-inline'"}
_STYLED_PATHS: Final = ("/api/", "/admin/")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]  # whitenoise has no types
    """Whitenoise, answering with whole files.

    Under ASGI Django reads a streamed file whole anyway, and warns each time.
    """

    @staticmethod
    def serve(static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """The file, or the answer that it has not changed."""
        found = static_file.get_response(request.method, request.META)
        with found.file or BytesIO() as file:
            content = file.read()
        return HttpResponse(content, status=int(found.status), headers=dict(found.headers))


class ContentSecurityPolicy(MiddlewareMixin):
    """Tells the browser what a page may load, so that a hostile name in the data stays a name."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The same answer, with the policy unless it brings its own."""
        policy = _STYLED if request.path.startswith(_STYLED_PATHS) else POLICY
        response.headers.setdefault("Content-Security-Policy", _header(policy))
        return response


def _header(policy: dict[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
