"""A browser's session says who opened the socket; without one it is nobody in particular."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model
from django.test import Client

from consumers.visitors import Visitors, visitor

pytestmark = pytest.mark.django_db(transaction=True)


def scope(cookie: str | None = None) -> dict[str, Any]:
    headers = [] if cookie is None else [(b"cookie", cookie.encode())]
    return {"type": "websocket", "headers": headers}


def logged_in() -> tuple[int, str]:
    user = get_user_model().objects.create_user("ann", password="a good one")
    client = Client()
    client.force_login(user)
    return user.pk, client.cookies["sessionid"].value


async def test_a_session_names_its_user() -> None:
    pk, key = await sync_to_async(logged_in)()
    found = await visitor(scope(f"theme=dark; sessionid={key}"))
    assert (found.pk, found.is_authenticated) == (pk, True)


@pytest.mark.parametrize(
    "cookie", [None, "", "theme=dark", "sessionid=", "sessionid=made-up", "sessionid=\xff; ;;="]
)
async def test_nobody_is_known_by_anything_else(cookie: str | None) -> None:
    assert not (await visitor(scope(cookie))).is_authenticated


async def test_what_is_wrapped_sends_without_anybody_in_between() -> None:
    seen: list[Any] = []

    async def application(given: Any, receive: Any, send: Any) -> None:
        seen.append((given["user"].is_authenticated, receive, send))

    async def receive() -> None: ...

    async def send(_: Any) -> None: ...

    await Visitors(application)(scope(), receive, send)
    assert seen == [(False, receive, send)]
