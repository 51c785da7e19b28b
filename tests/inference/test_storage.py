"""Three places where bundles may lie, and the same promises about each."""

from __future__ import annotations

import dataclasses
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import OperationalError, connection
from pytest_django import Settings

from inference import storage, store
from inference.core.errors import StorageUnavailable
from inference.models import StoredBundle
from inference.storage.database import PIECE, DatabaseStorage
from tests import buckets, servers

NAME = f"{'a' * 64}.weir"
DATA = random.Random(0).randbytes(2 * PIECE + 12345)


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with buckets.bucket(tmp_path_factory.mktemp("s3")) as variables:
        yield variables


@pytest.fixture
def s3(bucket: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    """As found by this process; emptied afterwards."""
    for name, value in bucket.items():
        monkeypatch.setenv(name, value)
    found = store.place(buckets.ADDRESS)
    yield found
    for key in found.listdir("")[1]:
        found.delete(key)


@pytest.fixture
def database(db: None) -> Storage:
    return store.place("database")


@pytest.fixture
def files(settings: Settings, tmp_path: Path) -> Storage:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return store.place("files")


@pytest.fixture(params=["files", "database", pytest.param("s3", marks=pytest.mark.e2e)])
def place(request: pytest.FixtureRequest) -> Storage:
    found: Storage = request.getfixturevalue(request.param)
    return found


# -- every place


def test_what_is_kept_comes_back_as_it_was(place: Storage) -> None:
    assert place.save(NAME, ContentFile(DATA)) == NAME

    with place.open(NAME) as file:
        assert file.read() == DATA
    assert place.exists(NAME)
    assert place.size(NAME) == len(DATA)


def test_what_is_not_there_is_said_to_be_missing(place: Storage) -> None:
    assert not place.exists(NAME)
    with pytest.raises(FileNotFoundError):
        place.open(NAME)
    with pytest.raises(FileNotFoundError):
        place.size(NAME)


def test_what_lies_there_is_listed(place: Storage) -> None:
    assert place.listdir("") == ([], [])

    for name in ("b.weir", "a.weir"):
        place.save(name, ContentFile(b"bytes"))

    assert sorted(place.listdir("")[1]) == ["a.weir", "b.weir"]


def test_what_is_removed_is_gone_and_may_be_removed_again(place: Storage) -> None:
    place.save(NAME, ContentFile(DATA))

    place.delete(NAME)
    place.delete(NAME)

    assert not place.exists(NAME)


# -- the database


class Torn(ContentFile):
    """The connection to whoever sends it is cut in the middle."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield DATA[:PIECE]
        raise ConnectionResetError


@pytest.mark.django_db
def test_rows_are_written_all_or_none() -> None:
    with pytest.raises(ConnectionResetError):
        DatabaseStorage().save(NAME, Torn(DATA))

    assert not StoredBundle.objects.exists()


@pytest.mark.django_db
def test_no_row_is_longer_than_the_shortest_limit_of_a_statement() -> None:
    DatabaseStorage().save(NAME, ContentFile(DATA))

    rows = StoredBundle.objects.order_by("piece").values_list("piece", "data")
    assert [(piece, len(data)) for piece, data in rows] == [(0, PIECE), (1, PIECE), (2, 12345)]


@pytest.mark.django_db(transaction=True)
def test_two_who_keep_the_same_bundle_at_once_both_succeed() -> None:
    together = threading.Barrier(2, timeout=20)

    def save(_: int) -> str:
        try:
            assert not DatabaseStorage().exists(NAME)
            together.wait()
            return DatabaseStorage().save(NAME, ContentFile(DATA))
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(save, range(2))) == [NAME, NAME]
    assert StoredBundle.objects.filter(key=NAME).count() == 3


@pytest.mark.django_db
def test_a_database_that_is_away_says_nothing_about_the_bundle() -> None:
    def away(*_: Any) -> None:
        raise OperationalError("the server closed the connection")

    place = DatabaseStorage()
    with connection.execute_wrapper(away):
        for question in (place.exists, place.open, place.size, place.delete, place.listdir):
            with pytest.raises(OSError, match="closed the connection") as told:
                question(NAME)
            assert not isinstance(told.value, FileNotFoundError)


# -- S3


@pytest.mark.e2e
def test_a_bucket_that_is_not_there_is_said_to_be(s3: Storage) -> None:
    elsewhere = store.place("s3://no-such-bucket")

    with pytest.raises(OSError, match="NoSuchBucket"):
        elsewhere.save(NAME, ContentFile(DATA))
    with pytest.raises(OSError, match="NoSuchBucket"):
        elsewhere.listdir("")


def test_an_endpoint_that_does_not_answer_says_nothing_about_the_bundle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in buckets.variables(servers.free_port()).items():
        monkeypatch.setenv(name, value)
    place = store.place(buckets.ADDRESS)

    for question in (place.exists, place.open, place.delete):
        with pytest.raises(OSError, match="Could not connect") as told:
            question(NAME)
        assert not isinstance(told.value, FileNotFoundError)


@pytest.mark.e2e
def test_the_prefix_keeps_buckets_that_are_shared_in_order(s3: Storage) -> None:
    s3.save(NAME, ContentFile(DATA))

    assert store.place(f"s3://{buckets.NAME}").listdir("")[0] == ["models"]
    assert store.place(f"s3://{buckets.NAME}/models").listdir("")[0] == ["of-ours"]


@pytest.mark.parametrize("place", ["files", "database"])
def test_only_who_keeps_bundles_in_s3_pays_for_its_library(place: str, tmp_path: Path) -> None:
    script = (
        "import sys, django; django.setup()\n"
        "from django.core.files.storage import storages\n"
        "from inference.storage.files import WholeFileStorage\n"
        "print(type(storages['bundles']).__name__, 'boto3' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=servers.ROOT,
        env=servers.environment(tmp_path, {"WEIR_BUNDLES": place}),
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split()[1:] == ["False"]


# -- addresses

S3_OPTIONS = [
    ("s3://bucket", "bucket", ""),
    ("s3://bucket/", "bucket", ""),
    ("s3://my.bucket-1/a/b", "my.bucket-1", "a/b"),
    ("s3://bucket//a/", "bucket", "a"),
]


@pytest.mark.parametrize(("address", "bucket_name", "location"), S3_OPTIONS)
def test_a_bucket_and_a_prefix_are_read_from_the_address(
    address: str, bucket_name: str, location: str
) -> None:
    options = storage.backend(address)["OPTIONS"]

    assert options == {"bucket_name": bucket_name, "location": location}


@pytest.mark.parametrize(
    "address",
    [
        "",
        "Files",
        "disk",
        "s3://",
        "s3:bucket",
        "s3://B",
        "s3://ab",
        "s3://bucket?x=1",
        "gs://bucket",
    ],
)
def test_no_other_address_is_a_place(address: str) -> None:
    with pytest.raises(ValueError, match="must be files, database or s3"):
        storage.backend(address)


# -- from the store's side


def test_a_place_that_cannot_be_reached_is_no_verdict_on_the_bundle(
    files: Storage, tmp_path: Path
) -> None:
    (tmp_path / "bundles").write_text("a file where the folder should be")

    with pytest.raises(StorageUnavailable, match="cannot be read"):
        store.get(NAME)
    with pytest.raises(StorageUnavailable, match="cannot be kept"):
        store.put(DATA)
