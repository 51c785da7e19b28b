"""A sealed archive is opened only by who has the key, and only if it is a reasonable one."""

from __future__ import annotations

import io
import zipfile

import pytest

from inference import sealing
from inference.core.errors import BundleInvalid
from inference.runtimes import archive
from inference.runtimes.archive import Limits

KEY = b"key"
LIMITS = Limits(packed=4 << 20, unpacked=8 << 20, entries=3, ratio=50)


def zipped(*entries: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in entries:
            file.writestr(name, data)
    return buffer.getvalue()


def anything(_: str) -> bool:
    return True


def test_what_is_sealed_comes_back() -> None:
    sealed = sealing.seal({"b": b"2", "a": b"1"}, KEY)

    assert sealing.unseal(sealed, KEY, {"a", "b"}) == {"a": b"1", "b": b"2"}


def test_weights_that_are_all_the_same_come_back() -> None:
    """No bomb: whoever has the key packed it."""
    weights = b"\0" * (8 << 20)

    assert sealing.unseal(sealing.seal({"a": weights}, KEY), KEY, {"a"}) == {"a": weights}


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        (Limits(packed=1 << 20, unpacked=100, entries=8), "unpacks to more than 100"),
        (Limits(packed=100, unpacked=1 << 20, entries=8), "larger than 100"),
    ],
)
def test_what_nobody_would_open_is_not_sealed(
    limits: Limits, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "LIMITS", limits)

    with pytest.raises(BundleInvalid, match=sentence):
        sealing.seal({"a": bytes(range(256))}, KEY)


def test_any_zip_tool_can_look_inside() -> None:
    sealed = sealing.seal({"a": b"1"}, KEY)

    with zipfile.ZipFile(io.BytesIO(sealed)) as file:
        assert file.testzip() is None
        assert file.comment == sealed[-64:]


def test_the_order_of_members_does_not_matter() -> None:
    assert sealing.seal({"a": b"1", "b": b"2"}, KEY) == sealing.seal({"b": b"2", "a": b"1"}, KEY)


def test_the_signature_is_checked_before_the_zip_is_read() -> None:
    with pytest.raises(BundleInvalid, match="not signed"):
        sealing.unseal(b"\x00" * 10_000, KEY, {"a"})


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "damaged"),
        (b"PK\x03\x04", "damaged"),
        (zipped(), "0 entries"),
        (zipped(*((str(at), b"") for at in range(4))), "4 entries"),
        (zipped(("bomb", b"\0" * (6 << 20))), "suspiciously"),
        (zipped(("a", b"\0" * (5 << 20)), method=zipfile.ZIP_STORED), "larger than"),
        (zipped(("a", b"a"), method=zipfile.ZIP_LZMA), "not accepted"),
        (zipped(("a", b"a"), method=zipfile.ZIP_BZIP2), "not accepted"),
    ],
)
def test_an_unreasonable_zip_is_not_unpacked(data: bytes, sentence: str) -> None:
    with pytest.raises(BundleInvalid, match=sentence):
        archive.members(data, LIMITS, anything)


def test_a_zip_that_unpacks_to_too_much_in_total_is_refused() -> None:
    # Each member alone is fine.
    limits = Limits(packed=4 << 20, unpacked=1500, entries=3)

    with pytest.raises(BundleInvalid, match="unpacks to more than 1500"):
        archive.members(zipped(("a", b"a" * 800), ("b", b"b" * 800)), limits, anything)


def test_a_name_that_stands_twice_is_refused() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("a", b"1"), ("a", b"2"))

    with pytest.raises(BundleInvalid, match="twice"):
        archive.members(data, LIMITS, anything)


@pytest.mark.parametrize("claimed", [1, 999, 1001])
def test_a_directory_that_lies_about_a_size_is_caught(claimed: int) -> None:
    data = zipped(("a", bytes(range(250)) * 4))
    at = data.rindex(b"PK\x01\x02") + 24
    lying = data[:at] + claimed.to_bytes(4, "little") + data[at + 4 :]

    with pytest.raises(BundleInvalid):
        archive.members(lying, LIMITS, anything)


def test_an_encrypted_member_is_refused() -> None:
    data = bytearray(zipped(("a", b"a")))
    data[data.rindex(b"PK\x01\x02") + 8] |= 1

    with pytest.raises(BundleInvalid, match="not accepted"):
        archive.members(bytes(data), LIMITS, anything)
