"""Hot HTTP requests, answered without Django's request stack; everything else falls through.

Recognised: POST /api/v1/{endpoint}/predict with a JSON body and, unless the profile is open, an API
key. Forms, the browsable API, sessions with their CSRF tokens and all that administers go on to the
next application unread. Both doors give the same answers: the contract tests run through each.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from inference import gateway, problems
from inference.access import Access
from inference.core import asking
from inference.core.asking import Ask
from inference.core.errors import ModelError, TooLarge, WeirError
from inference.dataplane.asgi import Application, Message, Receive, Scope, Send
from inference.dataplane.patience import Patience
from inference.gateway import Answered
from inference.keys import SCHEME
from inference.keys import Scope as KeyScope
from inference.problems import Problem

log = logging.getLogger(__name__)

PREFIX: Final = "/api/v1/"
SUFFIX: Final = "/predict"
UNAUTHORIZED: Final = 401
BODY_SECONDS: Final = 30.0  # a body that takes longer than this is an attack or a broken line
_JSON: Final = frozenset(
    {b"application/json", b"application/json; charset=utf-8", b"application/json;charset=utf-8"}
)
_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"x-content-type-options", b"nosniff"),
)


class Gone(Exception):
    """The client hung up before its request was complete."""


class Hot(NamedTuple):
    """A recognised request, before its body is read."""

    endpoint: str
    query: bytes
    authorization: str
    subject: str
    length: int


class DataPlane:
    """An ASGI application in front of another."""

    def __init__(self, fallback: Application, access: Access, *, max_body: int) -> None:
        self._fallback = fallback
        self._access = access
        self._max_body = max_body
        self._patience = Patience(BODY_SECONDS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        hot = self._recognised(scope)
        if hot is None:
            await self._fallback(scope, receive, send)
            return
        try:
            answered = await self._answer(hot, receive)
        except WeirError as error:
            await _refuse(send, problems.of_tutorial(error))
        except Gone:
            return
        except Exception:  # whatever it was, the client gets a sentence and we get the trace
            log.exception("predict failed")
            await _refuse(send, problems.of_tutorial(ModelError("Something went wrong here.")))
        else:
            await _send(send, 200, _body(answered))

    def _recognised(self, scope: Scope) -> Hot | None:
        path: str = scope["path"]
        if not path.endswith(SUFFIX) or not path.startswith(PREFIX) or scope["method"] != "POST":
            return None
        endpoint = path[len(PREFIX) : -len(SUFFIX)]
        hot = _hot(endpoint, scope["query_string"], scope["headers"])
        if hot is None or "/" in endpoint or not (self._access.is_open or hot.authorization):
            return None
        return hot

    async def _answer(self, hot: Hot, receive: Receive) -> Answered:
        self._check(hot.length)
        self._access.check(hot.authorization, KeyScope.PREDICT)
        ask = _ask(hot.endpoint, hot.query)
        if hot.subject:
            ask = ask.on_behalf_of(hot.subject)
        body = await self._body(receive)
        return await gateway.current().predict_json(ask, body)

    async def _body(self, receive: Receive) -> bytes:
        with self._patience:
            message = await receive()
            if message["type"] == "http.request" and not message.get("more_body"):
                body: bytes = message.get("body", b"")
                self._check(len(body))
                return body
            return await self._rest(message, receive)

    async def _rest(self, message: Message, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            if message["type"] != "http.request":
                raise Gone
            body += message.get("body", b"")
            self._check(len(body))
            if not message.get("more_body"):
                return bytes(body)
            message = await receive()

    def _check(self, length: int) -> None:
        if length > self._max_body:
            raise TooLarge(f"A body has at most {self._max_body} bytes.")


def _hot(endpoint: str, query: bytes, headers: list[tuple[bytes, bytes]]) -> Hot | None:
    """None unless the body is JSON that nobody has encoded further."""
    given = dict(headers)
    kind = given.get(b"content-type", b"")
    if b"content-encoding" in given or (kind not in _JSON and kind.lower() not in _JSON):
        return None
    length = given.get(b"content-length", b"")
    return Hot(
        endpoint,
        query,
        given.get(b"authorization", b"").decode("latin-1"),
        given.get(b"x-subject", b"").decode("latin-1"),
        int(length) if length.isdigit() else 0,
    )


def _ask(endpoint: str, query: bytes) -> Ask:
    # Callers repeat their query; a long one is not worth remembering.
    return _remembered(endpoint, query) if len(query) < 128 else _parsed(endpoint, query)


def _parsed(endpoint: str, query: bytes) -> Ask:
    """The last of a repeated parameter counts, as in Django."""
    pairs = parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True)
    return asking.from_query(endpoint, dict(pairs))


_remembered = lru_cache(maxsize=1024)(_parsed)


def _body(answered: Answered) -> bytes:
    if not answered.batch:
        return answered.answers[0].text.encode()
    return f"[{','.join([answer.text for answer in answered.answers])}]".encode()


async def _refuse(send: Send, problem: Problem) -> None:
    extra = [] if problem.retry_after is None else [(b"retry-after", b"%d" % problem.retry_after)]
    if problem.status == UNAUTHORIZED:
        extra.append((b"www-authenticate", SCHEME.encode()))
    await _send(send, problem.status, msgspec.json.encode(problem.body), extra)


async def _send(
    send: Send, status: int, body: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> None:
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body)), *(extra or ())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
