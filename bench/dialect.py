"""How the socket load speaks JSON or msgpack: frames made in advance, answers told cheaply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from bench import frames
from bench.problem import BenchFailed


@dataclass(frozen=True, slots=True)
class Dialect:
    """A subprotocol. `slot` reads the id of a result without reading the rest."""

    name: str
    opcode: int
    encode: Callable[[object], bytes]
    decode: Callable[[bytes], Any]
    slot: Callable[[bytes], int]

    def frame(self, slot: int, rows: Sequence[object], *, many: bool) -> bytes:
        """A request whose id is its slot; one record by name, or rows by position."""
        request = {"id": slot, "rows": rows} if many else {"id": slot, "record": rows[0]}
        return frames.written(self.opcode, self.encode(request))

    def probabilities(self, payload: bytes) -> list[float]:
        """Of a result, in the order of the rows; raises BenchFailed at anything else."""
        said = self.decode(payload)
        if said.get("type") != "result":
            raise BenchFailed(f"The socket answered {said}")
        results = said["results"] if "results" in said else [said["result"]]
        if any("probability" not in result for result in results):
            raise BenchFailed(f"The socket answered {results}")
        return [result["probability"] for result in results]


class Blocks(Dialect):
    """Rows by position as one array of float32, answers as one of float64."""

    def frame(self, slot: int, rows: Sequence[object], *, many: bool) -> bytes:
        array = np.array(rows, "<f4")
        block = {"datatype": "FP32", "shape": list(array.shape), "data": array.tobytes()}
        return frames.written(self.opcode, self.encode({"id": slot, "block": block}))

    def probabilities(self, payload: bytes) -> list[float]:
        said = self.decode(payload)
        if "block" not in said or "errors" in said["block"]:
            raise BenchFailed(f"The socket answered {said}")
        [found] = [each for each in said["block"]["outputs"] if each["name"] == "probabilities"]
        scores: list[float] = (
            np.frombuffer(found["data"], "<f8").reshape(found["shape"])[:, 1].tolist()
        )
        return scores


_JSON_HEAD: Final = b'{"type":"result","id":'
_MSGPACK_HEAD: Final = msgspec.msgpack.encode({"type": "result", "id": 0, "x": 0})[:16]


def _json_slot(payload: bytes) -> int:
    start = len(_JSON_HEAD)
    if payload.startswith(_JSON_HEAD):
        return int(payload[start : payload.index(b",", start)])
    return _slow_slot(msgspec.json.decode(payload))


def _msgpack_slot(payload: bytes) -> int:
    start = len(_MSGPACK_HEAD)
    if payload.startswith(_MSGPACK_HEAD) and payload[start] < 128:  # a small integer is its byte
        return payload[start]
    return _slow_slot(msgspec.msgpack.decode(payload))


def _slow_slot(said: dict[str, Any]) -> int:
    if said.get("type") != "result":
        raise BenchFailed(f"The socket answered {said}")
    return int(said["id"])


_PACKED: Final = (
    "weir.v1.msgpack",
    frames.BINARY,
    msgspec.msgpack.encode,
    msgspec.msgpack.decode,
    _msgpack_slot,
)
DIALECTS: Final = {
    "json": Dialect(
        "weir.v1.json", frames.TEXT, msgspec.json.encode, msgspec.json.decode, _json_slot
    ),
    "msgpack": Dialect(*_PACKED),
    "block": Blocks(*_PACKED),
}
