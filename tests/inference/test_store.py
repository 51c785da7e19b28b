"""A kept bundle is there whole, under the hash of its bytes."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import pytest
from django.core.files.storage import InMemoryStorage, storages
from pytest_django import Settings

from inference import store
from inference.core.errors import BundleInvalid, StorageUnavailable

DATA = b"the bytes of a bundle"
KEY = f"{hashlib.sha256(DATA).hexdigest()}.weir"


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path / "bundles"


def test_what_is_put_can_be_got(folder: Path) -> None:
    assert store.put(DATA) == KEY
    assert store.get(KEY) == DATA
    assert [file.name for file in folder.iterdir()] == [KEY]


def test_putting_it_twice_keeps_it_once(folder: Path) -> None:
    assert store.put(DATA) == store.put(DATA)
    assert len(list(folder.iterdir())) == 1


def test_a_write_that_is_cut_short_leaves_no_bundle_under_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageUnavailable, match="No space"):
        store.put(DATA)

    assert list(folder.iterdir()) == []


def test_a_file_that_changed_on_disk_is_refused(folder: Path) -> None:
    (folder / store.put(DATA)).write_bytes(DATA + b" and more")

    with pytest.raises(BundleInvalid, match="not the one that was registered"):
        store.get(KEY)


def test_a_bundle_that_is_gone_is_refused() -> None:
    with pytest.raises(BundleInvalid, match="not in the store"):
        store.get(KEY)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "..",
        "/etc/passwd",
        f"../{KEY}",
        f"{KEY}\n",
        f"{KEY}/..",
        "a" * 64,
        f"{KEY.upper()}",
        f"x{KEY}",
    ],
)
def test_a_key_is_never_a_path(key: str) -> None:
    with pytest.raises(BundleInvalid, match="no key"):
        store.get(key)


def test_another_storage_can_be_named_in_the_settings(settings: Settings, folder: Path) -> None:
    memory = "django.core.files.storage.InMemoryStorage"
    settings.STORAGES = {**settings.STORAGES, "bundles": {"BACKEND": memory}}

    assert store.get(store.put(DATA)) == DATA
    assert isinstance(storages["bundles"], InMemoryStorage)
    assert not folder.exists()
