"""What the checks ask of a database; those that ask only the settings are in test_settings.py."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from inference import checks
from inference.runtimes import confinement


def found() -> set[str | None]:
    return {warning.id for warning in checks.texts_are_compared_exactly(None, ["default"])}


@pytest.fixture
def careless() -> Iterator[None]:
    """The database as MariaDB makes it for those who ask for nothing."""
    if connection.vendor != "mysql":
        pytest.skip(f"{connection.display_name} always compares exactly")
    name = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER DATABASE {name} COLLATE utf8mb4_general_ci")
        yield
        cursor.execute(f"ALTER DATABASE {name} COLLATE utf8mb4_nopad_bin")


@pytest.mark.django_db
def test_an_exact_database_is_fine() -> None:
    assert found() == set()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("careless")
def test_a_careless_database_is_named() -> None:
    assert found() == {"weir.W003"}


def test_no_database_is_asked_unless_it_shall_be() -> None:
    assert checks.texts_are_compared_exactly(None) == []


@pytest.mark.parametrize(
    ("uploads", "missing", "wanted"),
    [
        (True, [], []),
        (False, ["to read files"], []),
        (True, ["to read files"], ["weir.W004"]),
    ],
)
def test_uploads_where_nothing_can_be_confined_are_named(
    monkeypatch: pytest.MonkeyPatch, uploads: bool, missing: list[str], wanted: list[str]
) -> None:
    monkeypatch.setattr(confinement, "missing", lambda: missing)
    monkeypatch.setattr(settings, "WEIR", dataclasses.replace(settings.WEIR, uploads=uploads))

    assert [warning.id for warning in checks.strangers_are_confined(None)] == wanted


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the filter is for x86-64 only")
def test_asking_what_is_missing_gives_nothing_up() -> None:
    assert "to open sockets and start processes" not in confinement.missing()
    assert Path(__file__).read_text(encoding="utf-8")
