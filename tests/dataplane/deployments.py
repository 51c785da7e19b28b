"""The protocol's application over a world of its own, in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from inference import gateway as door
from inference import keys
from inference.access import Access
from inference.core import datatypes
from inference.core.batching import BatchPolicy
from inference.dataplane.v2 import V2, Limits
from inference.engine.base import EngineStats
from inference.engine.commit import GroupCommit
from inference.engine.local import LocalEngine
from inference.gateway import Gateway
from inference.gateway import Limits as Most
from inference.registry import Key, Snapshot
from tests.inference.gateways import World, wired

KEY = keys.make()
EVERY = frozenset({"predict", "read", "manage"})
MOST = 20_000
SIZE = "binary_data_size"
HEAD = "inference-header-content-length"


@dataclass
class Site:
    """A deployment; `on_look` is what the registry does when it is asked to look."""

    world: World
    engine: Any
    gateway: Gateway
    is_open: bool = True
    ailing: str = ""
    looks: int = 0
    stats: EngineStats | None = None

    @property
    def snapshot(self) -> Snapshot:
        return self.world.snapshot

    @property
    def registry(self) -> Site:
        return self

    async def look(self) -> None:
        self.looks += 1

    def application(self, **other: Any) -> V2:
        access = Access(lambda: self.snapshot, is_open=self.is_open)
        limits = Limits(MOST, other.pop("body_seconds", 5.0))
        return V2(teapot, access, lambda: self, limits, release="1.2.3", **other)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        """Underscores in the names of headers are dashes."""
        application: V2 = self.application()
        return await asked(application, method, path, body, headers)


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def outputs(self) -> dict[str, Any]:
        """By name, binary or not."""
        size = int(self.headers.get(HEAD, len(self.body)))
        head, tail = json.loads(self.body[:size]), self.body[size:]
        found: dict[str, Any] = {}
        for output in head["outputs"]:
            name, datatype, shape = output["name"], output["datatype"], output["shape"]
            if "data" in output:
                found[name] = np.array(output["data"], dtype=object).reshape(shape).tolist()
                continue
            length = output["parameters"][SIZE]
            found[name] = datatypes.decoded(name, datatype, shape, tail[:length]).array.tolist()
            tail = tail[length:]
        assert tail == b""
        return found


@asynccontextmanager
async def site(world: World, most: Most | None = None) -> AsyncIterator[Site]:
    """Its gateway is the process's; everything is closed after."""
    key = Key(KEY.hashed, "robot", EVERY, None)
    world.snapshot = replace(world.snapshot, keys={KEY.prefix: key})
    engine = LocalEngine(BatchPolicy(), GroupCommit(world.write))
    gate = wired(world, engine, lambda: world.snapshot, most)
    door.install(gate)
    try:
        yield Site(world, engine, gate)
    finally:
        door.install(None)
        await engine.drain(asyncio.get_running_loop().time() + 5)
        await engine.close()


@dataclass
class Conversation:
    """The messages of one request."""

    pieces: list[dict[str, Any]]
    sent: list[dict[str, Any]] = field(default_factory=list)

    async def receive(self) -> dict[str, Any]:
        return self.pieces.pop(0) if self.pieces else {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        self.sent.append(message)


async def asked(
    application: V2, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> Reply:
    path, _, query = path.partition("?")
    named = {"host": "localhost", **headers}
    pairs = [(k.replace("_", "-").encode(), v.encode("latin-1")) for k, v in named.items()]
    scope = {
        "type": "http",
        "scheme": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": pairs,
    }
    half = len(body) // 2
    talk = Conversation(
        [
            {"type": "http.request", "body": body[:half], "more_body": True},
            {"type": "http.request", "body": body[half:], "more_body": False},
        ]
    )
    await application(scope, talk.receive, talk.send)
    start, end = talk.sent
    said = {name.decode(): value.decode() for name, value in start["headers"]}
    return Reply(start["status"], said, end["body"])


async def teapot(_: Any, __: Any, send: Any) -> None:
    """The next application, which has one answer."""
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b"null"})
