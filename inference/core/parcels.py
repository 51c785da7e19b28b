"""Every name and shape that crosses Redis: parcels of jobs to workers, replies to web processes.

A parcel holds jobs for one model from one web process; it is one entry of that model's stream. Its
answer is one element of the list that the web process named. All is msgpack and raw arrays. The
names of keys share a hash tag, so that a cluster would keep them in one slot.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct

from inference.core import datatypes
from inference.core.datatypes import BYTES
from inference.core.errors import KINDS, WeirError
from inference.core.precedence import Level
from inference.core.reader import Reader
from inference.core.routing import Arm
from inference.core.rows import Read
from inference.core.tensors import Array, Tensors
from inference.core.tickets import Context, Part, Served
from inference.core.types import NO_ERRORS, LogMode

FORMAT: Final = 2
GROUP: Final = "workers"
KEEP: Final = 3600  # seconds after which a stream or hash that nobody writes any more is gone
FIELD: Final = b"p"  # the one field of a stream entry


@dataclass(frozen=True, slots=True)
class Keys:
    """The names of one deployment; two that share a Redis have two namespaces."""

    namespace: str

    def jobs(self, model: int) -> str:
        """The stream of parcels for a model."""
        return f"{{{self.namespace}}}:jobs:{model}"

    def suspects(self, model: int) -> str:
        """The stream of single jobs that were in hand when a worker died twice."""
        return f"{{{self.namespace}}}:suspects:{model}"

    def rows(self, model: int) -> str:
        """How many rows wait or run for a model."""
        return f"{{{self.namespace}}}:rows:{model}"

    def replies(self, web: str) -> str:
        """The list that one web process is answered on."""
        return f"{{{self.namespace}}}:replies:{web}"

    def mail(self, worker: str) -> str:
        """The stream on which one worker is told to look at something."""
        return f"{{{self.namespace}}}:mail:{worker}"

    def shard(self, number: int) -> str:
        """Who writes under this number now."""
        return f"{{{self.namespace}}}:shard:{number}"

    @property
    def workers(self) -> str:
        """The hash of heartbeats, by worker."""
        return f"{{{self.namespace}}}:workers"


class Block(Struct, array_like=True, gc=False):
    """One array, rows first; `dtype` as numpy writes it, byte order and all, or BYTES for texts."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Trouble(Struct, array_like=True, gc=False):
    """An error with its code, as the other side raises it again."""

    code: str
    message: str
    row: int | None = None
    field: str | None = None
    retry_after: float | None = None


class Item(Struct, array_like=True, gc=False):
    """One job. `places` says which row each row of the blocks is, None for all of them in order.

    Without blocks no row fits the schema; then there is nothing to compute, only to log. Without a
    log there are no `raws`. `table`: arrays are wanted, no texts. A process of an earlier release
    says no `level` and nothing in the `shadow`, and reads neither.
    """

    number: int
    remaining_ms: int
    mode: LogMode
    arm: int | None
    ids: list[int]
    subject: str
    at: datetime
    raws: list[str]
    blocks: list[Block]
    places: list[int] | None
    errors: dict[int, Trouble]
    table: bool
    level: Level = Level.USUAL
    shadow: bool = False


class Parcel(Struct, array_like=True, gc=False):
    """Jobs of one web process for one model; `to` is where the answers go."""

    format: int
    to: str
    items: list[Item]


class Result(Struct, array_like=True, gc=False):
    """What became of one job: texts and errors of its rows, or a failure of the whole."""

    number: int
    texts: list[str]
    errors: dict[int, Trouble]
    failure: Trouble | None = None
    blocks: list[Block] = []


class Reply(Struct, array_like=True, gc=False):
    """The answer to a parcel. Jobs that are `held` come one by one, in replies of their own."""

    results: list[Result]
    held: list[int] = []


_parcel: Final = msgspec.msgpack.Decoder(Parcel).decode
_reply: Final = msgspec.msgpack.Decoder(Reply).decode
_encode: Final = msgspec.msgpack.Encoder().encode


def item(part: Part, number: int, remaining: float) -> Item:
    """A part as it travels; `remaining` is in seconds."""
    context, read = part.context, part.read
    whole = len(read.places) == len(part.ids)
    return Item(
        number,
        max(0, round(remaining * 1000)),
        context.mode,
        None if part.arm is None else part.arm.id,
        list(part.ids),
        context.subject,
        context.at,
        _raws(part),
        [] if part.tensors is None else [packed(array) for array in part.tensors],
        None if whole else list(read.places),
        troubles(read.errors) if read.errors else {},
        context.table,
        context.level,
        context.shadow,
    )


def _raws(part: Part) -> list[str]:
    """Rows as they came are for the log alone, and most of what a parcel would weigh."""
    if part.context.mode is LogMode.OFF:
        return []
    return [part.context.rows.raw(position) for position in part.positions]


def parcel(to: str, items: list[Item]) -> bytes:
    return _encode(Parcel(FORMAT, to, items))


def opened(data: bytes) -> Parcel:
    """Raises ValueError for what is no parcel, or one of another release."""
    found = _parcel(data)
    if found.format != FORMAT:
        raise ValueError(f"the parcel has format {found.format}; this is read: {FORMAT}")
    if not found.items:
        raise ValueError("the parcel is empty")  # in hand, it would never be done
    return found


def reply(results: list[Result], held: Iterable[int] = ()) -> bytes:
    return _encode(Reply(results, list(held)))


def received(data: bytes) -> Reply:
    """Raises ValueError for what is no reply."""
    return _reply(data)


def part(found: Item, served: Served) -> Part:
    """The part on the other side: read already, to be settled there."""
    carried, at = _Carried(found), found.at
    context = Context(
        carried, found.subject, found.mode, at, found.table, found.level, found.shadow
    )
    arm = None if found.arm is None else Arm(found.arm, served.algorithm, 1)
    return Part(served, arm, range(len(found.ids)), found.ids, context)


def result(number: int, settled: Part) -> Result:
    blocks = [packed(array) for array in settled.outputs]
    return Result(number, list(settled.texts), troubles(settled.errors), blocks=blocks)


def outputs(found: Result) -> Tensors:
    """The arrays in it."""
    return tuple(unpacked(block) for block in found.blocks)


def failed(number: int, error: WeirError) -> Result:
    return Result(number, [], {}, trouble(error))


def trouble(error: WeirError) -> Trouble:
    return Trouble(error.code, error.message, error.row, error.field, error.retry_after)


def troubles(errors: Mapping[int, WeirError]) -> dict[int, Trouble]:
    return {place: trouble(error) for place, error in errors.items()}


def error(found: Trouble) -> WeirError:
    """As it was raised; of a code that this release does not know, its sentence is left."""
    kind = KINDS.get(found.code, WeirError)
    return kind(found.message, row=found.row, field=found.field, retry_after=found.retry_after)


def errors(found: Mapping[int, Trouble]) -> Mapping[int, WeirError]:
    return {place: error(each) for place, each in found.items()} if found else NO_ERRORS


def weight(found: Item) -> int:
    """Its bytes, but for the few of the envelope."""
    return sum(map(len, found.raws)) + sum(len(block.data) for block in found.blocks)


def rows(items: Collection[Item]) -> int:
    return sum(len(each.ids) for each in items)


class _Carried:
    """Rows that were read where they came in."""

    def __init__(self, found: Item) -> None:
        self._item = found

    def __len__(self) -> int:
        return len(self._item.ids)

    def read(self, reader: Reader, positions: Sequence[int]) -> Read:
        found = self._item
        arrays = tuple(unpacked(block) for block in found.blocks)
        places = found.places if found.places is not None else range(len(found.ids))
        return Read(arrays or None, places, errors(found.errors))

    def raw(self, position: int) -> str:
        return self._item.raws[position]


def packed(array: Array) -> Block:
    """An array as it travels."""
    if array.dtype == object:  # texts, whose own bytes are elsewhere
        return Block(BYTES, array.shape, datatypes.encoded(array))
    return Block(array.dtype.str, array.shape, array.tobytes())


def unpacked(block: Block) -> Array:
    """The array again; raises ValueError or TypeError for one that cannot be."""
    if block.dtype == BYTES and not block.data:  # a row may hold no texts at all
        return np.empty(block.shape, dtype=object)
    if block.dtype == BYTES:
        return datatypes.decoded("", BYTES, block.shape, block.data).array
    found: Array = np.frombuffer(block.data, np.dtype(block.dtype)).reshape(block.shape)
    return found
