"""A team that changes its mind about where bundles lie loses none of them."""

from __future__ import annotations

import dataclasses
import hashlib
import io
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from pytest_django import Settings

from inference import bundles, opening, signing, storage, store
from inference.core.errors import BundleInvalid, CannotSign
from inference.core.lifecycle import Status
from tests.inference import artefacts, registered

pytestmark = pytest.mark.django_db

BUNDLES = [b"the bytes of a bundle", b"the bytes of another"]
KEYS = [f"{hashlib.sha256(data).hexdigest()}.weir" for data in BUNDLES]


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path, bundles="files")
    settings.STORAGES = {**settings.STORAGES, "bundles": storage.backend("files")}
    return tmp_path / "bundles"


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("bundles", *words, stdout=out)
    return out.getvalue()


# -- copy


def test_every_bundle_is_copied_and_stays_where_it_was() -> None:
    for data in BUNDLES:
        store.put(data)

    told = run("copy", "--to", "database")

    assert told == "2 copied and compared, 0 were there already.\n"
    assert store.keys(store.place("database")) == sorted(KEYS)
    assert [store.get(key) for key in KEYS] == BUNDLES


def test_a_second_time_copies_nothing() -> None:
    store.put(BUNDLES[0])
    run("copy", "--to", "database")

    assert run("copy", "--to", "database") == "0 copied and compared, 1 were there already.\n"


def test_it_copies_into_the_place_in_force_too(settings: Settings) -> None:
    settings.STORAGES = {**settings.STORAGES, "bundles": storage.backend("database")}
    key = store.put(BUNDLES[0])

    run("copy", "--from", "database")

    assert store.keys(store.place("files")) == [key]


def test_a_damaged_copy_is_replaced() -> None:
    store.put(BUNDLES[0])
    store.place("database").save(KEYS[0], ContentFile(b"something else"))

    assert run("copy", "--to", "database").startswith("1 copied")

    with store.place("database").open(KEYS[0]) as file:
        assert file.read() == BUNDLES[0]


def test_a_damaged_original_is_not_copied(folder: Path) -> None:
    store.put(BUNDLES[0])
    (folder / KEYS[0]).write_bytes(b"something else")

    with pytest.raises(CommandError, match="not the one that was registered"):
        run("copy", "--to", "database")

    assert store.keys(store.place("database")) == []


def test_what_is_no_bundle_is_left_where_it_is(folder: Path) -> None:
    store.put(BUNDLES[0])
    (folder / ".draft").write_bytes(b"half a bundle")

    assert run("copy", "--to", "database").startswith("1 copied")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["copy"], "one and the same place"),
        (["copy", "--to", "files"], "one and the same place"),
        (["copy", "--to", "disk"], "must be files, database or s3"),
    ],
)
def test_a_copy_to_nowhere_is_refused(words: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*words)


# -- check


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return bundles.write(artefacts.bundle(), opening.keyring())


def test_a_check_reads_every_bundle_that_may_be_served(sealed: bytes) -> None:
    registered.algorithm("forest", bundle=store.put(sealed))
    registered.algorithm("retired", status=Status.RETIRED, bundle=KEYS[1])

    assert run("check") == "1 of 1 bundles are whole.\n"


def test_a_check_names_what_is_missing(capsys: pytest.CaptureFixture[str], sealed: bytes) -> None:
    registered.algorithm("forest", bundle=store.put(sealed))
    missing = registered.algorithm("trees", bundle=KEYS[1])

    with pytest.raises(CommandError, match="1 of 2 bundles cannot be used"):
        run("check")

    assert capsys.readouterr().err == f"{missing}: The bundle is not in the store.\n"
    with pytest.raises(BundleInvalid):
        store.get(KEYS[1])


# -- keys


def test_a_pair_is_made_of_which_one_half_only_opens() -> None:
    own, public = (line.rpartition("WEIR_SIGNING_KEY=")[2] for line in run("key").splitlines())

    data = bundles.write(artefacts.bundle(), signing.ring(own))

    assert bundles.read(data, signing.ring(public)) == artefacts.bundle()
    with pytest.raises(CannotSign):
        bundles.write(artefacts.bundle(), signing.ring(public))


def test_the_present_key_is_shown_so_that_it_can_still_be_trusted(settings: Settings) -> None:
    shown = run("key", "--present").strip().removeprefix("WEIR_TRUSTED_KEYS=")

    assert shown == settings.WEIR.signing_key


def test_a_new_key_takes_over_without_a_model_registered_again(
    settings: Settings, sealed: bytes
) -> None:
    row = registered.algorithm("forest", bundle=store.put(sealed))
    former, pair = settings.WEIR.signing_key, signing.make()
    settings.WEIR = dataclasses.replace(
        settings.WEIR, signing_key=pair.text, trusted_keys=(former,)
    )

    assert run("reseal") == "1 bundles are signed with WEIR_SIGNING_KEY now.\n"

    settings.WEIR = dataclasses.replace(
        settings.WEIR, signing_key=pair.public.text, trusted_keys=()
    )
    row.refresh_from_db()
    assert row.bundle != store.put(sealed)
    assert bundles.read(store.get(row.bundle), opening.keyring()) == artefacts.bundle()
    assert run("check") == "1 of 1 bundles are whole.\n"


def test_a_bundle_of_a_key_that_is_not_trusted_is_found(settings: Settings, sealed: bytes) -> None:
    registered.algorithm("forest", bundle=store.put(sealed))
    settings.WEIR = dataclasses.replace(settings.WEIR, signing_key=signing.make().text)

    with pytest.raises(CommandError, match="1 of 1 bundles cannot be used"):
        run("check")
    with pytest.raises(CommandError, match="not signed with a key that is trusted here"):
        run("reseal")
