"""The first administrator is made once."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth import authenticate, get_user_model
from django.core.management import call_command

pytestmark = pytest.mark.django_db


def said() -> str:
    out = StringIO()
    call_command("firstadmin", stdout=out)
    return out.getvalue()


def test_the_password_that_is_shown_opens_the_door() -> None:
    password = said().splitlines()[0].rpartition(" ")[2]
    assert len(password) >= 16
    user = authenticate(username="admin", password=password)
    assert user is not None
    assert user.is_staff


def test_it_is_shown_once() -> None:
    assert said()
    assert said() == ""


def test_where_somebody_rules_nobody_is_added() -> None:
    get_user_model().objects.create_superuser("ann", password="a good one")
    assert said() == ""
