"""How a model predicts that may crash, hang or eat memory: in a child that can be killed.

What goes between is msgpack and raw arrays, and what comes back is looked at like a stranger's.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from typing import Final

import msgspec
import numpy as np

from inference.core import parcels
from inference.core.errors import (
    BundleInvalid,
    ModelCrashed,
    ModelError,
    ModelUnavailable,
    WeirError,
)
from inference.core.graphs import Graph
from inference.core.tensors import Array, Tensors
from inference.runtimes.base import Artefact, Kind
from inference.runtimes.cell import MOST, Given, Said
from inference.runtimes.confinement import Bounds
from inference.runtimes.pipes import Child, Gone

logger = logging.getLogger(__name__)

CELL: Final = "inference.runtimes.cell"
START_SECONDS: Final = 60.0  # for an interpreter, its libraries and the model, on a busy machine
# A first crash costs nobody a pause, since the halves of its batch are tried next; a model that
# does nothing else is given one, twice as long each time.
_FREE: Final = 2
_PAUSE: Final = 0.1  # seconds
_LONGEST: Final = 30.0
_KINDS: Final = frozenset("fiubO")


class IsolatedRuntime:
    """A model of tables in a child of its own; a child that dies is replaced when next asked."""

    inline_ok = False  # it waits

    def __init__(self, kind: Kind, given: Given, bounds: Bounds, module: str = CELL) -> None:
        """Raises what keeps it from being loaded."""
        self.kind = kind
        self._bounds = bounds
        self._module = module
        self._given = msgspec.msgpack.encode(given)
        self._lock = threading.Lock()
        self._deaths = 0  # in a row
        self._not_before = 0.0
        self._child: Child | None = None
        self._closed = False
        self._child = self._start()

    @property
    def pid(self) -> int | None:
        """Of the child, while there is one."""
        return None if self._child is None else self._child.pid

    def predict(self, tensors: Tensors) -> Tensors:
        """Raises ModelCrashed if the child did not survive, ModelUnavailable while none may start.

        Raises what the model raised, by its code.
        """
        asked = msgspec.msgpack.encode([parcels.packed(array) for array in tensors])
        with self._lock:
            said = self._asked(self._alive(), asked)
        if said.trouble is not None:
            raise parcels.error(said.trouble)
        return _arrays(said)

    def close(self) -> None:
        """Also while a call is under way, which then fails."""
        self._closed = True
        if self._child is not None:
            self._child.end()

    def _alive(self) -> Child:
        if self._child is not None and self._child.gone and not self._closed:
            # Nobody was being answered, so nobody is to blame.
            logger.warning("an isolated model has ended between two calls: %s", _how(self._child))
            self._died()
        if self._child is None:
            wait = self._not_before - time.monotonic()
            if wait > 0.0 or self._closed:
                raise ModelUnavailable("The model is being restarted.", retry_after=max(wait, 1.0))
            self._child = self._restarted()
        return self._child

    def _restarted(self) -> Child:
        try:
            return self._start()
        except (WeirError, OSError) as error:
            self._died()
            raise ModelUnavailable(f"The model cannot be restarted: {error}") from error

    def _start(self) -> Child:
        """With the model loaded; raises BundleInvalid, or OSError where no process can be had."""
        bounds = self._bounds
        child = Child(self._module, [self.kind, str(bounds.memory), str(bounds.seconds)], MOST)
        try:
            deadline = time.monotonic() + START_SECONDS
            child.line.send(self._given, deadline)
            said = _said(child.line.receive(deadline))
        except (Gone, WeirError) as error:
            raise BundleInvalid(f"The model cannot be loaded apart: {_how(child)}") from error
        if said.trouble is not None:
            child.end()
            raise BundleInvalid(said.trouble.message)
        self._last = weakref.finalize(self, child.end)
        return child

    def _asked(self, child: Child, asked: bytes) -> Said:
        deadline = time.monotonic() + self._bounds.seconds
        try:
            child.line.send(asked, deadline)
            said = _said(child.line.receive(deadline))
        except (Gone, WeirError) as error:
            how = _how(child)
            self._died()
            logger.warning("an isolated model has ended: %s (%s)", how, error)
            raise ModelCrashed(f"The model did not survive this: {how}") from error
        if said.trouble is None:
            self._deaths = 0
        return said

    def _died(self) -> None:
        self._last.detach()
        self._child = None
        self._deaths += 1
        if self._deaths > _FREE:
            pause = _PAUSE * 2.0 ** min(self._deaths - _FREE - 1, 16)
            self._not_before = time.monotonic() + min(pause, _LONGEST)


class IsolatedGraph(IsolatedRuntime):
    """A graph of tensors, likewise."""

    def __init__(self, kind: Kind, given: Given, bounds: Bounds, graph: Graph) -> None:
        self.graph = graph
        super().__init__(kind, given, bounds)


def load(artefact: Artefact, bounds: Bounds) -> IsolatedRuntime:
    """The model in a child; raises BundleInvalid if it cannot be loaded there."""
    given = Given(
        artefact.data,
        artefact.schema.to_json(),
        is_graph=False,
        reads=artefact.reads,
        libraries=dict(artefact.libraries),
    )
    return IsolatedRuntime(artefact.kind, given, bounds)


def load_graph(data: bytes, graph: Graph, bounds: Bounds) -> IsolatedGraph:
    """The graph in a child; raises BundleInvalid if it cannot be loaded there."""
    given = Given(data, graph.to_json(), is_graph=True, reads="matrix", libraries={})
    return IsolatedGraph(Kind.ONNX, given, bounds, graph)


def _said(message: bytearray) -> Said:
    try:
        return msgspec.msgpack.decode(message, type=Said)
    except msgspec.DecodeError as error:
        raise ModelError("it says what cannot be read") from error


def _arrays(said: Said) -> Tensors:
    try:
        return tuple(_checked(parcels.unpacked(block)) for block in said.blocks)
    except (ValueError, TypeError, WeirError) as error:
        raise ModelError("The model's process gives no arrays.") from error


def _checked(array: Array) -> Array:
    if array.dtype.kind not in _KINDS:
        raise TypeError(array.dtype)
    # The engine may write into what it gets, and a view of a message cannot be written.
    return np.array(array)


def _how(child: Child) -> str:
    """Why it has ended, as far as the system knows."""
    ended = child.ended()
    code = child.end()
    if ended is None:
        return "it took too long, or said what cannot be read, and was killed."
    return f"it ended by signal {-code}." if code < 0 else f"it ended with code {code}."
