"""Everybody who may come to a server of the production profile, and what he has with him."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inference.keys import Scope
from tests import servers

PASSWORD: Final = "correct horse battery staple"
CSRF: Final = "c" * 32
_MAKE: Final = f"""
import json
from datetime import timedelta
from django.contrib.auth.models import User
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone
from inference.keys import Scope
from inference.services import keys

def key(*scopes, **other):
    return keys.key_create("tests", scopes, **other)[1]

def session(user):
    store = SessionStore()
    store[SESSION_KEY] = user.pk
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return store.session_key

made = {{scope.value: key(scope) for scope in Scope}}
made["every"] = key(*Scope)
made["leaving"] = key(*Scope)
made["expired"] = key(*Scope, expires_at=timezone.now() - timedelta(seconds=1))
made["revoked"] = key(*Scope)
keys.key_revoke(made["revoked"].partition(".")[0])
made["staff"] = session(User.objects.create_superuser("boss", password={PASSWORD!r}))
made["leaver"] = session(User.objects.create_superuser("leaver", password={PASSWORD!r}))
made["visitor"] = session(User.objects.create_user("visitor", password={PASSWORD!r}))
print(json.dumps(made))
"""


_SHOW_OUT: Final = """
from django.contrib.sessions.models import Session
from inference.services import keys
Session.objects.filter(pk={leaver!r}).delete()
keys.key_revoke({leaving!r}.partition(".")[0])
"""


@dataclass(frozen=True)
class Caller:
    """`scopes` of a key that is good; `staff` and `csrf` for those who come with a browser."""

    name: str
    headers: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] = frozenset()
    staff: bool = False
    known: bool = False
    csrf: bool = False


@dataclass(frozen=True)
class Callers:
    """By name."""

    made: Mapping[str, str]

    def key(self, name: str) -> dict[str, str]:
        return {"Authorization": f"Api-Key {self.made[name]}"}

    def cookie(self, name: str, *, csrf: bool = False) -> dict[str, str]:
        session = f"sessionid={self.made[name]}"
        if not csrf:
            return {"Cookie": session}
        return {"Cookie": f"{session}; csrftoken={CSRF}", "X-CSRFToken": CSRF}

    @property
    def secrets(self) -> Iterator[str]:
        """What must not be in any log: keys with and without their prefix, cookies, passwords."""
        yield from (PASSWORD, CSRF, servers.SECRET)
        for text in self.made.values():
            yield text.partition(".")[2] or text

    def named(self, name: str) -> Caller:
        return {
            "nobody": Caller("nobody"),
            **{scope.value: self._keyed(scope.value, scope.value) for scope in Scope},
            "every": self._keyed("every", *(scope.value for scope in Scope)),
            "expired": Caller("expired", self.key("expired")),
            "revoked": Caller("revoked", self.key("revoked")),
            "forger": Caller("forger", {"Authorization": f"Api-Key {self._forged}"}),
            "bearer": Caller("bearer", {"Authorization": f"Bearer {self.made['every']}"}),
            "staff": Caller("staff", self.cookie("staff"), staff=True, known=True),
            "staff with token": Caller(
                "staff with token",
                self.cookie("staff", csrf=True),
                staff=True,
                known=True,
                csrf=True,
            ),
            "visitor": Caller("visitor", self.cookie("visitor", csrf=True), known=True, csrf=True),
            "old cookie": Caller("old cookie", {"Cookie": "sessionid=" + "0" * 32}),
        }[name]

    def _keyed(self, name: str, *scopes: str) -> Caller:
        return Caller(name, self.key(name), frozenset(scopes))

    @property
    def _forged(self) -> str:
        return self.made["every"][:-1] + ("A" if self.made["every"][-1] != "A" else "B")


NAMES: Final = (
    "nobody",
    *(scope.value for scope in Scope),
    "every",
    "expired",
    "revoked",
    "forger",
    "bearer",
    "staff",
    "staff with token",
    "visitor",
    "old cookie",
)


def make(data: Path) -> Callers:
    """In a database that no server has open yet."""
    printed = servers.manage(data, "shell", "--no-imports", "-c", _MAKE)
    return Callers(json.loads(printed.splitlines()[-1]))


def show_out(data: Path, made: Mapping[str, str]) -> None:
    """Revoke the key `leaving` and end the session `leaver`, in a process that is no server."""
    servers.manage(data, "shell", "--no-imports", "-c", _SHOW_OUT.format(**made))
