"""A model that came over HTTP: tried in a confined child, then signed, kept and registered.

Of a stranger's bytes this process looks at the first few and at their number, and at nothing else.
What the child says is looked at as if the model itself had said it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Final

import msgspec
from django.conf import settings

from inference import bundles, opening
from inference.bundles import Bundle, Card
from inference.core import parcels
from inference.core.errors import (
    BundleInvalid,
    FormatRefused,
    Overloaded,
    TooLarge,
    TransitionRefused,
    TrialFailed,
    UploadsOff,
)
from inference.core.lifecycle import Status
from inference.core.trials import MOST, Asked, Told
from inference.models import MLAlgorithm
from inference.runtimes import loader
from inference.runtimes.base import Kind
from inference.runtimes.pipes import Child, Gone
from inference.services import publishing

# Where models come in, with bodies that are larger than others.
PATHS: Final = frozenset({"/api/v1/mlalgorithms", "/admin/inference/mlalgorithm/upload/"})
KINDS: Final = frozenset({Kind.ONNX, Kind.SKOPS})
STATUSES: Final = (Status.TESTING, Status.REGISTERED)
_TRYING: Final = "inference.training.trying"  # a program, not a module that is imported here
_START_SECONDS: Final = 60.0  # for an interpreter and its libraries, on a busy machine
_RETRY_SECONDS: Final = 5.0
# A trial takes a processor and memory; two at a time would be as long, and take twice as much.
_ONE: Final = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """What was sent; `schema` is JSON, `rows` JSON or CSV."""

    data: bytes
    endpoint: str
    name: str
    version: str
    schema: bytes | None = None
    rows: bytes | None = None
    description: str = ""
    licence: str = ""
    status: Status = Status.TESTING


def model_upload(upload: Upload, *, by: str) -> tuple[MLAlgorithm, bool]:
    """The algorithm, which runs apart for as long as it lives, and whether it is new.

    Raises UploadsOff, TooLarge, FormatRefused, BundleInvalid, TrialFailed, TransitionRefused,
    Overloaded while another one is tried, or CannotSign.
    """
    _refuse(upload)
    bundle = _checked(_tried(upload, by), upload, by)
    return publishing.publish(bundle, upload.status, by, isolated=True)


def _refuse(upload: Upload) -> None:
    """What can be said without reading it."""
    env = settings.WEIR
    if not env.uploads:
        raise UploadsOff
    _ = opening.keyring().own
    if len(upload.data) > env.max_upload_bytes:
        raise TooLarge(f"A model has at most {env.max_upload_bytes} bytes.", field="file")
    if upload.status not in STATUSES:
        raise TransitionRefused("An uploaded model is tested before it gets any further.")
    kind_of(upload.data)


def kind_of(data: bytes) -> Kind:
    """By its first bytes, whatever it is called; raises FormatRefused."""
    try:
        kind = loader.sniff(data)
    except BundleInvalid as error:
        raise FormatRefused(field="file") from error
    if kind not in KINDS:
        raise FormatRefused(field="file")
    return kind


def _tried(upload: Upload, by: str) -> Told:
    if not _ONE.acquire(blocking=False):
        raise Overloaded("Another model is being tried.", retry_after=_RETRY_SECONDS)
    try:
        told = _asked(kind_of(upload.data), _asking(upload, by))
    finally:
        _ONE.release()
    if told.trouble is not None:
        raise parcels.error(told.trouble)
    return told


def _asking(upload: Upload, by: str) -> bytes:
    identity = {
        "endpoint": upload.endpoint,
        "name": upload.name,
        "version": upload.version,
        "owner": by,
        "description": upload.description,
    }
    kind = kind_of(upload.data)
    return msgspec.msgpack.encode(Asked(upload.data, kind, identity, upload.schema, upload.rows))


def _asked(kind: Kind, message: bytes) -> Told:
    """Whatever the child does, it ends with this."""
    env = settings.WEIR
    arguments = [kind.value, str(env.trial_memory_mb << 20), str(env.trial_seconds)]
    child = Child(_TRYING, arguments, MOST)
    try:
        child.line.receive(time.monotonic() + _START_SECONDS)
        deadline = time.monotonic() + env.trial_seconds
        child.line.send(message, deadline)
        return msgspec.msgpack.decode(child.line.receive(deadline), type=Told)
    except Gone as error:
        how = "took too long" if child.ended() is None else "crashed, or took too much"
        raise TrialFailed(f"The model did not survive its trial: it {how}.") from error
    except msgspec.DecodeError as error:
        raise TrialFailed from error
    finally:
        child.end()


def _checked(told: Told, upload: Upload, by: str) -> Bundle:
    """A bundle of the bytes that were sent, called as the caller says; raises BundleInvalid."""
    try:
        card = msgspec.convert(told.card, Card)
        files = {Kind(kind): data for kind, data in told.files.items()}
        schema = bundles.described(told.schema)
    except (ValueError, msgspec.ValidationError) as error:
        raise BundleInvalid("The trial made no bundle of it.") from error
    kind = kind_of(upload.data)
    named = (card.endpoint, card.name, card.version, card.owner, card.original)
    if named != (upload.endpoint, upload.name, upload.version, by, kind):
        raise BundleInvalid("The trial made another bundle of it.")
    if files.get(kind) != upload.data or any(
        loader.sniff(files[each]) is not each for each in files
    ):
        raise BundleInvalid("The trial made another model of it.")
    if not files.keys() <= KINDS:
        raise FormatRefused(field="file")
    card = msgspec.structs.replace(card, licence=upload.licence)
    return Bundle(card=card, schema=schema, files=files)
