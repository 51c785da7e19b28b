from __future__ import annotations

import pytest

from bench import postgres


@pytest.mark.parametrize(
    ("given", "server"),
    [
        ("", postgres.LOCAL),
        ("sqlite:///here.sqlite3", postgres.LOCAL),
        ("mysql://root@there/weir", postgres.LOCAL),
        ("postgres://ann:secret@there/weir", "postgres://ann:secret@there/weir"),
        ("postgresql://there/weir?sslmode=require", "postgresql://there/weir?sslmode=require"),
    ],
)
def test_the_server_is_the_one_that_is_named_or_a_local_one(given: str, server: str) -> None:
    assert postgres.address(given) == server


def test_another_database_is_reached_the_same_way() -> None:
    given = "postgresql://ann:secret@there:5433/weir?sslmode=require"

    assert postgres.of(given, "other") == (
        "postgresql://ann:secret@there:5433/other?sslmode=require"
    )
