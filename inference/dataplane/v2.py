"""The Open Inference Protocol over HTTP: what Triton's, KServe's and MLServer's clients speak.

Everything below /v2 is answered here, without Django, and nothing with a redirect: those clients
take exactly 200 for success and read the sentence of a refusal as `error`. Content types are not
looked at, for some of them send none.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from inference import calls, gateway, problems
from inference.access import Access, Https, host_allowed
from inference.calls import Call
from inference.core import oip, oipanswers
from inference.core.asking import Ask
from inference.core.errors import (
    HostRefused,
    ModelError,
    ModelUnavailable,
    NotFound,
    RequestInvalid,
    Unsupported,
    WeirError,
)
from inference.core.oip import Request
from inference.core.oipanswers import Written
from inference.core.precedence import Level
from inference.core.routing import Algorithm
from inference.core.rows import TensorRows
from inference.dataplane import catalog, encodings, v2paths
from inference.dataplane.asgi import Application, Receive, Scope, Send
from inference.dataplane.body import Bodies, Gone, length
from inference.dataplane.catalog import Deployment
from inference.dataplane.http import ANY_SCHEME, BODY_SECONDS
from inference.dataplane.v2paths import Route
from inference.gateway import Gateway

log = logging.getLogger(__name__)

EXTENSIONS: Final = ("binary_tensor_data", "model_repository", "statistics")
OK: Final = 200
NOT_ALLOWED: Final = 405
# Of a HEAD the server that we run under sends the head alone.
_ALLOWED: Final = {"GET": ("GET", "HEAD"), "POST": ("POST",)}
UNAVAILABLE: Final = 503
HEAD_LENGTH: Final = b"inference-header-content-length"
_JSON: Final = (b"content-type", b"application/json")
_BINARY: Final = (b"content-type", b"application/octet-stream")
_NO_SNIFFING: Final = (b"x-content-type-options", b"nosniff")
_encode: Final = msgspec.json.Encoder().encode
Headers = dict[bytes, bytes]


class Reply(NamedTuple):
    """What goes back; `headers` beyond those that every answer has."""

    status: int
    body: bytes
    headers: Iterable[tuple[bytes, bytes]] = (_JSON,)


class Asked(NamedTuple):
    """A recognised request, before its body is read."""

    route: Route
    headers: Headers
    scope: Scope
    receive: Receive


class Limits(NamedTuple):
    """Of a body: bytes as sent and as unpacked, and seconds until it is here."""

    body: int
    seconds: float = BODY_SECONDS


class V2:
    """An ASGI application in front of another, which gets what is not below /v2."""

    def __init__(
        self,
        fallback: Application,
        access: Access,
        deployment: Callable[[], Deployment],
        limits: Limits,
        *,
        release: str = "",
        https: Https = ANY_SCHEME,
    ) -> None:
        self._fallback = fallback
        self._access = access
        self._deployment = deployment
        self._most = limits.body
        self._bodies = Bodies(limits.body, limits.seconds)
        self._release = release
        self._https = https
        self._verbs: Mapping[str, Callable[[Asked], Awaitable[Reply]]] = {
            "live": self._live,
            "ready": self._ready,
            "server": self._server,
            "models": self._models,
            "model": self._model,
            "model_ready": self._model_ready,
            "infer": self._infer,
            "stats": self._stats,
            "config": self._config,
            "index": self._index,
            "load": self._load,
            "unload": self._unload,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if not path.startswith(v2paths.ROOT) or not self._is_ours(scope, path):
            await self._fallback(scope, receive, send)
            return
        try:
            reply = await self._answer(scope, receive)
        except WeirError as error:
            reply = _refusal(error)
            # Its frames hold the rows and are held by them, and the collector comes rarely.
            error.__traceback__ = None
        except Gone:
            return
        except Exception:  # whatever it was, the client gets a sentence and we get the trace
            log.exception("a request below /v2 failed")
            reply = _refusal(ModelError("Something went wrong here."))
        await _send(send, reply)

    def _is_ours(self, scope: Scope, path: str) -> bool:
        """Without the HTTPS that is demanded, it is Django who sends on to it."""
        if len(path) > len(v2paths.ROOT) and path[len(v2paths.ROOT)] != "/":
            return False
        return not self._https.required or self._https.used(scope["scheme"], dict(scope["headers"]))

    async def _answer(self, scope: Scope, receive: Receive) -> Reply:
        headers = dict(scope["headers"])
        if not host_allowed(headers.get(b"host", b"").decode("latin-1")):
            raise HostRefused
        route = v2paths.parsed(scope["path"])
        if route is None:
            raise NotFound("There is nothing at this path.")
        method, guard = v2paths.RULES[route.verb]
        if scope["method"] not in _ALLOWED[method]:
            return _not_allowed(scope["method"], method)
        if guard is not None:
            self._access.check(headers.get(b"authorization", b"").decode("latin-1"), guard)
        return await self._verbs[route.verb](Asked(route, headers, scope, receive))

    # -- the server --------------------------------------------------------------------------------

    async def _live(self, _: Asked) -> Reply:
        return _json({"live": True})

    async def _ready(self, _: Asked) -> Reply:
        """Both spellings: the specification reads `live` here, KServe's client `ready`."""
        ailing = self._deployment().ailing
        said: dict[str, object] = {"live": True, "ready": not ailing}
        return _json(said | {"error": ailing}, UNAVAILABLE) if ailing else _json(said)

    async def _server(self, _: Asked) -> Reply:
        return _json({"name": "weir", "version": self._release, "extensions": EXTENSIONS})

    # -- models ------------------------------------------------------------------------------------

    async def _models(self, _: Asked) -> Reply:
        return _json({"models": sorted(self._deployment().snapshot.endpoints)})

    async def _model(self, asked: Asked) -> Reply:
        snapshot = self._deployment().snapshot
        return _json(catalog.metadata(snapshot, asked.route.model, asked.route.version))

    async def _model_ready(self, asked: Asked) -> Reply:
        route = asked.route
        why = catalog.unready(self._deployment(), route.model, route.version)
        said = {"name": route.model, "ready": not why}
        return _json({**said, "error": why}, UNAVAILABLE) if why else _json(said)

    async def _stats(self, asked: Asked) -> Reply:
        route = asked.route
        return _json(catalog.statistics(self._deployment(), route.model, route.version))

    async def _config(self, asked: Asked) -> Reply:
        catalog.endpoint(self._deployment().snapshot, asked.route.model)
        raise Unsupported("A model has no configuration file here; its metadata describes it.")

    # -- the repository ----------------------------------------------------------------------------

    async def _index(self, asked: Asked) -> Reply:
        wishes = await self._object(asked)
        only_ready = wishes.get("ready") is True
        return _json(catalog.index(self._deployment(), only_ready=only_ready))

    async def _load(self, asked: Asked) -> Reply:
        """What should be served is: asked once more of the database if it is not."""
        parameters = (await self._object(asked)).get("parameters") or {}
        if parameters:
            raise Unsupported("A model is loaded as it was registered; it takes no parameters.")
        deployment, name = self._deployment(), asked.route.model
        if name not in deployment.snapshot.endpoints or catalog.unready(deployment, name, ""):
            await deployment.registry.look()
        if why := catalog.unready(deployment, name, ""):
            raise ModelUnavailable(why, retry_after=1.0)
        return _json({})

    async def _unload(self, asked: Asked) -> Reply:
        catalog.endpoint(self._deployment().snapshot, asked.route.model)
        raise Unsupported(
            "A model is not unloaded by hand: retire its algorithms"
            " (POST /api/v1/mlalgorithmstatuses), and their memory is given back."
        )

    async def _object(self, asked: Asked) -> Mapping[str, Any]:
        """A body that is an object, or nothing."""
        body = await self._body(asked)
        try:
            found = msgspec.json.decode(body, type=dict[str, Any]) if body.strip() else {}
        except (ValueError, RecursionError) as error:
            raise RequestInvalid("The body is no JSON object.") from error
        return found

    # -- predictions -------------------------------------------------------------------------------

    async def _infer(self, asked: Asked) -> Reply:
        call = Call(calls.V2, asked.route.model, asked.scope)
        try:
            written = await self._predicted(asked, call)
        except Gone:
            call.ended(calls.GONE)
            raise
        except Exception as error:  # counted here, told by whoever called
            call.ended(error.code if isinstance(error, WeirError) else ModelError.code)
            raise
        call.answered()
        return _written(written, encodings.accepted(asked.headers.get(b"accept-encoding", b"")))

    async def _predicted(self, asked: Asked, call: Call) -> Written:
        gate, route = gateway.current(), asked.route
        of = catalog.endpoint(gate.snapshot, route.model)
        who = catalog.wanted(of, route.version)
        ask = Ask(of.name, who, table=True, hurried=True).on_behalf_of(_subject(asked))
        body = await self._body(asked)
        call.begins()
        request = _request(body, asked.headers, gate, catalog.candidates(of, who))
        if request.timeout is not None:
            ask = replace(ask, deadline=min(request.timeout, gate.limits.deadline))
        if request.level is not Level.USUAL:
            ask = replace(ask, level=request.level)
        pending = await gate.predict(ask, TensorRows(request.inputs), call)
        return oipanswers.written(of.name, request, pending.table)

    async def _body(self, asked: Asked) -> bytes:
        self._bodies.check(length(asked.headers))
        body = await self._bodies.read(asked.receive)
        encoding = asked.headers.get(b"content-encoding")
        return body if encoding is None else encodings.unpacked(body, encoding, self._most)


def _request(
    body: bytes, headers: Headers, gate: Gateway, algorithms: Sequence[Algorithm]
) -> Request:
    """Raises what is wrong with it before anybody is asked."""
    signatures = catalog.signatures(gate.snapshot, algorithms)
    head_length = oip.head_length(headers.get(HEAD_LENGTH, b"").decode("latin-1"))
    if head_length == 0:
        return oip.raw(body, signatures[0].inputs if signatures else ())
    if not body:
        raise RequestInvalid("The request has no body.")
    request = oip.read(body, head_length, gate.limits.rows)
    known = {spec.name for signature in signatures for spec in signature.outputs}
    for want in request.wants:
        if signatures and want.name not in known:
            raise oipanswers.unknown(want.name)
    return request


def _subject(asked: Asked) -> str:
    """From the header, or from the query as on our own routes; all else in a query is ignored."""
    said = asked.headers.get(b"x-subject")
    if said is not None:
        return said.decode("latin-1")
    query: bytes = asked.scope["query_string"]
    if b"subject=" not in query:
        return ""
    return dict(parse_qsl(query.decode("utf-8", "replace"))).get("subject", "")


def _written(written: Written, encoding: bytes) -> Reply:
    headers = [_JSON if written.head_length is None else _BINARY]
    if written.head_length is not None:
        headers.append((HEAD_LENGTH, b"%d" % written.head_length))
    if not encoding or len(written.body) < encodings.WORTHWHILE:
        return Reply(OK, written.body, headers)
    headers.append((b"content-encoding", encoding))
    return Reply(OK, encodings.packed(written.body, encoding), headers)


def _json(said: object, status: int = OK) -> Reply:
    return Reply(status, _encode(said))


def _not_allowed(method: str, right: str) -> Reply:
    said = {"error": f"{method} is not allowed here; {right} is.", "code": "method_not_allowed"}
    allowed = ", ".join(_ALLOWED[right]).encode()
    return Reply(NOT_ALLOWED, _encode(said), (_JSON, (b"allow", allowed)))


def _refusal(error: WeirError) -> Reply:
    problem = problems.of_protocol(error)
    return Reply(problem.status, _encode(problem.body), [_JSON, *problem.headers])


async def _send(send: Send, reply: Reply) -> None:
    size = (b"content-length", b"%d" % len(reply.body))
    headers = [*reply.headers, _NO_SNIFFING, size]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
