"""A PostgreSQL database of the run's own, where there is a server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

LOCAL: Final = "postgres://postgres@127.0.0.1:5432/postgres"
SECONDS: Final = 2


@contextmanager
def database() -> Iterator[str]:
    """The address of an empty one, gone afterwards; empty if nobody answers."""
    server = address(os.environ.get("DATABASE_URL", ""))
    try:
        control = psycopg.connect(server, autocommit=True, connect_timeout=SECONDS)
    except psycopg.OperationalError:
        yield ""
        return
    with control:
        name = f"weir_bench_{secrets.token_hex(4)}"
        control.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        try:
            yield of(server, name)
        finally:
            drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
            control.execute(drop.format(sql.Identifier(name)))


def address(given: str) -> str:
    """The server that is named, or the one that most machines for development have."""
    return given if given.startswith("postgres") else LOCAL


def of(server: str, name: str) -> str:
    """The address of another database on the same server."""
    return urlsplit(server)._replace(path=f"/{name}").geturl()
