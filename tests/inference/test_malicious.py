"""Neither a flipped bit nor a file that was made to do harm is loaded, or does anything at all."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from skops import io as skops

from inference import bundles, layout, opening, sealing, signing, store
from inference.bundles import Bundle
from inference.core.errors import BundleInvalid, WeirError
from inference.core.trials import Asked
from inference.models import MLAlgorithm
from inference.runtimes import loader
from inference.runtimes.base import Kind
from inference.training import adopt, graphs, pack, trying
from inference.training.pack import Identity
from tests.inference import artefacts, malicious, onnxgraphs, registered, watched_acts

FLIPS = 500
REFUSED = {"format_refused", "bundle_invalid"}
NAMES = {"endpoint": "e", "name": "n", "version": "1", "owner": "a stranger"}
PAIR = signing.make()


@pytest.fixture(autouse=True)
def canary() -> Iterator[Path]:
    path = malicious.canary()
    path.unlink(missing_ok=True)
    yield path
    assert not path.exists()


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path) -> Path:
    settings.WEIR = dataclasses.replace(settings.WEIR, data_dir=tmp_path)
    return tmp_path


def test_a_pickle_of_ours_does_leave_its_mark(canary: Path) -> None:
    """Else the tests below would show nothing."""
    with watched_acts.acts() as seen:
        loader_of_pickles = __import__("joblib").load
        (canary.parent / "weir-payload").write_bytes(malicious.pickled())
        loader_of_pickles(canary.parent / "weir-payload")

    assert canary.exists()
    assert any("weir-canary" in act for act in seen)
    canary.unlink()
    (canary.parent / "weir-payload").unlink()


# -- bits


def of_skops() -> Bundle:
    data = skops.dumps(artefacts.forest())
    artefact = adopt.artefact(Kind.SKOPS, data, artefacts.SCHEMA)
    return pack.pack(
        Identity("e", "n", "1", "o"), artefact, adopt.trial_of(artefacts.SCHEMA, None, "")
    )


def of_a_graph() -> Bundle:
    words = onnxgraphs.parsed(onnxgraphs.WORDS)
    return graphs.pack_graph(Identity("e", "n", "1", "o"), words, None, "rows")


KINDS: dict[str, tuple[Callable[[], Bundle], signing.Ring]] = {
    "joblib by a secret": (artefacts.bundle, signing.shared(b"a secret")),
    "joblib by a pair": (artefacts.bundle, signing.ring(PAIR.text)),
    "skops": (of_skops, signing.shared(b"a secret")),
    "graph": (of_a_graph, signing.ring(PAIR.text)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_is_loaded_or_does_anything(kind: str) -> None:
    make, keys = KINDS[kind]
    sealed = bundles.write(make(), keys)
    dice = np.random.default_rng(27)
    loads = 0
    with watched_acts.acts() as seen:
        for at in dice.integers(0, len(sealed) * 8, FLIPS).tolist():
            damaged = bytearray(sealed)
            damaged[at // 8] ^= 1 << (at % 8)
            try:
                bundles.load(bundles.read(bytes(damaged), keys))
                loads += 1
            except BundleInvalid:
                continue

    assert (loads, seen) == (0, [])


def test_no_flipped_bit_of_a_member_is_loaded_even_if_somebody_signs_it() -> None:
    """Behind the signature are the hashes; whoever has the key may be mistaken, too."""
    keys = signing.shared(b"a secret")
    members = sealing.unseal(bundles.write(artefacts.bundle(), keys), keys, layout.NAMES)
    dice, loads = np.random.default_rng(28), 0
    names = sorted(members.keys() - {"manifest.json", "LICENCES.txt"})
    with watched_acts.acts() as seen:
        for turn in range(60):
            name = names[turn % len(names)]
            damaged = bytearray(members[name])
            at = int(dice.integers(0, len(damaged) * 8))
            damaged[at // 8] ^= 1 << (at % 8)
            try:
                bundles.read(sealing.seal(members | {name: bytes(damaged)}, keys), keys)
                loads += 1
            except BundleInvalid:
                continue

    assert (loads, seen) == (0, [])


# -- files


def asked(data: bytes) -> bytes:
    try:
        kind = loader.sniff(data)
    except BundleInvalid:
        kind = Kind.ONNX
    schema = None if kind is Kind.ONNX else json.dumps(artefacts.SCHEMA.to_json()).encode()
    kind = kind if kind is Kind.SKOPS else Kind.ONNX
    return msgspec.msgpack.encode(Asked(data, kind.value, NAMES, schema))


@pytest.mark.parametrize("what", malicious.FILES)
def test_a_malicious_file_is_refused_by_the_trial_before_anything_is_done(what: str) -> None:
    make, _ = malicious.FILES[what]
    data = asked(make())

    with watched_acts.acts() as seen:
        told = trying._told(bytearray(data))

    assert told.trouble is not None
    assert told.trouble.code in REFUSED
    assert seen == []


# An operator may have functions of his own in a graph: they are of operators, and run no code.
BY_COMMAND = sorted(malicious.FILES.keys() - {"functions of its own"})


@pytest.mark.django_db
@pytest.mark.parametrize("what", BY_COMMAND)
def test_a_malicious_file_is_refused_by_the_command(what: str, tmp_path: Path) -> None:
    make, name = malicious.FILES[what]
    path = tmp_path / name
    path.write_bytes(make())
    words: list[Any] = ["register", path]
    if path.suffix != ".weir":
        words += ["--endpoint", "e", "--name", "n", "--version", "1"]
    if path.suffix == ".skops":
        (tmp_path / "model.schema.json").write_text(json.dumps(artefacts.SCHEMA.to_json()))

    with pytest.raises(CommandError):
        call_command(*map(str, words))

    assert not MLAlgorithm.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("what", malicious.FILES)
def test_a_malicious_file_in_the_store_is_not_opened(what: str) -> None:
    """As if somebody had written into the bucket, and into the row as well."""
    make, _ = malicious.FILES[what]
    row = registered.algorithm("forest", bundle=store.put(make()))

    with watched_acts.acts() as seen, pytest.raises(WeirError, match="not signed"):
        opening.open_algorithm(row)

    assert [act for act in seen if "weir-canary" in act or "Popen" in act] == []
