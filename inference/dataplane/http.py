"""Hot HTTP requests, answered without Django's request stack; everything else falls through.

Recognised: POST /api/v1/{endpoint}/predict with a JSON body and, unless the profile is open, an API
key. Forms, the browsable API, sessions with their CSRF tokens and all that administers go on to the
next application, with the body read whole, in time and within its bound. Both doors give the same
answers: the contract tests run through each.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from inference import calls, gateway, keys, problems
from inference.access import Access, Https, host_allowed
from inference.calls import Call
from inference.core import asking
from inference.core.asking import Ask
from inference.core.errors import HostRefused, ModelError, WeirError
from inference.dataplane.asgi import Application, Receive, Scope, Send
from inference.dataplane.body import Bodies, Gone, length, replayed, unreadable
from inference.durable import door, replies, requests
from inference.durable.requests import Claim
from inference.gateway import Answered
from inference.keys import Scope as KeyScope
from inference.problems import Problem
from inference.services import uploads

log = logging.getLogger(__name__)

PREFIX: Final = "/api/v1/"
SUFFIX: Final = "/predict"
ANY_SCHEME: Final = Https()
BODY_SECONDS: Final = 30.0  # a body that takes longer than this is an attack or a broken line
_JSON: Final = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)
HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
)

# Status, body, headers beyond those that every answer has.
Answer = tuple[int, bytes, Iterable[tuple[bytes, bytes]]]


class Hot(NamedTuple):
    """A recognised request, before its body is read."""

    endpoint: str
    query: bytes
    authorization: str
    subject: str
    length: int
    key: str | None
    prefer: str

    @property
    def lasting(self) -> bool:
        return self.key is not None or self.prefer != ""


class DataPlane:
    """An ASGI application in front of another, which gets its requests with their bodies read."""

    def __init__(
        self,
        fallback: Application,
        access: Access,
        *,
        max_body: int,
        https: Https = ANY_SCHEME,
        body_seconds: float = BODY_SECONDS,
        max_upload: int = 0,
    ) -> None:
        """`max_upload` bytes may have what comes to where models are taken, if any are."""
        self._fallback = fallback
        self._access = access
        self._https = https
        self._bodies = Bodies(max_body, body_seconds)
        # One at a time: whoever sends it is not known yet, and a model is tried alone anyway.
        self._uploads = Bodies(max(max_body, max_upload), 4 * body_seconds, at_once=1)
        self._host_allowed = lru_cache(maxsize=64)(_host_allowed)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        hot = self.recognised(scope, headers)
        if hot is None:
            await self._fall_back(scope, headers, receive, send)
            return
        call = Call(calls.REST, hot.endpoint, scope)
        try:
            answer = await self._answer(hot, receive, call)
        except Gone:
            call.ended(calls.GONE)
            return
        except Exception as error:  # noqa: BLE001  # the client gets a sentence, the log a trace
            answer = failed(error, call)
        await _send(send, *answer)

    def recognised(self, scope: Scope, headers: dict[bytes, bytes]) -> Hot | None:
        """None for what is another's to answer."""
        path: str = scope["path"]
        if not path.endswith(SUFFIX) or not path.startswith(PREFIX) or scope["method"] != "POST":
            return None
        endpoint = path[len(PREFIX) : -len(SUFFIX)]
        hot = _hot(endpoint, scope["query_string"], headers)
        if hot is None or "/" in endpoint or not self._admits(scope, headers):
            return None
        if hot.lasting and len(headers) != len(scope["headers"]):
            return None  # Django joins headers that come more than once, and here the last counts
        return hot if self._access.is_open or keys.from_header(hot.authorization) else None

    def _admits(self, scope: Scope, headers: dict[bytes, bytes]) -> bool:
        """Others are refused, or sent on to HTTPS by Django."""
        if self._https.required and not self._https.used(scope["scheme"], headers):
            return False
        return self._host_allowed(headers.get(b"host", b""))

    def admitted(self, hot: Hot, size: int = 0) -> Ask:
        """Raises TooLarge, Unauthorized, Forbidden or RowInvalid; `size` bytes are here already."""
        self._bodies.check(max(hot.length, size))
        self._access.check(hot.authorization, KeyScope.PREDICT)
        ask = _ask(hot.endpoint, hot.query)
        if hot.subject:
            ask = ask.on_behalf_of(hot.subject)
        if hot.prefer:
            ask = ask.preferring(hot.prefer)
        return ask

    async def _answer(self, hot: Hot, receive: Receive, call: Call) -> Answer:
        ask = self.admitted(hot)
        body = await self._bodies.read(receive)
        call.begins()
        if hot.key is None and ask.wait is None:
            return answered(await gateway.current().predict_json(ask, body, call), call)
        return await self._lasting(hot, ask, body, call)

    async def _lasting(self, hot: Hot, ask: Ask, body: bytes, call: Call) -> Answer:
        claim = Claim(self._access.caller(hot.authorization), hot.key, hot.query.decode("latin-1"))
        answer = await door.current().answer(requests.from_json(claim, ask, body))
        reply = replies.of(answer)
        call.ended(replies.outcome(answer))
        headers = [(name.encode(), value.encode()) for name, value in reply.headers.items()]
        return reply.status, reply.text.encode(), headers

    async def _fall_back(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send
    ) -> None:
        """Django would wait for a body as long as it takes, and keep one as large as it gets."""
        try:
            body = await self._readable(self._bodies_of(scope), headers, receive)
        except WeirError as error:
            in_tutorial = scope["path"].endswith(SUFFIX)
            problem = problems.of_tutorial if in_tutorial else problems.problem
            await _send(send, *_refusal(problem(error)))
        except Gone:
            return
        else:
            await self._fallback(scope, replayed(body, receive), send)

    def _bodies_of(self, scope: Scope) -> Bodies:
        taken = scope["method"] == "POST" and scope["path"] in uploads.PATHS
        return self._uploads if taken else self._bodies

    async def _readable(
        self, bodies: Bodies, headers: dict[bytes, bytes], receive: Receive
    ) -> bytes:
        host = headers.get(b"host")
        if host is not None and not self._host_allowed(host):
            # Django says so with a traceback, as often as a stranger likes.
            log.warning("refused a request for the host %r", host[:100])
            raise HostRefused
        if error := unreadable(headers):
            raise error
        bodies.check(length(headers))
        return await bodies.read(receive)


def _hot(endpoint: str, query: bytes, headers: dict[bytes, bytes]) -> Hot | None:
    """None unless the body is JSON that nobody has encoded further."""
    kind = headers.get(b"content-type", b"")
    if b"content-encoding" in headers or (kind not in _JSON and kind.lower() not in _JSON):
        return None
    return Hot(
        endpoint,
        query,
        headers.get(b"authorization", b"").decode("latin-1"),
        headers.get(b"x-subject", b"").decode("latin-1"),
        length(headers),
        _key(headers),
        headers.get(b"prefer", b"").decode("latin-1"),
    )


def _key(headers: dict[bytes, bytes]) -> str | None:
    value = headers.get(b"idempotency-key")
    return None if value is None else value.decode("latin-1")


def _host_allowed(host: bytes) -> bool:
    return host_allowed(host.decode("latin-1"))


def _ask(endpoint: str, query: bytes) -> Ask:
    # Callers repeat their query; a long one is not worth remembering.
    return _remembered(endpoint, query) if len(query) < 128 else _parsed(endpoint, query)


def _parsed(endpoint: str, query: bytes) -> Ask:
    """The last of a repeated parameter counts, as in Django."""
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    return asking.from_query(endpoint, dict(pairs))


_remembered = lru_cache(maxsize=1024)(_parsed)


def answered(found: Answered, call: Call) -> Answer:
    call.answered()
    if not found.batch:
        return 200, found.texts[0].encode(), ()
    return 200, f"[{','.join(found.texts)}]".encode(), ()


def failed(error: BaseException, call: Call) -> Answer:
    """A sentence for the client, and for us the trace of what nobody foresaw."""
    if not isinstance(error, WeirError):
        log.error("predict failed", exc_info=error)
        error = ModelError("Something went wrong here.")
    call.ended(error.code)
    # Its frames hold the rows and are held by them, and the collector comes rarely.
    error.__traceback__ = None
    return _refusal(problems.of_tutorial(error))


def _refusal(problem: Problem) -> Answer:
    return problem.status, msgspec.json.encode(problem.body), problem.headers


async def _send(
    send: Send, status: int, body: bytes, extra: Iterable[tuple[bytes, bytes]] = ()
) -> None:
    headers = [*HEADERS, (b"content-length", b"%d" % len(body)), *extra]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
