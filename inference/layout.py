"""Which members the archive of a bundle has, what each says, and how large it may be.

Format 2: the model, and beside it `manifest.json` (what it is called, where it comes from, and the
SHA-256 of each other member), `schema.json`, `golden.json`, `metrics.json`, `reference.json` (how
its training rows were distributed) and `LICENCES.txt`. All are always there. Format 1 kept
all of that but the model in its manifest; it is still read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from inference.core.errors import BundleInvalid
from inference.runtimes.base import Kind

FORMAT: Final = 2
_BEFORE: Final = 1
MANIFEST: Final = "manifest.json"
_SCHEMA: Final = "schema.json"
_LICENCES: Final = "LICENCES.txt"
_MODELS: Final = {kind: f"model.{kind}" for kind in Kind}
# Fields of the card that are files of their own, so that each can be read without the others.
_APART: Final = {
    "golden": "golden.json",
    "metrics": "metrics.json",
    "reference": "reference.json",
}
# Bytes; a model may have as many as the whole archive.
_MOST: Final = {
    MANIFEST: 4 << 20,
    _SCHEMA: 4 << 20,
    "golden.json": 16 << 20,
    "metrics.json": 1 << 20,
    "reference.json": 16 << 20,
    _LICENCES: 1 << 20,
}
NAMES: Final = frozenset({*_MOST, *_MODELS.values()})


class Parts(NamedTuple):
    """What the archive says, not yet looked at: the card and the schema as JSON has them."""

    card: dict[str, Any]
    schema: dict[str, Any]
    files: dict[Kind, bytes]


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    card: dict[str, Any]
    sha256: dict[str, str]
    schema: dict[str, Any] | None = None  # of format 1


def members(parts: Parts) -> dict[str, bytes]:
    """The archive's members by name; raises BundleInvalid for one that is too large."""
    card = dict(parts.card)
    found = {_MODELS[kind]: data for kind, data in parts.files.items()}
    found[_SCHEMA] = _text(parts.schema)
    found[_LICENCES] = card.pop("licence", "").encode()
    found |= {name: _text(card.pop(key, {})) for key, name in _APART.items()}
    found[MANIFEST] = _text({"format": FORMAT, "card": card, "sha256": _hashes(found)})
    _refuse_large(found)
    return found


def parts(found: Mapping[str, bytes]) -> Parts:
    """What these members say; raises BundleInvalid unless they are those that were packed."""
    rest = dict(found)
    manifest = _manifest(rest.pop(MANIFEST, b""))
    if _hashes(rest) != manifest.sha256:
        raise BundleInvalid("The files of the bundle are not those of its manifest.")
    files = {kind: rest.pop(name) for kind, name in _MODELS.items() if name in rest}
    if manifest.format == _BEFORE:
        return _of_before(manifest, rest, files)
    return _of_now(manifest, rest, files)


def _of_before(manifest: _Manifest, rest: Mapping[str, bytes], files: dict[Kind, bytes]) -> Parts:
    if rest or manifest.schema is None:
        raise BundleInvalid("The bundle does not have the members of its format.")
    return Parts(manifest.card, manifest.schema, files)


def _of_now(manifest: _Manifest, rest: Mapping[str, bytes], files: dict[Kind, bytes]) -> Parts:
    if rest.keys() != _MOST.keys() - {MANIFEST}:
        raise BundleInvalid("The bundle does not have the members of its format.")
    _refuse_large(rest)
    apart = {key: _decoded(name, rest[name]) for key, name in _APART.items()}
    licence = {"licence": _words(rest[_LICENCES])}
    return Parts({**manifest.card, **apart, **licence}, _decoded(_SCHEMA, rest[_SCHEMA]), files)


def _manifest(text: bytes) -> _Manifest:
    try:
        manifest = msgspec.json.decode(text, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleInvalid(f"The bundle's manifest is damaged: {error}") from error
    if manifest.format not in {_BEFORE, FORMAT}:
        raise BundleInvalid(
            f"The bundle has format {manifest.format}; these are read: {_BEFORE} and {FORMAT}."
        )
    return manifest


def _hashes(found: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}


def _refuse_large(found: Mapping[str, bytes]) -> None:
    for name, content in found.items():
        if len(content) > _MOST.get(name, len(content)):
            raise BundleInvalid(f"The bundle's {name} is larger than {_MOST[name]} bytes.")


def _decoded(name: str, text: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleInvalid(f"The bundle's {name} is damaged: {error}") from error


def _words(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise BundleInvalid(f"The bundle's {_LICENCES} is no text.") from error


def _text(value: object) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False).encode()
