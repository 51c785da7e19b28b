"""What OpenAPI says about our keys, and about what is answered instead of an answer."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, ResolvedComponent

from inference.keys import SCHEME

Json = dict[str, Any]

_ALWAYS: Final = (401, 403, 503)
_OF_BODIES: Final = (400, 408, 413, 415)
_OF_UPLOADS: Final = (409, 422)
_OF_PREDICTIONS: Final = (404, 409, 422, 500, 504)
_PROBLEM: Final[Json] = {
    "type": "object",
    "description": "`code` is stable, `message` is a sentence; docs/rest.md lists the codes.",
    "properties": {
        "code": {"type": "string"},
        "message": {"type": "string"},
        "status": {"type": "string", "description": "`Error`, where the tutorial has it."},
        "row": {"type": "integer"},
        "field": {"type": "string"},
        "retry_after_ms": {"type": "integer"},
    },
    "required": ["code", "message"],
}
_DETAIL: Final[Json] = {
    "type": "object",
    "description": "What the framework refuses.",
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
    "required": ["detail"],
}
_FIELDS: Final[Json] = {
    "type": "object",
    "description": "What is wrong, by the name of the field.",
    "additionalProperties": {"type": "array", "items": {}},
}
_FAILURE: Final[Json] = {
    "type": "object",
    "description": "As the tutorial refuses.",
    "properties": {"status": {"enum": ["Error"]}, "message": {"type": "string"}},
    "required": ["status", "message"],
}


_ANSWERED: Final[Json] = {
    "type": "object",
    "properties": {
        "status": {"enum": ["OK"]},
        "label": {"type": "string"},
        "probability": {"type": "number"},
        "probabilities": {"type": "object", "additionalProperties": {"type": "number"}},
        "value": {"type": "number"},
        "outputs": {"type": "object", "description": "Of a graph, by name."},
        "request_id": {"type": "integer"},
        "algorithm": {"type": "integer"},
        "version": {"type": "string"},
    },
    "required": ["status", "label", "request_id", "algorithm", "version"],
    "additionalProperties": False,
}
_UNANSWERED: Final[Json] = {
    "type": "object",
    "description": "A row that has no answer, also in the midst of others.",
    "properties": {
        "status": {"enum": ["Error"]},
        "message": {"type": "string"},
        "code": {"type": "string"},
        "field": {"type": "string"},
        "request_id": {"type": "integer"},
        "algorithm": {"type": "integer"},
        "version": {"type": "string"},
    },
    "required": ["status", "message", "code", "request_id", "algorithm", "version"],
    "additionalProperties": False,
}
_ROW: Final[Json] = {"oneOf": [_ANSWERED, _UNANSWERED]}
ROWS: Final[Json] = {
    "oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}]
}
PREDICTED: Final[Json] = {"oneOf": [_ROW, {"type": "array", "items": _ROW}]}
QUEUED: Final[Json] = {
    "type": "object",
    "properties": {
        "status": {"enum": ["queued"]},
        "request_id": {"type": "integer"},
        "request_ids": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["status", "request_id"],
    "additionalProperties": False,
}


class KeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # theirs
    """A header, as `KeyAuthentication` reads it."""

    target_class = "inference.api.authentication.KeyAuthentication"
    name = "ApiKey"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """The header and what stands in it."""
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": f"`{SCHEME} prefix.secret`; the open profile asks for none.",
        }


class WithRefusals(AutoSchema):
    """Each operation with the refusals that it may answer with."""

    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> Json | None:
        """The operation, if it is described at all."""
        operation: Json | None = super().get_operation(
            path, path_regex, path_prefix, method, registry
        )
        if operation is None:
            return None
        for status in _statuses(path, operation):
            operation["responses"].setdefault(str(status), _refusal(status, registry))
        return operation


def _statuses(path: str, operation: Json) -> list[int]:
    statuses = [*_ALWAYS]
    if "requestBody" in operation:
        statuses += _OF_BODIES
        statuses += _OF_UPLOADS if path.endswith("/mlalgorithms") else ()
    if path.endswith("/predict"):
        statuses += _OF_PREDICTIONS
    elif "{id}" in path:
        statuses += [404]
    said = {parameter["in"] for parameter in operation.get("parameters", ())}
    if "query" in said or ("path" in said and 404 not in statuses):
        statuses += [400]
    return sorted({*statuses})


def _refusal(status: int, registry: ComponentRegistry) -> Json:
    shapes = {"Problem": _PROBLEM, "Detail": _DETAIL, "Fields": _FIELDS, "Failure": _FAILURE}
    refused = {"anyOf": [_component(name, schema, registry) for name, schema in shapes.items()]}
    kinds = ("application/json", "application/problem+json")
    return {
        "description": HTTPStatus(status).phrase,
        "content": {kind: {"schema": refused} for kind in kinds},
    }


def _component(name: str, schema: Json, registry: ComponentRegistry) -> Json:
    kind = ResolvedComponent.SCHEMA
    component = ResolvedComponent(name, kind, schema, name)  # type: ignore[no-untyped-call]  # theirs
    registry.register_on_missing(component)
    reference: Json = component.ref
    return reference
