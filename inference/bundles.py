"""A model with everything needed to trust and serve it: files, schema, golden rows, report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Final

import msgspec

from inference import golden, sealing
from inference.core import graphs
from inference.core.errors import BundleInvalid
from inference.core.graphs import Contract, Graph
from inference.golden import Golden
from inference.runtimes import loader
from inference.runtimes.base import Artefact, GraphArtefact, Kind, Reads, Runtime

FORMAT: Final = 1
_MANIFEST = "manifest.json"
_FILES = {kind: f"model.{kind}" for kind in Kind}


class Card(msgspec.Struct, frozen=True, kw_only=True):
    """What people want to know of an algorithm, and what we need to serve it.

    `serving` names the file that answers; `original` the one it was compiled from, kept beside it.
    """

    endpoint: str
    name: str
    version: str
    owner: str
    description: str
    code: str = ""
    serving: Kind
    original: Kind
    reads: Reads = "matrix"
    libraries: dict[str, str]
    metrics: dict[str, float]
    report: dict[str, object]
    lineage: dict[str, object] = {}
    golden: Golden


class _Manifest(msgspec.Struct, frozen=True, kw_only=True):
    format: int
    card: Card
    schema: dict[str, object]
    sha256: dict[str, str]


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """One algorithm as it is stored and moved."""

    card: Card
    schema: Contract
    files: Mapping[Kind, bytes]

    @property
    def artefact_hash(self) -> str:
        """Same model, same schema: same hash, whoever describes or measures it."""
        model = hashlib.sha256(self.files[self.card.serving]).hexdigest()
        return hashlib.sha256(
            f"{self.card.serving}:{model}:{self.schema.hash}".encode()
        ).hexdigest()

    def artefact(self, kind: Kind | None = None) -> Artefact | GraphArtefact:
        """The file that serves, or the one of `kind`."""
        kind = kind or self.card.serving
        if isinstance(self.schema, Graph):
            return GraphArtefact(kind, self.files[kind], self.schema)
        return Artefact(
            kind=kind,
            data=self.files[kind],
            schema=self.schema,
            reads="matrix" if kind is Kind.ONNX else self.card.reads,
            libraries=self.card.libraries,
        )


def write(bundle: Bundle, key: bytes) -> bytes:
    """The signed file; the same bundle and key always give the same bytes."""
    _check(bundle)
    files = {_FILES[kind]: data for kind, data in bundle.files.items()}
    manifest = _Manifest(
        format=FORMAT,
        card=bundle.card,
        schema=bundle.schema.to_json(),
        sha256={name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    )
    text = json.dumps(msgspec.to_builtins(manifest), indent=1, sort_keys=True, allow_nan=False)
    return sealing.seal({_MANIFEST: text.encode(), **files}, key)


def read(data: bytes, key: bytes) -> Bundle:
    """The bundle in these bytes; raises BundleInvalid unless all of it holds together."""
    members = sealing.unseal(data, key, {_MANIFEST, *_FILES.values()})
    manifest = _manifest(members.pop(_MANIFEST, b""))
    found = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    if found != manifest.sha256:
        raise BundleInvalid("The files of the bundle are not those of its manifest.")
    try:
        schema = graphs.contract(manifest.schema)
    except ValueError as error:
        raise BundleInvalid(f"The bundle's schema is damaged: {error}") from error
    files = {kind: members[name] for kind, name in _FILES.items() if name in members}
    bundle = Bundle(card=manifest.card, schema=schema, files=files)
    _check(bundle)
    return bundle


def load(bundle: Bundle, kind: Kind | None = None) -> Runtime:
    """The runtime, warm, having answered its golden rows as it should; raises BundleInvalid."""
    runtime = loader.load(bundle.artefact(kind))
    golden.verify(bundle.card.golden, bundle.schema, runtime)
    return runtime


def _manifest(text: bytes) -> _Manifest:
    try:
        manifest = msgspec.json.decode(text, type=_Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BundleInvalid(f"The bundle's manifest is damaged: {error}") from error
    if manifest.format != FORMAT:
        raise BundleInvalid(f"The bundle has format {manifest.format}; this is read: {FORMAT}.")
    return manifest


def _check(bundle: Bundle) -> None:
    card = bundle.card
    if card.serving not in bundle.files or card.original not in bundle.files:
        raise BundleInvalid("The bundle lacks a model file that it names.")
    golden.check(card.golden, bundle.schema)
