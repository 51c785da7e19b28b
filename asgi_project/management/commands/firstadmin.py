"""`manage.py firstadmin`: somebody who may log in, made once, with a password nobody else knows."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand

NAME = "admin"
_BYTES = 12


class Command(BaseCommand):
    """Does nothing where there is an administrator already."""

    help = "Make the administrator 'admin' with a random password, shown once, unless there is one."

    def handle(self, *args: Any, **options: Any) -> None:
        users = get_user_model().objects
        if users.filter(is_superuser=True).exists():
            return
        password = secrets.token_urlsafe(_BYTES)
        users.create_superuser(NAME, password=password)
        self.stdout.write(f"Administrator made: name {NAME}, password {password}")
        self.stdout.write("It is shown this once; `manage.py changepassword admin` sets another.")
