"""Who may do what: everybody in the open profile, otherwise a key's scopes or a member of staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from inference.keys import Scope
from inference.models import ApiKey

if TYPE_CHECKING:  # the framework imports this module while it is still making its views
    from rest_framework.views import APIView

_BY_DEFAULT: Final[Mapping[str, Scope]] = dict.fromkeys(("GET", "HEAD", "OPTIONS"), Scope.READ)


class ProfilePermission(BasePermission):
    """A view names the scopes of its methods; without that, reading and managing are told apart."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Whether this caller has the scope that the method needs."""
        if settings.WEIR.is_open:
            return True
        if isinstance(request.auth, ApiKey):
            return scope(request, view).value in request.auth.scopes
        return request.user.is_active and request.user.is_staff


def scope(request: Request, view: APIView) -> Scope:
    """What the caller must be allowed to do."""
    wanted: Mapping[str, Scope] = getattr(view, "scopes", {})
    method = request.method or ""
    return wanted.get(method) or _BY_DEFAULT.get(method, Scope.MANAGE)


def caller(request: Request) -> str:
    """The name under which the caller's changes are written down."""
    if isinstance(request.auth, ApiKey):
        return f"key {request.auth.prefix}"
    return request.user.get_username() or "anonymous"
