"""What crosses the sockets, for programs and for people; REST has the like under /api/v1/docs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer, TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from asgi_project import version
from consumers.contract import CHANNELS, Channel, Json, document

_REF: Final = "#/components/schemas/"


class ContractView(APIView):
    """The sockets as AsyncAPI 3.0."""

    renderer_classes = (JSONRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(_document(request))


class ContractPage(APIView):
    """The same to be read, made here and complete without a script."""

    renderer_classes = (TemplateHTMLRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response(page(_document(request)), template_name="sockets.html")


class Field(NamedTuple):
    """One line of the table of a type; `of` are the types it refers to."""

    name: str
    said: str
    required: bool
    of: tuple[str, ...]


def page(found: Json) -> Json:
    """What the template shows of a document."""
    schemas = found["components"]["schemas"]
    top = {_named(each["payload"]) for each in found["components"]["messages"].values()}
    inside = [name for name in schemas if name not in top]
    return {
        "info": found["info"],
        "channels": [_channel(each, found) for each in CHANNELS],
        "types": [_type(name, schemas[name]) for name in sorted(inside)],
    }


def _document(request: Request) -> Json:
    return document(version(), request.get_host(), secure=request.is_secure())


def _channel(channel: Channel, found: Json) -> Json:
    messages = found["components"]["messages"]
    shown = {
        way: [_message(messages[f"{channel.name}.{name}"], found) for name in names]
        for way, names in (("sends", channel.sends), ("gets", channel.gets))
    }
    return {"address": channel.address, "summary": channel.summary, **shown}


def _message(message: Mapping[str, Any], found: Json) -> Json:
    schema = found["components"]["schemas"][_named(message["payload"])]
    examples = [json.dumps(each["payload"]) for each in message.get("examples", ())]
    return _type("", schema) | {"title": message["name"], "examples": examples}


def _type(name: str, schema: Mapping[str, Any]) -> Json:
    return {
        "name": name,
        "title": name,
        "examples": (),
        "summary": schema["description"],
        "fields": list(_fields(schema)),
        "one_of": [each["required"][0] for each in schema.get("oneOf", ())],
    }


def _fields(schema: Mapping[str, Any]) -> Iterator[Field]:
    for name, value in schema["properties"].items():
        required = name in schema.get("required", ())
        yield Field(name, in_words(value), required, tuple(_references(value)))


def in_words(value: Any) -> str:
    """A schema as one reads it; what is said beside its type follows."""
    if value is True or not value:
        return "anything"
    words = _kind(value)
    limits = [f"{_LIMITS[name]} {value[name]}" for name in _LIMITS if name in value]
    return ", ".join([words, *limits, *filter(None, [value.get("description")])])


def _kind(value: Mapping[str, Any]) -> str:
    if "$ref" in value:
        return _named(value)
    if "enum" in value:
        return " or ".join(json.dumps(each) for each in value["enum"])
    for choice in ("anyOf", "oneOf"):
        if choice in value:
            return " or ".join(in_words(each) for each in value[choice])
    return _plain(value)


def _plain(value: Mapping[str, Any]) -> str:
    if value["type"] == "array":
        return f"list of {in_words(value.get('items'))}"
    if value["type"] == "object" and "additionalProperties" in value:
        return f"object of {in_words(value['additionalProperties'])}"
    return str(value["type"])


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield _named(value)
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _named(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).removeprefix(_REF)


_LIMITS: Final = {
    "maxLength": "at most so many characters:",
    "minimum": "from",
    "maximum": "to",
    "exclusiveMinimum": "above",
    "minItems": "at least so many:",
    "maxItems": "at most so many:",
}
