"""How a key is written decides what it can do; a bundle has no say in it."""

from __future__ import annotations

import pytest

from inference import sealing, signing
from inference.core.errors import BundleInvalid, CannotSign

PAIR, OTHER = signing.make(), signing.make()
MEMBERS = {"a": b"1"}


def opened(data: bytes, own: str, *trusted: str) -> dict[str, bytes]:
    return sealing.unseal(data, signing.ring(own, trusted), {"a"})


@pytest.mark.parametrize("own", [PAIR.text, "a shared secret"], ids=["pair", "secret"])
def test_whoever_seals_can_open(own: str) -> None:
    assert opened(sealing.seal(MEMBERS, signing.ring(own)), own) == MEMBERS


@pytest.mark.parametrize("own", [PAIR.text, "a shared secret"], ids=["pair", "secret"])
def test_the_same_members_and_key_give_the_same_bytes(own: str) -> None:
    one, two = (sealing.seal(MEMBERS, signing.ring(own)) for _ in range(2))

    assert one == two


def test_the_public_half_opens_and_does_not_seal() -> None:
    sealed = sealing.seal(MEMBERS, signing.ring(PAIR.text))

    assert opened(sealed, PAIR.public.text) == MEMBERS
    with pytest.raises(CannotSign):
        sealing.seal(MEMBERS, signing.ring(PAIR.public.text, [PAIR.text]))


@pytest.mark.parametrize("trusted", [PAIR.public.text, PAIR.text], ids=["public", "whole"])
def test_a_trusted_key_opens_beside_the_own_one(trusted: str) -> None:
    sealed = sealing.seal(MEMBERS, signing.ring(PAIR.text))

    assert opened(sealed, "a shared secret", OTHER.text, trusted) == MEMBERS
    with pytest.raises(BundleInvalid, match="not signed"):
        opened(sealed, "a shared secret", OTHER.text)


def test_the_public_half_is_no_shared_secret() -> None:
    """Else whoever reads the public key could sign in the other way with it."""
    forged = sealing.seal(MEMBERS, signing.shared(PAIR.public.text.encode()))

    with pytest.raises(BundleInvalid, match="not signed"):
        opened(forged, PAIR.public.text)


def test_a_signature_is_good_for_its_bytes_alone() -> None:
    sealed = sealing.seal(MEMBERS, signing.ring(PAIR.text))
    other = sealing.seal({"a": b"2"}, signing.ring(PAIR.text))

    with pytest.raises(BundleInvalid, match="not signed"):
        opened(other[:-128] + sealed[-128:], PAIR.text)


def test_a_signature_has_one_spelling() -> None:
    sealed = sealing.seal(MEMBERS, signing.ring(PAIR.text))

    with pytest.raises(BundleInvalid, match="not signed"):
        opened(sealed[:-128] + sealed[-128:].upper(), PAIR.text)


@pytest.mark.parametrize("text", ["", "ed25519:", "ed25519:AAAA", "ed25519-public:***"])
def test_a_damaged_key_is_no_secret(text: str) -> None:
    with pytest.raises(ValueError, match=r"key|base64"):
        signing.read(text)


def test_processes_that_seal_and_that_open_have_one_identity() -> None:
    assert signing.identity(PAIR.text) == signing.identity(PAIR.public.text)
    assert signing.identity("a shared secret") == "a shared secret"


def test_no_key_is_shown() -> None:
    shown = f"{PAIR!r} {signing.ring(PAIR.text, ['s3cret'])!r}"

    assert "s3cret" not in shown
    assert PAIR.text not in shown
