"""Tells the browser what a page of ours may load, so that a hostile name stays a name."""

from __future__ import annotations

from typing import Final

from django.http import HttpRequest, HttpResponseBase
from django.utils.deprecation import MiddlewareMixin

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
# The browsable API sets `style` attributes; scripts are as narrow there as elsewhere.
_STYLED: Final = POLICY | {"style-src": "'self' 'unsafe-inline'"}
_STYLED_PATHS: Final = ("/api/",)


class ContentSecurityPolicy(MiddlewareMixin):
    """Adds the policy to every answer that does not bring its own."""

    def process_response(
        self, request: HttpRequest, response: HttpResponseBase
    ) -> HttpResponseBase:
        """The same answer, with the policy."""
        policy = _STYLED if request.path.startswith(_STYLED_PATHS) else POLICY
        response.headers.setdefault("Content-Security-Policy", _header(policy))
        return response


def _header(policy: dict[str, str]) -> str:
    return "; ".join(f"{directive} {sources}" for directive, sources in policy.items())
