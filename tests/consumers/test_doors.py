"""Origin first, then a key or a session; and whoever is in is looked at again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from consumers import doors as module
from consumers.doors import AGAIN_SECONDS, Doors, Pass
from inference import keys
from inference.access import Access, Https
from inference.core.errors import Forbidden, Unauthorized, WeirError
from inference.keys import Scope
from inference.registry import Key, Snapshot

MADE = keys.make()
HOST = "127.0.0.1:8000"
LISTED = "https://pages.example"


class User:
    def __init__(self, *, known: bool, staff: bool) -> None:
        self.is_authenticated = known
        self.is_staff = staff
        self.pk = 7


STAFF = User(known=True, staff=True)
VISITOR = User(known=True, staff=False)
STRANGER = User(known=False, staff=False)


class Registry:
    """With one key that may predict."""

    def __init__(self) -> None:
        key = Key(MADE.hashed, "robot", frozenset({"predict"}), None)
        self.snapshot = Snapshot(1, keys={MADE.prefix: key})

    def change(self, **key: Any) -> None:
        """Another version; with `key`, the key is another one too."""
        one = replace(self.snapshot.keys[MADE.prefix], **key)
        version = self.snapshot.version + 1
        self.snapshot = replace(self.snapshot, version=version, keys={MADE.prefix: one})

    def revoke(self) -> None:
        self.snapshot = replace(self.snapshot, version=self.snapshot.version + 1, keys={})


@pytest.fixture
def registry() -> Registry:
    return Registry()


def doors(registry: Registry, *, is_open: bool = False, https: Https | None = None) -> Doors:
    access = Access(lambda: registry.snapshot, is_open=is_open)
    return Doors(access, (LISTED,), https or Https())


def scope(
    origin: str | None = None,
    user: User = STRANGER,
    scheme: str = "ws",
    headers: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    given = {"host": HOST, **(headers or {})} | ({} if origin is None else {"origin": origin})
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in given.items()]
    return {"headers": pairs, "scheme": scheme, "user": user}


def key(text: str = MADE.text) -> dict[str, str]:
    return {"authorization": f"Api-Key {text}"}


def to(host: str) -> dict[str, str]:
    return {"host": host}


def refusal(door: Doors, asked: dict[str, Any], needed: Scope = Scope.PREDICT) -> Any:
    try:
        door.check(asked, needed)
    except WeirError as error:
        return type(error)
    return None


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://127.0.0.1:8000", True),
        ("http://127.0.0.1:8000/", True),
        (LISTED, True),
        (f"{LISTED}/", True),
        ("null", False),
        ("", False),
        ("http://127.0.0.1", False),
        ("http://127.0.0.1:8001", False),
        ("https://127.0.0.1:8000", False),
        ("http://pages.example", False),
        ("https://pages.example:444", False),
        ("https://sub.pages.example", False),
        ("http://[", False),
        ("http://127.0.0.1:8000@evil.example", False),
        ("\xff", False),
    ],
)
def test_only_our_pages_and_listed_ones_open_sockets(
    registry: Registry, origin: str | None, allowed: bool
) -> None:
    found = refusal(doors(registry, is_open=True), scope(origin))

    assert found is (None if allowed else Forbidden)


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example", "a b"])
def test_another_host_is_not_served(registry: Registry, host: str) -> None:
    assert refusal(doors(registry, is_open=True), scope(headers=to(host))) is Forbidden


def test_a_default_port_may_be_left_out(registry: Registry) -> None:
    door = doors(registry, is_open=True)

    assert refusal(door, scope("http://localhost:80", headers=to("localhost"))) is None
    assert refusal(door, scope("http://localhost", headers=to("localhost:80"))) is None
    assert (
        refusal(door, scope("https://localhost", scheme="wss", headers=to("localhost:443"))) is None
    )


@pytest.mark.parametrize(
    ("scheme", "said", "allowed"),
    [("ws", "https", True), ("ws", "http", False), ("ws", None, False), ("wss", None, True)],
)
def test_behind_a_proxy_the_scheme_is_what_the_proxy_says(
    registry: Registry, scheme: str, said: str | None, allowed: bool
) -> None:
    door = doors(registry, is_open=True, https=Https(required=True, proxied=True))
    headers = {} if said is None else {"x-forwarded-proto": said}

    found = refusal(door, scope(f"https://{HOST}", scheme=scheme, headers=headers))

    assert found is (None if allowed else Forbidden)


def test_without_a_proxy_the_header_is_only_a_claim(registry: Registry) -> None:
    door = doors(registry, is_open=True, https=Https(required=True))

    assert refusal(door, scope(headers={"x-forwarded-proto": "https"})) is Forbidden


@pytest.mark.parametrize(
    ("asked", "needed", "found"),
    [
        (scope(), Scope.PREDICT, Unauthorized),
        (scope(headers=key()), Scope.PREDICT, None),
        (scope(headers=key()), Scope.READ, Forbidden),
        (scope(headers=key("x.y")), Scope.PREDICT, Unauthorized),
        (scope(LISTED, STAFF), Scope.READ, None),
        (scope(LISTED, VISITOR), Scope.READ, Unauthorized),
        (scope(LISTED, STRANGER), Scope.READ, Unauthorized),
        (scope(None, STAFF), Scope.READ, Unauthorized),
        (scope(LISTED, STAFF, headers=key("x.y")), Scope.READ, Unauthorized),
        (scope(LISTED, STRANGER, headers=key()), Scope.PREDICT, None),
    ],
)
def test_a_key_opens_for_programs_and_a_session_for_pages(
    registry: Registry, asked: dict[str, Any], needed: Scope, found: Any
) -> None:
    assert refusal(doors(registry), asked, needed) is found


def test_whose_requests_may_be_the_same_ones_is_told_apart(registry: Registry) -> None:
    prefix = key()["authorization"].partition(" ")[2].partition(".")[0]

    assert passed(registry, scope(headers=key())).caller == f"key {prefix}"
    assert passed(registry, scope(LISTED, STAFF)).caller == "user 7"
    assert passed(registry, scope(headers=key()), is_open=True).caller == ""


# -- while he stays --------------------------------------------------------------------------------


def passed(registry: Registry, asked: dict[str, Any], **other: Any) -> Pass:
    return doors(registry, **other).check(asked, Scope.PREDICT)


async def test_a_key_that_was_revoked_is_noticed_at_the_next_change(registry: Registry) -> None:
    one = passed(registry, scope(headers=key()))
    assert not one.due(0.0)
    registry.revoke()

    assert one.due(1.0)
    with pytest.raises(Unauthorized):
        await one.look(1.0)


async def test_a_key_that_lost_its_scope_opens_nothing_any_more(registry: Registry) -> None:
    one = passed(registry, scope(headers=key()))
    registry.change(scopes=frozenset({"read"}))

    with pytest.raises(Forbidden):
        await one.look(1.0)


async def test_a_change_that_is_none_of_his_lets_him_stay(registry: Registry) -> None:
    one = passed(registry, scope(headers=key()))
    one.due(0.0)
    registry.change()
    assert one.due(1.0)

    await one.look(1.0)

    assert not one.due(1.0 + AGAIN_SECONDS - 0.1)
    assert one.due(1.0 + AGAIN_SECONDS)


async def test_a_key_that_expires_is_noticed_without_a_change(registry: Registry) -> None:
    registry.change(expires_at=datetime.now(UTC) + timedelta(milliseconds=200))
    one = passed(registry, scope(headers=key()))
    assert not one.due(0.0)
    registry.snapshot = replace(
        registry.snapshot,
        keys={MADE.prefix: Key(MADE.hashed, "robot", frozenset({"predict"}), datetime.now(UTC))},
    )

    assert one.due(AGAIN_SECONDS)
    with pytest.raises(Unauthorized):
        await one.look(AGAIN_SECONDS)


async def test_a_session_that_ended_is_noticed(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [STAFF, VISITOR]

    async def visitor(_: Any) -> User:
        return users.pop(0)

    monkeypatch.setattr(module, "visitor", visitor)
    one = passed(registry, scope(LISTED, STAFF))

    await one.look(1.0)
    with pytest.raises(Unauthorized, match="session has ended"):
        await one.look(2.0)


def test_where_everybody_may_come_nobody_is_looked_at(registry: Registry) -> None:
    one = passed(registry, scope(), is_open=True)
    registry.revoke()

    assert not one.due(10 * AGAIN_SECONDS)
