"""What the checks ask of a database; those that ask only the settings are in test_settings.py."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection

from inference import checks


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
