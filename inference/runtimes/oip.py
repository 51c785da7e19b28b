"""How a model predicts that lives in another server: whole batches go there, answers come back.

Nothing is tried twice in here. A batch that found nobody is answered 503 at once, and whoever asked
knows best whether he still wants it.
"""

from __future__ import annotations

import logging
import ssl
from time import monotonic
from typing import Any, Final, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from msgspec import Struct

from inference.core import oipclient
from inference.core.datatypes import DTYPES, Tensor
from inference.core.errors import (
    BundleInvalid,
    ModelOutputInvalid,
    ModelRejectedRow,
    ModelUnavailable,
)
from inference.core.oipanswers import Written
from inference.core.oipclient import Gives
from inference.core.reach import Reach
from inference.core.tensors import Tensors
from inference.runtimes.base import Artefact, Kind

log = logging.getLogger(__name__)

Stored = TypeVar("Stored", bound=Struct)
HEAD_LENGTH: Final = "Inference-Header-Content-Length"
READS: Final = ("FP32", "FP64")
_PATIENCE: Final = (
    1.0  # seconds for what takes no thought: a connection, or to say that one is there
)
# A connection is not used again that the other side may be closing: many do after five seconds.
_IDLE: Final = 2.0
_MOST_BYTES: Final = 64 << 20
_AGAIN: Final = 1.0  # seconds until it is worth asking again
# What a server says of the rows; any other refusal is about itself, or about us.
_ROWS: Final = frozenset({400, 413, 422})


class Place(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a model lives. No version: the one its server thinks best."""

    url: str
    model: str
    version: str = ""

    @property
    def path(self) -> str:
        """Below the server's address."""
        version = f"/versions/{quote(self.version, safe='')}" if self.version else ""
        return f"/v2/models/{quote(self.model, safe='')}{version}"


class Descriptor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file of such a model. `binary`: whether its server reads tensors as bytes."""

    place: Place
    input: str
    datatype: str
    output: str
    gives: Gives
    binary: bool


class Line:
    """To one server, over connections that are kept; for any thread."""

    def __init__(self, url: str, reach: Reach) -> None:
        """Raises BundleInvalid if this server may not be asked."""
        reach.check(url)
        self._seconds = reach.seconds
        self._url = url.rstrip("/")
        self._client = httpx.Client(
            limits=httpx.Limits(keepalive_expiry=_IDLE),
            headers=_headers(reach.token(url)),
            follow_redirects=False,  # a redirect leads where nobody has allowed us to go
            trust_env=False,  # nor does a proxy, or a password, of this process's environment
            verify=_certificates(url),
        )

    def get(self, path: str) -> bytes:
        """Raises ModelUnavailable, also where there is no such thing."""
        status, _, body = self._ask("GET", path, min(_PATIENCE, self._seconds))
        if status != httpx.codes.OK:
            raise _unavailable(oipclient.refusal(status, body))
        return body

    def infer(self, path: str, asked: Written) -> list[Tensor]:
        """Raises ModelUnavailable, ModelRejectedRow, ModelOutputInvalid."""
        headers = {"Content-Type": "application/json"}
        if asked.head_length is not None:
            headers = {
                "Content-Type": "application/octet-stream",
                HEAD_LENGTH: str(asked.head_length),
            }
        more = {"content": asked.body, "headers": headers}
        status, told, body = self._ask("POST", f"{path}/infer", self._seconds, **more)
        if status in _ROWS:
            said = oipclient.refusal(status, body).said
            raise ModelRejectedRow(f"The remote refuses it: {said or status}")
        if status != httpx.codes.OK:
            raise _unavailable(oipclient.refusal(status, body))
        return oipclient.answered(body, oipclient.head_length(told.get(HEAD_LENGTH)))

    def close(self) -> None:
        self._client.close()

    def _ask(
        self, method: str, path: str, seconds: float, **more: Any
    ) -> tuple[int, httpx.Headers, bytes]:
        url, until = f"{self._url}{path}", monotonic() + seconds
        more["timeout"] = httpx.Timeout(seconds, connect=min(_PATIENCE, seconds))
        try:
            with self._client.stream(method, url, **more) as answer:
                return answer.status_code, answer.headers, _body(answer, until)
        except httpx.TimeoutException as error:
            raise _silent(seconds) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            said = str(error) or type(error).__name__
            raise ModelUnavailable(f"The remote: {said}", retry_after=_AGAIN) from error


class Correspondent:
    """One model in another server. That it went or came back is said once, not for each batch."""

    def __init__(self, place: Place, reach: Reach) -> None:
        """Raises BundleInvalid if its server may not be asked."""
        self._place = place
        self._line = Line(place.url, reach)
        self._away = False

    def ready(self) -> None:
        """Raises ModelUnavailable unless its server says that it is there; then it is closed."""
        try:
            self._line.get(f"{self._place.path}/ready")
        except ModelUnavailable:
            self.close()
            raise

    def infer(self, asked: Written) -> list[Tensor]:
        """See `Line.infer`."""
        place = self._place
        try:
            found = self._line.infer(place.path, asked)
        except ModelUnavailable as error:
            if not self._away:
                log.warning("%s at %s is away: %s", place.model, place.url, error.message)
            self._away = True
            raise
        if self._away:
            log.warning("%s at %s is back", place.model, place.url)
        self._away = False
        return found

    def close(self) -> None:
        self._line.close()


class RemoteRuntime:
    """Asks for one output of one model, a batch at a time."""

    kind = Kind.OIP
    inline_ok = False  # it waits for somebody else: never on the event loop

    def __init__(self, descriptor: Descriptor, artefact: Artefact) -> None:
        self._descriptor = descriptor
        self._there = Correspondent(descriptor.place, artefact.reach)
        self._classes = len(artefact.schema.target.classes)

    def predict(self, tensors: Tensors) -> Tensors:
        it, count = self._descriptor, len(tensors[0])
        rows = tensors[0].astype(DTYPES[it.datatype], copy=False)
        asked = oipclient.asked(Tensor(it.input, it.datatype, rows), it.output, binary=it.binary)
        for found in self._there.infer(asked):
            if found.name == it.output:
                return (oipclient.columns(found, it.gives, count, self._classes),)
        raise ModelOutputInvalid(f"The remote put out no {it.output[:40]}.")

    def ready(self) -> None:
        """Raises ModelUnavailable unless its server says that it is there."""
        self._there.ready()

    def close(self) -> None:
        self._there.close()


def load(artefact: Artefact) -> RemoteRuntime:
    """The line to it, tried; raises BundleInvalid, or ModelUnavailable if nobody is there now."""
    runtime = RemoteRuntime(_descriptor(artefact.data), artefact)
    runtime.ready()
    return runtime


def written(descriptor: Struct) -> bytes:
    """The same descriptor is always the same bytes, and so the same artefact."""
    return msgspec.json.encode(descriptor)


def read(data: bytes, kind: type[Stored]) -> Stored:
    """The inverse of `written`; raises BundleInvalid."""
    try:
        return msgspec.json.decode(data, type=kind)
    except (ValueError, RecursionError) as error:
        raise BundleInvalid(f"This does not say where a model lives: {error}") from error


def _descriptor(data: bytes) -> Descriptor:
    found = read(data, Descriptor)
    if found.datatype not in READS:
        raise BundleInvalid(f"Rows go out as {' or '.join(READS)}, not as {found.datatype[:20]}.")
    return found


def _body(answer: httpx.Response, until: float) -> bytes:
    """All of it, unless it is endless or its sender dawdles: a timeout is of one read only."""
    parts, size = [], 0
    for part in answer.iter_bytes():
        size += len(part)
        if size > _MOST_BYTES:
            raise ModelOutputInvalid(f"The remote's answer is larger than {_MOST_BYTES} bytes.")
        if monotonic() > until:
            raise httpx.ReadTimeout("the answer takes too long")
        parts.append(part)
    return b"".join(parts)


def _headers(token: str | None) -> dict[str, str]:
    plain = {"Accept-Encoding": "identity"}
    return plain if token is None else plain | {"Authorization": f"Bearer {token}"}


def _silent(seconds: float) -> ModelUnavailable:
    sentence = f"The remote did not answer within {seconds:g} s."
    return ModelUnavailable(sentence, retry_after=_AGAIN)


def _unavailable(refused: oipclient.Refused) -> ModelUnavailable:
    said = f": {refused.said}" if refused.said else ""
    return ModelUnavailable(f"The remote answers {refused.status}{said}", retry_after=_AGAIN)


def _certificates(url: str) -> ssl.SSLContext | bool:
    """None are read for plain HTTP, which takes longer than everything else here."""
    return httpx.create_ssl_context(trust_env=False) if url.startswith("https") else False
