"""What crosses the sockets, as AsyncAPI 3.0, generated from the types of the messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from consumers import live, messages
from inference.core import wire
from inference.core.asking import MAX_SUBJECT
from inference.keys import SCHEME

Json = dict[str, Any]

LONGEST_WAIT: Final = 60_000


class Kind(NamedTuple):
    """A message: its type, and frames as they are said."""

    type: type[msgspec.Struct]
    examples: Sequence[Json]


class Channel(NamedTuple):
    """A socket: what a client sends and what it gets, by the names of the messages."""

    name: str
    address: str
    summary: str
    sends: Mapping[str, Kind]
    gets: Mapping[str, Kind]


_OK: Final[Json] = {
    "status": "OK",
    "label": "malignant",
    "probability": 0.93,
    "request_id": 7,
    "algorithm": 1,
    "version": "0.0.1",
}
_ROW: Final = {"code": "row_invalid", "message": "worst_area is no number.", "field": "worst_area"}
_ERROR: Final[Json] = {"type": "error", "id": 1, **_ROW, "request_id": 7}
_DRAINING: Final = Kind(messages.Draining, [{"type": "draining"}])

PREDICT: Final = Channel(
    "predict",
    "/ws/v1/predict/{endpoint}",
    "Requests in, as many as there are credits for; answers out, in any order.",
    sends={
        "request": Kind(
            wire.Frame,
            [
                {"id": 1, "record": {"worst_area": 1600, "worst_perimeter": 155}},
                {"id": "b", "records": [{"worst_area": 1600}, {}], "subject": "ann"},
                {"id": 3, "rows": [[17.5, 24.5]], "deadline_ms": 500},
                {"id": 4, "record": {"worst_area": 1600}, "async": True},
            ],
        ),
    },
    gets={
        "hello": Kind(
            messages.Hello,
            [{"type": "hello", "endpoint": "income", "credits": 4096, "schema": "5a1c"}],
        ),
        "accepted": Kind(
            messages.Accepted,
            [
                {"type": "accepted", "id": 4, "request_id": 7},
                {"type": "accepted", "id": 5, "request_ids": [7, 8]},
            ],
        ),
        "result": Kind(
            messages.Result,
            [
                {"type": "result", "id": 1, "result": _OK},
                {"type": "result", "id": "b", "results": [_OK, _OK]},
            ],
        ),
        "error": Kind(messages.Error, [_ERROR]),
        "overloaded": Kind(
            messages.Overloaded,
            [
                {
                    "type": "overloaded",
                    "id": 9,
                    "code": "overloaded",
                    "message": "At most 4096 frames may be in flight.",
                    "retry_after_ms": 100,
                }
            ],
        ),
        "draining": _DRAINING,
    },
)

LIVE: Final = Channel(
    "live",
    "/ws/v1/live",
    "Topics in, snapshots out: one at once and more as things change, at most ten a second each.",
    sends={
        "wish": Kind(live.Wish, [{"subscribe": "operations"}, {"unsubscribe": "experiment:3"}]),
    },
    gets={
        "operations": Kind(messages.OperationsSnapshot, []),
        "experiment": Kind(messages.ExperimentSnapshot, []),
        "results": Kind(messages.ResultsSnapshot, []),
        "error": Kind(messages.Error, [_ERROR | {"id": None}]),
        "draining": _DRAINING,
    },
)
CHANNELS: Final = (PREDICT, LIVE)


def document(version: str, host: str = "localhost", *, secure: bool = False) -> Json:
    """The whole description; `host` is where it was asked for."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Weir: sockets",
            "version": version,
            "description": "Text frames of JSON, or binary ones of MessagePack in the same shapes.",
        },
        "defaultContentType": "application/json",
        "servers": {"this": _server(host, secure=secure)},
        "channels": {each.name: _channel(each) for each in CHANNELS},
        "operations": dict(pair for each in CHANNELS for pair in _operations(each)),
        "components": {
            "messages": {
                _of(each, name): _message(name, kind)
                for each in CHANNELS
                for name, kind in _kinds(each).items()
            },
            "schemas": schemas(),
            "securitySchemes": {"key": _KEY},
        },
    }


def schemas() -> dict[str, Json]:
    """JSON schemas of all messages and of what is in them, by name."""
    types = {kind.type: None for each in CHANNELS for kind in _kinds(each).values()}
    _, found = msgspec.json.schema_components(
        [*types, wire.Block, messages.Answer, messages.Failure],
        ref_template="#/components/schemas/{name}",
    )
    for schema in found.values():
        schema["description"] = " ".join(schema.get("description", "").split())
        for name, value in schema["properties"].items():
            if "contentEncoding" in value:
                schema["properties"][name] = _BINARY
    found["Frame"] = _request(found["Frame"])
    found["Wish"] |= {
        "oneOf": [_only("subscribe"), _only("unsubscribe")],
        "properties": {name: {"type": "string"} for name in ("subscribe", "unsubscribe")},
    }
    found["Result"]["oneOf"] = [_only(name) for name in ("result", "results", "block")]
    found["Result"]["properties"]["results"]["items"] = {"oneOf": [_ref("Answer"), _ref("Failure")]}
    found["Accepted"]["oneOf"] = [_only("request_id"), _only("request_ids")]
    return found


def _request(schema: Json) -> Json:
    """What the type leaves raw, and what is checked beside it."""
    given = schema["properties"]
    resumed = {**given["resume"], "minItems": 1, "maxItems": wire.MOST_RESUMED}
    properties = given | {
        "record": {"type": "object"},
        "records": {"type": "array", "items": {"type": "object"}, "minItems": 1},
        "rows": {"type": "array", "items": {"type": "array"}, "minItems": 1},
        "block": _ref("Block"),
        "subject": {"type": "string", "maxLength": MAX_SUBJECT, "pattern": "^[^\\u0000]*$"},
        "deadline_ms": {"type": "number", "exclusiveMinimum": 0, "maximum": LONGEST_WAIT},
        "resume": resumed,
    }
    payloads = [_only(name) for name in ("record", "records", "rows", "block")]
    alone = {"required": ["resume"], "maxProperties": 2}
    return schema | {"properties": properties, "oneOf": [*payloads, alone]}


def _only(name: str) -> Json:
    return {"required": [name]}


def _server(host: str, *, secure: bool) -> Json:
    return {
        "host": host,
        "protocol": "wss" if secure else "ws",
        "security": [{"$ref": "#/components/securitySchemes/key"}],
    }


def _channel(channel: Channel) -> Json:
    body: Json = {
        "address": channel.address,
        "description": channel.summary,
        "messages": {
            name: {"$ref": f"#/components/messages/{_of(channel, name)}"}
            for name in _kinds(channel)
        },
    }
    if channel is not PREDICT:
        return body
    return body | {
        "parameters": {"endpoint": {"description": "The name of what is asked."}},
        "bindings": {"ws": {"query": _QUERY, "bindingVersion": "0.1.0"}},
    }


def _operations(channel: Channel) -> list[tuple[str, Json]]:
    """As the server sees it: it receives what clients send."""
    return [
        (f"{channel.name}.{verb}", _operation(channel, action, names))
        for verb, action, names in (
            ("ask", "receive", channel.sends),
            ("tell", "send", channel.gets),
        )
    ]


def _operation(channel: Channel, action: str, names: Mapping[str, Kind]) -> Json:
    where = f"#/channels/{channel.name}"
    return {
        "action": action,
        "channel": {"$ref": where},
        "messages": [{"$ref": f"{where}/messages/{name}"} for name in names],
    }


def _message(name: str, kind: Kind) -> Json:
    shown = " ".join((kind.type.__doc__ or "").split("\n\n")[0].split())
    body: Json = {"name": name, "summary": shown, "payload": _ref(kind.type.__name__)}
    if kind.examples:
        body["examples"] = [{"payload": example} for example in kind.examples]
    return body


def _kinds(channel: Channel) -> dict[str, Kind]:
    return {**channel.sends, **channel.gets}


def _of(channel: Channel, name: str) -> str:
    return f"{channel.name}.{name}"


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


_KEY: Final[Json] = {
    "type": "httpApiKey",
    "in": "header",
    "name": "Authorization",
    "description": f"`{SCHEME} prefix.secret`; the open profile asks for none.",
}
_BINARY: Final[Json] = {"type": "string", "format": "binary", "description": "In MessagePack: bin."}
_QUERY: Final[Json] = {
    "type": "object",
    "properties": {
        "session": {
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{16,128}$",
            "description": "Makes the ids of frames the names of requests.",
        }
    },
}
