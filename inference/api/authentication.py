"""Who is asking: a machine with a key."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from inference import keys, selectors
from inference.models import ApiKey


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key prefix.secret`. The open profile asks nobody and looks at no key."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        """None if no key was sent; one that is not valid raises AuthenticationFailed."""
        text = keys.from_header(request.headers.get("Authorization", ""))
        if text is None or settings.WEIR.is_open:
            return None
        key = selectors.valid_key(keys.prefix(text), timezone.now())
        if key is None or not keys.matches(text, key.hashed):
            raise AuthenticationFailed
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        """What a 401 asks for."""
        return keys.SCHEME
