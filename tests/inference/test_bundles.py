"""A bundle is loaded as it was written, or not at all."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pytest

from inference import bundles, layout, sealing
from inference.bundles import Bundle
from inference.core.errors import BundleInvalid
from inference.core.schema import Schema
from inference.runtimes.base import Kind
from tests.inference import artefacts

KEY = artefacts.KEY
FLIPS = 500


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return bundles.write(artefacts.bundle(), KEY)


def members(data: bytes) -> dict[str, bytes]:
    return sealing.unseal(data, KEY, layout.NAMES)


def test_a_bundle_comes_back_as_it_was_written(sealed: bytes) -> None:
    assert bundles.read(sealed, KEY) == artefacts.bundle()


def test_the_same_bundle_is_written_as_the_same_bytes(sealed: bytes) -> None:
    assert bundles.write(bundles.read(sealed, KEY), KEY) == sealed


def test_the_compiled_model_serves_and_the_original_lies_beside_it(sealed: bytes) -> None:
    bundle = bundles.read(sealed, KEY)

    assert bundle.card.serving is Kind.ONNX
    assert set(bundle.files) == {Kind.ONNX, Kind.JOBLIB}
    assert bundles.load(bundle).kind is Kind.ONNX
    assert bundles.load(bundle, Kind.JOBLIB).kind is Kind.JOBLIB


def test_no_flipped_bit_is_ever_loaded(sealed: bytes) -> None:
    dice = np.random.default_rng(5)
    loaded = []
    for at in dice.integers(0, len(sealed) * 8, FLIPS).tolist():
        damaged = bytearray(sealed)
        damaged[at // 8] ^= 1 << (at % 8)
        try:
            bundles.read(bytes(damaged), KEY)
            loaded.append(at)
        except BundleInvalid:
            continue

    assert loaded == []


@pytest.mark.parametrize("kept", [0, 1, 63, 64, 65, 1000, -65, -1])
def test_a_truncated_bundle_is_refused(sealed: bytes, kept: int) -> None:
    with pytest.raises(BundleInvalid):
        bundles.read(sealed[:kept], KEY)


def test_bytes_after_the_signature_are_refused(sealed: bytes) -> None:
    with pytest.raises(BundleInvalid):
        bundles.read(sealed + b"\n", KEY)


def test_a_bundle_of_another_installation_is_refused(sealed: bytes) -> None:
    with pytest.raises(BundleInvalid, match="not signed"):
        bundles.read(sealed, b"another key")


def test_a_plain_zip_with_the_same_members_is_refused(sealed: bytes) -> None:
    with pytest.raises(BundleInvalid, match="not signed"):
        bundles.read(sealed[:-64] + b"0" * 64, KEY)


def test_a_swapped_model_is_refused_even_if_signed(sealed: bytes) -> None:
    swapped = members(sealed) | {"model.onnx": b"\x08\x09another model"}

    with pytest.raises(BundleInvalid, match="not those of its manifest"):
        bundles.read(sealing.seal(swapped, KEY), KEY)


def test_a_missing_model_is_refused_even_if_signed(sealed: bytes) -> None:
    rest = members(sealed)
    del rest["model.onnx"]

    with pytest.raises(BundleInvalid, match="not those of its manifest"):
        bundles.read(sealing.seal(rest, KEY), KEY)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "model.pkl", "a/manifest.json"])
def test_a_member_with_another_name_is_refused_even_if_signed(sealed: bytes, name: str) -> None:
    with pytest.raises(BundleInvalid, match="unexpected name"):
        bundles.read(sealing.seal(members(sealed) | {name: b"x"}, KEY), KEY)


@pytest.mark.parametrize(
    ("member", "old", "new", "sentence"),
    [
        ("manifest.json", b'"format": 2', b'"format": 3', "format 3"),
        ("manifest.json", b'"serving": "onnx"', b'"serving": "exe"', "manifest is damaged"),
        ("manifest.json", b'"serving": "onnx"', b'"serving": "skops"', "lacks a model file"),
        ("manifest.json", b"{", b"[", "manifest is damaged"),
        ("schema.json", b'"kind": "integer"', b'"kind": "complex"', "schema is damaged"),
        ("golden.json", b'"outputs"', b'"inputs"', "manifest is damaged"),
        ("metrics.json", b"{", b"[", "metrics.json is damaged"),
        ("reference.json", b"{", b"", "reference.json is damaged"),
        ("LICENCES.txt", b"", b"\xff", "no text"),
    ],
)
def test_a_member_that_makes_no_sense_is_refused(
    sealed: bytes, member: str, old: bytes, new: bytes, sentence: str
) -> None:
    parts = members(sealed)
    assert old in parts[member]
    parts[member] = parts[member].replace(old, new, 1)

    with pytest.raises(BundleInvalid, match=sentence):
        bundles.read(sealing.seal(rehashed(parts), KEY), KEY)


def rehashed(parts: dict[str, bytes]) -> dict[str, bytes]:
    """As somebody who has the key would pack them."""
    try:
        manifest = json.loads(parts["manifest.json"])
    except ValueError:
        return parts
    rest = {name: data for name, data in parts.items() if name != "manifest.json"}
    manifest["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in rest.items()}
    return rest | {"manifest.json": json.dumps(manifest, indent=1).encode()}


@pytest.mark.parametrize("name", ["schema.json", "golden.json", "reference.json", "LICENCES.txt"])
def test_a_bundle_without_one_of_its_members_is_refused(sealed: bytes, name: str) -> None:
    parts = members(sealed)
    del parts[name]

    with pytest.raises(BundleInvalid, match="members of its format"):
        bundles.read(sealing.seal(rehashed(parts), KEY), KEY)


def test_a_member_that_is_too_large_is_refused_when_it_is_written() -> None:
    with pytest.raises(BundleInvalid, match=r"LICENCES\.txt is larger than"):
        bundles.write(changed(licence="x" * (1 << 20) + "x"), KEY)


def test_every_member_stands_alone(sealed: bytes) -> None:
    told = bundles.write(changed(licence="CC0", reference={"age": {"edges": [1]}}), KEY)
    parts = members(told)

    assert sorted(parts) == [
        "LICENCES.txt",
        "golden.json",
        "manifest.json",
        "metrics.json",
        "model.joblib",
        "model.onnx",
        "reference.json",
        "schema.json",
    ]
    assert parts["LICENCES.txt"] == b"CC0"
    assert json.loads(parts["reference.json"]) == {"age": {"edges": [1]}}
    assert json.loads(parts["golden.json"])["records"] == artefacts.bundle().card.golden.records
    assert Schema.from_json(json.loads(parts["schema.json"])) == artefacts.SCHEMA
    assert bundles.read(told, KEY).card.licence == "CC0"


def test_a_bundle_of_the_format_before_is_still_read() -> None:
    bundle = artefacts.bundle()
    files = {f"model.{kind}": data for kind, data in bundle.files.items()}
    manifest = {
        "format": 1,
        "card": msgspec.to_builtins(bundle.card),
        "schema": bundle.schema.to_json(),
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }

    old = sealing.seal(files | {"manifest.json": json.dumps(manifest).encode()}, KEY)

    assert bundles.read(old, KEY) == bundle
    assert bundles.read(bundles.write(bundles.read(old, KEY), KEY), KEY) == bundle


def changed(**card: object) -> Bundle:
    bundle = artefacts.bundle()
    return msgspec.structs.replace(bundle, card=msgspec.structs.replace(bundle.card, **card))


def test_a_model_that_answers_its_golden_rows_otherwise_is_not_loaded() -> None:
    golden = artefacts.bundle().card.golden
    wrong = [[1 - p for p in row] for row in golden.outputs]
    bundle = changed(golden=msgspec.structs.replace(golden, outputs=wrong))

    with pytest.raises(BundleInvalid, match="golden rows"):
        bundles.load(bundle)


def test_golden_rows_that_do_not_fit_the_schema_are_refused() -> None:
    golden = artefacts.bundle().card.golden
    strange = [{"another": 1} for _ in golden.records]
    bundle = changed(golden=msgspec.structs.replace(golden, records=strange))

    with pytest.raises(BundleInvalid, match="does not fit the schema"):
        bundles.load(bundle)


def test_a_bundle_without_golden_rows_is_not_written() -> None:
    with pytest.raises(BundleInvalid, match="golden rows"):
        bundles.write(changed(golden=bundles.Golden(records=[], outputs=[])), KEY)


def test_a_scikit_learn_model_of_another_version_is_refused() -> None:
    bundle = changed(serving=Kind.JOBLIB, libraries={"scikit-learn": "1.2.2"})

    with pytest.raises(BundleInvalid, match=r"written by scikit-learn 1\.2\.2"):
        bundles.load(bundle)


def test_the_version_of_scikit_learn_does_not_matter_to_a_compiled_model() -> None:
    assert bundles.load(changed(libraries={"scikit-learn": "1.2.2"})).kind is Kind.ONNX


def test_what_is_said_about_a_model_is_no_part_of_its_identity() -> None:
    told = changed(description="in other words", report={"original_us": 1.0}, owner="somebody")

    assert told.artefact_hash == artefacts.bundle().artefact_hash


def test_another_schema_makes_another_identity() -> None:
    other = msgspec.structs.replace(artefacts.bundle(), schema=artefacts.VALUES)

    assert other.artefact_hash != artefacts.bundle().artefact_hash


FRESH = """
import sys, numpy as np
from pathlib import Path
from inference import bundles
from inference.runtimes.base import Kind
bundle = bundles.read(Path(sys.argv[1]).read_bytes(), sys.argv[2].encode())
runtime = bundles.load(bundle, Kind(sys.argv[3]))
matrix = np.load(sys.argv[4])
np.save(sys.argv[5], runtime.predict((matrix,))[0])
print(*sorted({"sklearn", "skl2onnx", "onnx", "django"} & set(sys.modules)))
"""


@pytest.mark.parametrize(("kind", "imported"), [(Kind.ONNX, ""), (Kind.JOBLIB, "sklearn")])
def test_a_fresh_process_gives_the_same_bits_and_imports_no_more_than_it_needs(
    tmp_path: Path, sealed: bytes, kind: Kind, imported: str
) -> None:
    matrix = artefacts.SCHEMA.encode_many(artefacts.rows().records)
    (here,) = bundles.load(artefacts.bundle(), kind).predict((matrix,))
    file, rows, answers = (tmp_path / name for name in ("a.weir", "rows.npy", "answers.npy"))
    file.write_bytes(sealed)
    np.save(rows, matrix)

    done = subprocess.run(
        [sys.executable, "-c", FRESH, file, KEY.decode(), kind.value, rows, answers],
        capture_output=True,
        text=True,
        check=True,
    )

    assert np.load(answers).tobytes() == here.tobytes()
    assert done.stdout.split() == imported.split()
