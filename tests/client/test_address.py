from __future__ import annotations

import pytest

from weir_client import address
from weir_client.address import Address


@pytest.mark.parametrize(
    ("given", "url", "socket"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", "ws://127.0.0.1:8000/ws/x"),
        ("localhost:8000/", "http://localhost:8000", "ws://localhost:8000/ws/x"),
        ("https://a.example/weir/", "https://a.example/weir", "wss://a.example/weir/ws/x"),
    ],
)
def test_sockets_are_where_the_pages_are(given: str, url: str, socket: str) -> None:
    found = Address.of(given)

    assert (found.url, found.socket("/ws/x", {})) == (url, socket)
    assert found.socket("/ws/x", {"session": "a b"}) == f"{socket}?session=a+b"


@pytest.mark.parametrize("given", ["ftp://here", "http://", "ws://127.0.0.1"])
def test_what_is_no_address_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="is not an address"):
        Address.of(given)


def test_a_key_travels_in_a_header_and_in_no_address() -> None:
    found = Address.of("http://127.0.0.1", "a.b")

    assert found.headers == {"Authorization": "Api-Key a.b"}
    assert "a.b" not in found.socket("/", {})
    assert Address.of("http://127.0.0.1").headers == {}


@pytest.mark.parametrize("key", ["pre.secret\n", "pre.sec\0ret", "pre.secr\u00e9t"])
def test_a_key_that_no_header_carries_is_refused_and_not_told(key: str) -> None:
    with pytest.raises(ValueError, match="The key has") as caught:
        Address.of("http://127.0.0.1", key)

    assert "pre" not in str(caught.value)


def test_a_name_is_one_segment() -> None:
    assert address.segment("a/b ü?") == "a%2Fb%20%C3%BC%3F"
