"""How the socket load speaks JSON or msgpack: frames made in advance, answers told cheaply."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from bench import frames
from bench.problem import BenchFailed


def _rows(rows: Sequence[Any], *, many: bool) -> dict[str, Any]:
    """A record by name, or rows by position."""
    return {"rows": rows} if many else {"record": rows[0]}


def _block(rows: Sequence[Any], *, many: bool) -> dict[str, Any]:
    """The same packed: little-endian, row by row; a record's values in the order they are in."""
    matrix = np.array(rows if many else [list(row.values()) for row in rows], dtype="<f4")
    packed = {"datatype": "FP32", "shape": list(matrix.shape), "data": matrix.tobytes()}
    return {"block": packed}


def _second(block: dict[str, Any]) -> list[float]:
    """The probability of the second class, out of a packed answer."""
    if block.get("errors"):
        raise BenchFailed(f"The socket answered {block['errors']}")
    (found,) = [each for each in block["outputs"] if each["name"] == "probabilities"]
    values: list[float] = np.frombuffer(found["data"], "<f8").reshape(found["shape"])[:, 1].tolist()
    return values


@dataclass(frozen=True, slots=True)
class Dialect:
    """A subprotocol. `slot` reads the id of a result without reading the rest."""

    name: str
    opcode: int
    encode: Callable[[object], bytes]
    decode: Callable[[bytes], Any]
    slot: Callable[[bytes], int]
    rows: Callable[..., dict[str, Any]] = _rows

    def frame(self, slot: int, rows: Sequence[object], *, many: bool) -> bytes:
        """A request whose id is its slot; one record by name, or rows by position."""
        return frames.written(self.opcode, self.encode({"id": slot, **self.rows(rows, many=many)}))

    def probabilities(self, payload: bytes) -> list[float]:
        """Of a result, in the order of the rows; raises BenchFailed at anything else."""
        said = self.decode(payload)
        if said.get("type") != "result":
            raise BenchFailed(f"The socket answered {said}")
        if "block" in said:
            return _second(said["block"])
        results = said["results"] if "results" in said else [said["result"]]
        if any("probability" not in result for result in results):
            raise BenchFailed(f"The socket answered {results}")
        return [result["probability"] for result in results]


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


DIALECTS: Final = {
    "json": Dialect(
        "weir.v1.json", frames.TEXT, msgspec.json.encode, msgspec.json.decode, _json_slot
    ),
    "msgpack": Dialect(
        "weir.v1.msgpack",
        frames.BINARY,
        msgspec.msgpack.encode,
        msgspec.msgpack.decode,
        _msgpack_slot,
    ),
    "blocks": Dialect(
        "weir.v1.msgpack",
        frames.BINARY,
        msgspec.msgpack.encode,
        msgspec.msgpack.decode,
        _msgpack_slot,
        _block,
    ),
}
