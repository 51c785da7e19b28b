"""A key is shown once, recognised by its hash, and opens nothing once it is revoked."""

from __future__ import annotations

import hashlib
import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from inference import keys, selectors
from inference.keys import Scope
from inference.models import ApiKey, RegistryState
from inference.services import keys as verbs


def test_a_key_is_its_prefix_and_a_secret() -> None:
    new = keys.make()

    prefix, _, secret = new.text.partition(".")
    assert prefix == new.prefix == keys.prefix(new.text)
    assert len(prefix) == 8
    assert len(secret) == 43


def test_no_key_is_made_twice() -> None:
    assert len({keys.make().text for _ in range(100)}) == 100


def test_only_the_hash_is_kept() -> None:
    assert keys.digest("abc.def") == hashlib.sha512(b"abc.def").hexdigest()


@pytest.mark.parametrize(
    "wrong", ["", "x", "abc.", "abc.dea", "abc.defg", "ABC.def", "abc.def\udc80"]
)
def test_anything_but_the_key_itself_does_not_match(wrong: str) -> None:
    assert keys.matches("abc.def", keys.digest("abc.def"))
    assert not keys.matches(wrong, keys.digest("abc.def"))


@pytest.mark.parametrize("text", ["", "abc", "abc.", ".def"])
def test_what_is_no_key_has_no_prefix(text: str) -> None:
    assert keys.prefix(text) == ""


@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("Api-Key abc.def", "abc.def"),
        ("api-key   abc.def ", "abc.def"),
        ("Api-Key", ""),
        ("Bearer abc.def", None),
        ("", None),
    ],
)
def test_the_header_names_the_scheme(header: str, text: str | None) -> None:
    assert keys.from_header(header) == text


@pytest.mark.django_db
def test_a_created_key_is_found_by_its_prefix_and_moves_the_registry() -> None:
    row, text = verbs.key_create("loop", [Scope.READ, Scope.PREDICT])

    found = selectors.valid_key(keys.prefix(text), timezone.now())
    assert found == row
    assert row.scopes == ["predict", "read"]
    assert keys.matches(text, row.hashed)
    assert text not in str(ApiKey.objects.values().get())
    assert RegistryState.objects.get().version == 1


@pytest.mark.django_db
def test_a_revoked_or_expired_key_is_not_found() -> None:
    now = timezone.now()
    revoked, _ = verbs.key_create("a", [Scope.READ])
    expired, _ = verbs.key_create("b", [Scope.READ], expires_at=now)
    alive, _ = verbs.key_create("c", [Scope.READ], expires_at=now + timedelta(seconds=1))

    assert verbs.key_revoke(revoked.prefix)
    assert not verbs.key_revoke(revoked.prefix)

    assert selectors.valid_key(revoked.prefix, now) is None
    assert selectors.valid_key(expired.prefix, now) is None
    assert selectors.valid_key(alive.prefix, now) == alive


@pytest.mark.django_db
def test_a_key_that_opens_nothing_is_not_made() -> None:
    with pytest.raises(ValueError, match="without a scope"):
        verbs.key_create("loop", [])
    with pytest.raises(ValueError, match="without a name"):
        verbs.key_create(" ", [Scope.READ])


# -- the command -----------------------------------------------------------------------------------


def run(*words: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("apikey", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


@pytest.mark.django_db
def test_the_command_prints_the_key_alone_so_that_a_script_can_take_it() -> None:
    out, err = run("create", "loop")

    row = ApiKey.objects.get()
    assert keys.matches(out.strip(), row.hashed)
    assert out.count("\n") == 1
    assert "only now" in err
    assert (row.name, row.scopes, row.expires_at) == ("loop", ["predict", "feedback", "read"], None)


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["", "  ", "x" * 129])
def test_a_key_has_a_name_that_fits(name: str) -> None:
    with pytest.raises(CommandError, match="1 to 128 characters"):
        run("create", name)

    assert not ApiKey.objects.exists()


@pytest.mark.django_db
def test_scopes_and_an_end_can_be_chosen() -> None:
    run("create", "ops", "--scope", "manage", "--scope", "read", "--days", "30")

    row = ApiKey.objects.get()
    assert row.scopes == ["read", "manage"]
    assert row.expires_at is not None
    assert timedelta(days=29) < row.expires_at - timezone.now() <= timedelta(days=30)


@pytest.mark.django_db
def test_the_list_says_how_each_key_stands_and_no_secret() -> None:
    now = timezone.now()
    texts = [verbs.key_create(name, [Scope.READ])[1] for name in ("a", "b")]
    verbs.key_create("c", [Scope.READ], expires_at=now - timedelta(days=1))
    verbs.key_create("d", [Scope.READ], expires_at=now + timedelta(days=9))
    verbs.key_revoke(keys.prefix(texts[1]))

    out, _ = run("list")

    states = [line.split("  ")[1:] for line in out.splitlines()]
    assert [(name, scopes, state.split()[0]) for name, scopes, state in states] == [
        ("a", "read", "never"),
        ("b", "read", "revoked"),
        ("c", "read", "expired"),
        ("d", "read", "expires"),
    ]
    assert not any(text.partition(".")[2] in out for text in texts)


@pytest.mark.django_db
def test_a_key_is_revoked_by_its_prefix_once() -> None:
    row, _ = verbs.key_create("loop", [Scope.READ])

    out, _ = run("revoke", row.prefix)

    assert out == f"{row.prefix} opens nothing any more.\n"
    with pytest.raises(CommandError, match="No living key"):
        run("revoke", row.prefix)


@pytest.mark.django_db
@pytest.mark.parametrize("words", [(), ("create",), ("create", "x", "--scope", "all"), ("drop",)])
def test_a_wrong_word_is_said(words: tuple[str, ...]) -> None:
    with pytest.raises(CommandError):
        run(*words)


@pytest.mark.django_db
def test_a_key_that_expired_before_it_was_made_is_refused() -> None:
    with pytest.raises(CommandError, match="at least 1"):
        run("create", "x", "--days", "0")
