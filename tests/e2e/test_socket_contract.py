"""A running server says on its sockets what its description says, and takes what that allows."""

from __future__ import annotations

import base64
import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests import servers
from tests.servers import Server

NAME = "breast_cancer"
FEW = 4
JSON, PACKED = Subprotocol("weir.v1.json"), Subprotocol("weir.v1.msgpack")
Document = dict[str, Any]
Heard = dict[str, list[Any]]


@pytest.fixture(scope="module")
def told(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(prepared, tmp_path_factory) as running:
        yield running


@contextmanager
def serving(prepared: Path, folders: pytest.TempPathFactory) -> Iterator[Server]:
    data = servers.copy(prepared, folders.mktemp("contract") / "data")
    with Server(data, env={"WEIR_WS_CREDITS": str(FEW)}) as running:
        yield running


@pytest.fixture(scope="module")
def document(told: Server) -> Document:
    found: Document = httpx.get(f"{told.url}/asyncapi.json", timeout=10).json()
    return found


@pytest.fixture(scope="module")
def heard(
    prepared: Path, tmp_path_factory: pytest.TempPathFactory, record: dict[str, Any]
) -> Heard:
    """Everything a server can say, by channel and name; this one is told to stop in the end."""
    frames: Heard = defaultdict(list)
    with serving(prepared, tmp_path_factory) as ending:
        hear(ending, record, frames)
    return frames


def hear(told: Server, record: dict[str, Any], frames: Heard) -> None:
    for codec in (JSON, PACKED):
        predicted(told, record, codec, frames)
    with httpx.Client(base_url=told.url, timeout=20) as http:
        ids = [each["id"] for each in http.get("/api/v1/mlalgorithms").json()][:2]
        arms = {f"parent_mlalgorithm_{n}": each for n, each in enumerate(ids, start=1)}
        test = http.post("/api/v1/abtests", json={"title": "t", "created_by": "tests", **arms})
        http.post(f"/api/v1/{NAME}/predict", json=[record] * 20)
    with (
        connect(f"{told.ws}/ws/v1/live") as listening,
        connect(f"{told.ws}/ws/v1/predict/{NAME}") as asking,
    ):
        for topic in ("operations", f"experiment:{test.json()['id']}", f"results:{NAME}", "none"):
            say(listening, {"subscribe": topic})
            listen(listening, "live", frames, 1)
        told.terminate()
        for channel, socket in (("live", listening), ("predict", asking)):
            listen(socket, channel, frames)


def predicted(server: Server, record: dict[str, Any], codec: Subprotocol, frames: Heard) -> None:
    """Each kind of request and its answers; then more at once than may be in flight."""
    asked: list[tuple[int, dict[str, Any]]] = [
        (2, {"id": 1, "record": record}),  # the greeting comes first
        (1, {"id": "two", "records": [record, {"worst_area": "x"}]}),
        (1, {"id": 3, "rows": [list(record.values())]}),
        (1, {"id": 4, "record": {"worst_area": "x"}}),
        (2, {"id": 5, "records": [record, record], "async": True}),
        (2, {"id": 6, "record": record, "async": True}),
        (1, {"id": 7}),
        *([(1, {"id": 8, "block": block(len(record))})] if codec == PACKED else []),
    ]
    with connect(f"{server.ws}/ws/v1/predict/{NAME}", subprotocols=[codec]) as socket:
        for answers, frame in asked:
            say(socket, frame)
            listen(socket, "predict", frames, answers)
        for number in range(50):
            say(socket, {"id": number, "record": record})
        listen(socket, "predict", frames, 50)
    session = f"?session=contract-{codec.replace('.', '-')}-0001"
    with connect(f"{server.ws}/ws/v1/predict/{NAME}{session}", subprotocols=[codec]) as socket:
        listen(socket, "predict", frames, 1)


def block(width: int) -> dict[str, Any]:
    """Two rows, of which the second has a category that is not there."""
    values = [0.0] * width + [float("inf")] * width
    return {"datatype": "FP64", "shape": [2, width], "data": struct.pack(f"<{2 * width}d", *values)}


def say(socket: ClientConnection, frame: dict[str, Any]) -> None:
    packed = socket.subprotocol == PACKED
    socket.send(msgspec.msgpack.encode(frame) if packed else json.dumps(frame))


def listen(socket: ClientConnection, channel: str, frames: Heard, most: int = 10_000) -> None:
    """To so many frames, or until the server closes or has no more to say."""
    for _ in range(most):
        try:
            frame = decoded(socket.recv(timeout=10))
        except (ConnectionClosed, TimeoutError):
            return
        frames[f"{channel}.{name_of(frame)}"].append(frame)


def decoded(data: str | bytes) -> Any:
    return json.loads(data) if isinstance(data, str) else textual(msgspec.msgpack.decode(data))


def textual(value: Any) -> Any:
    """With texts for bytes, which JSON schema does not know."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: textual(each) for name, each in value.items()}
    return [textual(each) for each in value] if isinstance(value, list) else value


def name_of(frame: Any) -> str:
    kind: str = frame["type"]
    return kind if kind != "snapshot" else frame["topic"].partition(":")[0]


def validator(document: Document, message: str) -> jsonschema.Draft202012Validator:
    payload = document["components"]["messages"][message]["payload"]
    return jsonschema.Draft202012Validator({**document, **payload})


def generated(document: Document, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows; for as much of JSON schema as frames need."""
    if not schema:
        return ANYTHING
    if "anyOf" in schema:
        return st.one_of([generated(document, each) for each in schema["anyOf"]])
    made: st.SearchStrategy[Any] = _OF_TYPE[schema["type"]](document, schema)
    return made


def _object(document: Document, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    if "properties" not in schema:
        return st.dictionaries(TEXT, ANYTHING, max_size=4)
    given = {
        name: generated(document, each)
        for name, each in schema["properties"].items()
        if "$ref" not in each  # a block, which JSON does not carry
    }
    choices = [each["required"][0] for each in schema["oneOf"]]
    always = schema["required"]
    plain = {name: each for name, each in given.items() if name not in {*choices, *always}}
    return st.one_of(
        [
            st.fixed_dictionaries(
                {each: given[each] for each in (*always, choice)},
                optional={} if choice == "resume" else plain,
            )
            for choice in choices
            if choice in given
        ]
    )


def _array(document: Document, schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    items = generated(document, schema.get("items", {}))
    return st.lists(items, min_size=schema.get("minItems", 0), max_size=4)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT | st.floats(-1e9, 1e9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
_OF_TYPE: dict[str, Any] = {
    "object": _object,
    "array": _array,
    "string": lambda _, schema: TEXT,
    "boolean": lambda _, schema: st.booleans(),
    "integer": lambda _, schema: st.integers(schema["minimum"], schema["maximum"]),
    "number": lambda _, schema: st.floats(
        schema["exclusiveMinimum"], schema["maximum"], exclude_min=True
    ),
}


def answered(server: Server, frames: list[Any], session: str) -> list[Any]:
    """What a socket with a session says to these, one after the other; `resume` may get more."""
    found = []
    with connect(f"{server.ws}/ws/v1/predict/{NAME}?session={session}") as socket:
        socket.recv(timeout=10)
        for frame in frames:
            say(socket, frame)
            found.append(decoded(socket.recv(timeout=10)))
    return found


def test_frames_that_the_description_allows_are_understood(
    told: Server, document: Document
) -> None:
    request = validator(document, "predict.request")
    frames = generated(document, document["components"]["schemas"]["Frame"])
    seen = 0

    @settings(max_examples=60, suppress_health_check=list(HealthCheck), deadline=None)
    @given(st.lists(frames, min_size=1, max_size=3, unique_by=lambda frame: str(frame["id"])))
    def understood(some: list[Any]) -> None:
        nonlocal seen
        seen += 1
        for frame in some:
            request.validate(frame)
        said = answered(told, some, f"generated-frames-{seen:04}")
        assert {each.get("code") for each in said} & {"frame_invalid", "json_invalid"} == set()

    understood()


def test_the_examples_of_frames_are_understood(told: Server, document: Document) -> None:
    messages = document["components"]["messages"]
    frames = [each["payload"] for each in messages["predict.request"]["examples"]]

    said = answered(told, frames, "examples-of-frames")

    assert len(frames) > 3
    assert {each["type"] for each in said} <= {"result", "error", "accepted"}
    assert {each.get("code") for each in said} <= {None, "row_invalid"}


def test_each_frame_of_the_server_is_what_the_description_says(
    heard: Heard, document: Document
) -> None:
    for message, frames in heard.items():
        schema = validator(document, message)
        for frame in frames:
            schema.validate(frame)


def test_each_message_of_the_description_was_said(heard: Heard, document: Document) -> None:
    sent = {
        f"{name.partition('.')[0]}.{each['$ref'].rpartition('/')[2]}"
        for name, operation in document["operations"].items()
        for each in operation["messages"]
        if operation["action"] == "send"
    }

    assert set(heard) == sent
    assert {"result", "results", "block"} <= {
        name for frame in heard["predict.result"] for name in frame
    }
