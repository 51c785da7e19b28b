"""Many rows over one socket: pulled while there is room, answered in order or as they come."""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from typing import Any, Generic, NamedTuple, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from weir_client import blocks
from weir_client.address import Address
from weir_client.calls import Asking, Record, Wishes
from weir_client.frames import Format, Item, Outcome
from weir_client.line import Line, Terms
from weir_client.values import Answer, Block, Failure, Prediction

T = TypeVar("T")

Row = Record | list[Any] | tuple[Any, ...]
Rows = Iterable[Row] | AsyncIterable[Row]
Arrays = NDArray[Any] | Iterable[NDArray[Any]] | AsyncIterable[NDArray[Any]]
Source = Rows | Arrays


class StreamOptions(Asking, total=False):
    """Keywords of a stream.

    `format` is msgpack or json, `window` how many frames may be in flight at most, `block` how many
    rows of an array go in one of them. `ordered=False` gives answers as they come. `session=False`
    saves the server a commit for each frame; then what a broken connection had is not sent again.
    A session keeps answers as text, so arrays go without one.
    `deadline` is how many seconds an answer is of use.
    """

    format: Format
    window: int
    block: int
    ordered: bool
    session: bool
    deadline: float


class Manner(NamedTuple):
    """How rows become frames, and in which order answers are given."""

    block: int = 1000
    ordered: bool = True


def manner(options: StreamOptions) -> Manner:
    """Raises ValueError for a `block` that holds nothing."""
    found = Manner(options.get("block", 1000), options.get("ordered", True))
    if found.block < 1:
        raise ValueError(f"block is at least one row, not {found.block}.")
    return found


def terms(
    address: Address, endpoint: str, options: StreamOptions, source: Source | None = None
) -> Terms:
    """Raises TypeError for a keyword that nothing has, and ValueError for no window at all."""
    if options.get("window", 1) < 1:
        raise ValueError(f"window is at least one frame, not {options['window']}.")
    if isinstance(source, np.ndarray):
        options = {"session": False, **options}
    rest: dict[str, Any] = {**options}
    for name in Manner._fields:
        rest.pop(name, None)
    way = {name: rest.pop(name) for name in ("format", "window", "session") if name in rest}
    seconds = rest.pop("deadline", None)
    fields = Wishes(**rest).fields | ({} if seconds is None else {"deadline_ms": 1000 * seconds})
    return Terms(address, endpoint, fields, **way)


class Stream(Generic[T]):
    """One socket of one endpoint; several tasks may ask on it, and share its credits.

    T is what it gives where it is iterated over: Answers, or Blocks for arrays.

    Raises on entry, or wherever one waits, what ended it for good: Unauthorized, Forbidden,
    NotServed, or Unreachable and its like once there is no try left.
    """

    def __init__(self, terms: Terms, source: Source | None, how: Manner) -> None:
        self._terms = terms
        self._source = source
        self._manner = how
        self._line: Line | None = None
        self._flows: set[Flow] = set()

    async def __aenter__(self) -> Stream[T]:
        self._line = Line(self._terms)
        try:
            await self._line.open()
        except BaseException:
            await self._line.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for flow in self._flows.copy():
            await flow.close()
        await self._opened.close()

    async def __aiter__(self) -> AsyncGenerator[T]:
        """The answers to the rows that the stream was made with."""
        if self._source is None:
            raise TypeError("This stream was made without rows; see `predict`.")
        flow: AsyncGenerator[Any] = self._flow(self._source)
        async with self, contextlib.aclosing(flow) as outcomes:
            async for outcome in outcomes:
                yield outcome

    @overload
    def predict(self, rows: Arrays) -> AsyncGenerator[Block | Failure]: ...

    @overload
    def predict(self, rows: Rows) -> AsyncGenerator[Answer]: ...

    def predict(self, rows: Any) -> AsyncGenerator[Any]:
        """An answer for each row; a Failure says why one has none.

        Rows are records by name, or lists and tuples in the order of the schema. Of an array
        [rows, width], or several of them, each piece of at most `block` rows is one frame and
        gives a Block. The source is pulled only while there is room for another frame.
        """
        return self._flow(rows)

    @overload
    async def ask(self, row: NDArray[Any]) -> Block: ...

    @overload
    async def ask(self, row: Row) -> Prediction: ...

    async def ask(self, row: Any) -> Prediction | Block:
        """One row, or one array as a block; raises the error of what has no answer."""
        line = self._opened
        await line.claim()
        outcome = await (await line.send(row))
        if isinstance(outcome, Failure):
            raise outcome.error
        return outcome

    @property
    def _opened(self) -> Line:
        if self._line is None:
            raise RuntimeError("A stream is opened by `async with`.")
        return self._line

    async def _flow(self, rows: Source) -> AsyncGenerator[Outcome]:
        flow = Flow(
            self._opened, self._items(rows), self._terms.window, ordered=self._manner.ordered
        )
        self._flows.add(flow)
        try:
            async for outcome in flow.outcomes():
                yield outcome
        finally:
            self._flows.discard(flow)
            await flow.close()

    async def _items(self, rows: Source) -> AsyncIterator[Item]:
        async for row in _each([rows] if isinstance(rows, np.ndarray) else rows):
            if isinstance(row, np.ndarray) and row.ndim >= 2:
                for piece in blocks.split(row, self._manner.block):
                    yield piece
            else:
                yield row


class Flow:
    """Rows of one source on their way through a line.

    What was answered and not taken yet fills the window as well, so that a slow taker slows down
    the source.
    """

    def __init__(
        self, line: Line, source: AsyncIterator[Item], window: int, *, ordered: bool
    ) -> None:
        self._line = line
        self._source = source
        self._ordered = ordered
        self._room = asyncio.Semaphore(window)
        self._next: asyncio.Queue[Future[Outcome] | None] = asyncio.Queue()
        self._left: set[Future[Outcome]] = set()
        self._feeding = asyncio.ensure_future(self._feed())
        self._feeding.add_done_callback(lambda _: self._next.put_nowait(None))

    async def outcomes(self) -> AsyncGenerator[Outcome]:
        """Raises what ended the line, and what the source raised once its rows are answered."""
        fed = False
        while not fed or self._left:
            future = await self._next.get()
            if future is None:
                fed = True
                continue
            self._left.discard(future)
            outcome = await future
            self._room.release()
            yield outcome
        self._feeding.result()

    async def close(self) -> None:
        self._feeding.cancel()
        try:
            await asyncio.gather(self._feeding, return_exceptions=True)
        finally:  # the end of a loop does not wait for this to be done
            self._forget()

    def _forget(self) -> None:
        for future in self._left:
            if not future.cancel():
                future.exception()  # seen, though nobody wants it any more
        self._left.clear()

    async def _feed(self) -> None:
        while True:
            await self._room.acquire()
            await self._line.claim()
            try:
                item = await anext(self._source)
            except StopAsyncIteration:
                self._line.unclaim()
                return
            except BaseException:
                self._line.unclaim()
                raise
            self._sent(await self._line.send(item))

    def _sent(self, future: Future[Outcome]) -> None:
        self._left.add(future)
        if self._ordered:
            self._next.put_nowait(future)
        else:
            future.add_done_callback(self._next.put_nowait)


async def _each(rows: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if isinstance(rows, AsyncIterable):
        async for row in rows:
            yield row
    else:
        for row in rows:
            yield row
