"""The description of the sockets holds together, and its types are those of what is said."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any, get_args

import jsonschema
import msgspec
import pytest
from django.test import Client

from consumers import messages
from consumers.contract import CHANNELS, document, schemas
from inference import operations
from inference.core import datatypes, evidence, wire
from inference.core.presence import Beat

DOCUMENT = document("1.0")
KINDS = [
    (channel.name, name, kind)
    for channel in CHANNELS
    for name, kind in {**channel.sends, **channel.gets}.items()
]


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def found(reference: str) -> Any:
    value: Any = DOCUMENT
    for step in reference.removeprefix("#/").split("/"):
        value = value[step]
    return value


def test_each_reference_leads_somewhere() -> None:
    all_of_them = set(references(DOCUMENT))

    assert all_of_them
    for reference in all_of_them:
        assert found(reference)


def test_an_operation_has_the_messages_of_its_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        channel = found(operation["channel"]["$ref"])
        names = {each["$ref"].rpartition("/")[2] for each in operation["messages"]}
        assert names <= set(channel["messages"])
    asked = [len(each["messages"]) for each in DOCUMENT["operations"].values()]
    assert sum(asked) == len(KINDS)


@pytest.mark.parametrize("schema", schemas().values(), ids=list(schemas()))
def test_each_schema_is_one(schema: Any) -> None:
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(("channel", "name", "kind"), KINDS)
def test_each_example_is_what_its_schema_says(channel: str, name: str, kind: Any) -> None:
    schema = {"$ref": f"#/components/schemas/{kind.type.__name__}"}
    validator = jsonschema.Draft202012Validator({**DOCUMENT, **schema})
    for example in kind.examples:
        validator.validate(example)
        msgspec.json.decode(json.dumps(example), type=kind.type)


def test_everything_that_a_frame_may_hold_is_described() -> None:
    described = set(schemas()["Frame"]["properties"])

    assert described == {each.encode_name for each in msgspec.structs.fields(wire.Frame)}


def test_what_a_short_run_does_not_say_has_the_same_names() -> None:
    """Evidence needs hundreds of labels, workers need Redis."""
    worker = operations.worker("w", Beat(1, 1, "h", 1, 1.0, 1.0, 0, False, True, 0, {}, {}))

    assert set(worker) == names(messages.WorkerNow)
    assert {field.name for field in fields(evidence.Evidence)} == names(messages.Evidence)
    msgspec.convert(worker, messages.WorkerNow)


def test_an_answer_has_any_datatype_that_there_is() -> None:
    assert set(get_args(messages.Datatype)) == set(datatypes.DTYPES)


def names(of: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(of)}


@pytest.mark.django_db
def test_it_is_served_for_programs_and_as_a_page(client: Client) -> None:
    served = client.get("/asyncapi.json")
    page = client.get("/sockets").content.decode()

    assert served["content-type"] == "application/json"
    assert served.json()["servers"]["this"] == {
        "host": "testserver",
        "protocol": "ws",
        "security": [{"$ref": "#/components/securitySchemes/key"}],
    }
    assert served.json()["components"] == DOCUMENT["components"]
    for name in served.json()["components"]["schemas"]["Frame"]["properties"]:
        assert f"<code>{name}</code>" in page
    assert set(re.findall(r'href="#(\w+)"', page)) <= set(re.findall(r'id="(\w+)"', page))
    assert "http://" not in page
    assert "<script" not in page
