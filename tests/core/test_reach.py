"""Only the servers that an operator has named are talked to, however an address is spelt."""

from __future__ import annotations

import pytest

from inference.core.errors import BundleInvalid
from inference.core.reach import NOWHERE, Reach

SOME = Reach(("triton", "MLServer.local:8080", "[::1]:9000", "10.0.0.7"))


@pytest.mark.parametrize(
    "url",
    [
        "http://triton:8000",
        "http://triton",
        "https://triton/below/a/path",
        "http://TRITON:1",
        "http://mlserver.local:8080/",
        "http://[::1]:9000",
        "http://10.0.0.7:80",
    ],
)
def test_who_is_named_is_asked(url: str) -> None:
    SOME.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://other:8000",
        "http://triton.evil.example",
        "http://mlserver.local",
        "http://mlserver.local:8081",
        "https://mlserver.local",
        "http://[::1]",
        "http://[::2]:9000",
        "http://10.0.0.70",
        "http://127.0.0.1:8000",
        "http://169.254.169.254/latest",
    ],
)
def test_nobody_else_is_asked(url: str) -> None:
    with pytest.raises(BundleInvalid, match="WEIR_REMOTE_HOSTS"):
        SOME.check(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "triton:8000",
        "//triton:8000",
        "ftp://triton",
        "file:///etc/passwd",
        "http://",
        "http://:80",
        "http://triton:",
        "http://triton:0",
        "http://triton:99999",
        "http://triton:eight",
        "http://me@triton",
        "http://me:secret@triton",
        "http://other\\@triton",
        "http://triton\\.other",
        "http://triton#other",
        "http://triton?x",
        "http://triton/a?x",
        "http://triton/../x",
        "http://triton /",
        "http://tri\tton",
        "http://tri\nton",
        "http://trit\N{CYRILLIC SMALL LETTER O}n",
        "http://triton%2eother",
        "http://[::1",
        "http://triton/" + "x" * 2000,
    ],
)
def test_what_may_be_read_in_two_ways_is_no_address(url: str) -> None:
    with pytest.raises(BundleInvalid):
        SOME.check(url)


def test_by_default_nobody_is_asked() -> None:
    with pytest.raises(BundleInvalid, match="not among"):
        NOWHERE.check("http://localhost")


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://triton:8000", "a"),
        ("https://TRITON/v2", "a"),
        ("http://mlserver.local:8080", "b"),
        ("http://mlserver.local:8081", None),
        ("http://triton.evil.example", None),
        ("http://10.0.0.7:80", "d"),  # which is more exact than c
        ("http://10.0.0.7:81", "c"),
    ],
)
def test_a_token_is_for_its_server_alone(url: str, token: str | None) -> None:
    tokens = {"triton": "a", "MLServer.local:8080": "b", "10.0.0.7": "c", "10.0.0.7:80": "d"}

    assert SOME._replace(tokens=tokens).token(url) == token


def test_no_token_ends_in_a_log() -> None:
    assert "secret" not in repr(Reach(("triton",), 1.0, {"triton": "secret"}))
