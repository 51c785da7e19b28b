from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from inference.keys import Scope
from inference.models import NAME_LENGTH, ApiKey
from inference.services import keys


class Command(BaseCommand):
    """Makes, lists and revokes API keys."""

    help = "Makes, lists and revokes API keys. A key is shown once, when it is made."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="make a key and print it")
        create.add_argument("name", help="who will use it")
        create.add_argument(
            "--scope",
            action="append",
            choices=[scope.value for scope in Scope],
            help="what it may do; may be repeated; predict, feedback and read otherwise",
        )
        create.add_argument("--days", type=int, help="days until it expires; never otherwise")
        verbs.add_parser("list", help="all keys, without their secrets")
        revoke = verbs.add_parser("revoke", help="let a key open nothing any more")
        revoke.add_argument("prefix", help="the part before the dot")

    def handle(self, *, verb: str, **given: Any) -> None:
        {"create": self._create, "list": self._list, "revoke": self._revoke}[verb](given)

    def _create(self, given: dict[str, Any]) -> None:
        scopes = given["scope"] or [Scope.PREDICT, Scope.FEEDBACK, Scope.READ]
        days: int | None = given["days"]
        if days is not None and days < 1:
            raise CommandError("--days must be at least 1.")
        if not 0 < len(given["name"].strip()) <= NAME_LENGTH:
            raise CommandError(f"A name has 1 to {NAME_LENGTH} characters.")
        expires = None if days is None else timezone.now() + timedelta(days=days)
        _, text = keys.key_create(given["name"], [Scope(s) for s in scopes], expires_at=expires)
        self.stderr.write("Keep this key, it is shown only now:")
        self.stdout.write(text)

    def _list(self, given: dict[str, Any]) -> None:
        for key in ApiKey.objects.all():
            self.stdout.write(f"{key.prefix}  {key.name}  {','.join(key.scopes)}  {_state(key)}")

    def _revoke(self, given: dict[str, Any]) -> None:
        if not keys.key_revoke(given["prefix"]):
            raise CommandError(f"No living key has the prefix {given['prefix']!r}.")
        self.stdout.write(f"{given['prefix']} opens nothing any more.")


def _state(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return f"revoked {key.revoked_at:%Y-%m-%d}"
    if key.expires_at is None:
        return "never expires"
    passed = key.expires_at <= timezone.now()
    return f"{'expired' if passed else 'expires'} {key.expires_at:%Y-%m-%d}"
