"""Parcels become jobs of the local engine, and their outcomes an answer to the parcel."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from inference.core import parcels
from inference.core.errors import DeadlineExceeded, ModelError, WeirError
from inference.core.parcels import Item
from inference.core.tensors import Tensors
from inference.core.tickets import Part, Served
from inference.core.types import Job, Model, Outcome
from inference.engine.base import Engine
from inference.engine.finisher import Entry

logger = logging.getLogger(__name__)

Done = Callable[[Entry], None]
FATAL: Final = "This request ended the process that computed it, three times."


@dataclass(frozen=True, slots=True)
class Alone:
    """A model in a lane of its own, so that no neighbour shares a batch with what is suspected."""

    model: Model

    @property
    def key(self) -> Hashable:
        return "alone", self.model.key

    @property
    def inline_ok(self) -> bool:
        return False

    @property
    def free_form(self) -> bool:
        return self.model.free_form

    def predict(self, tensors: Tensors) -> Tensors:
        return self.model.predict(tensors)


class Intake:
    """`served` is what this worker can compute, by algorithm; `done` hears of finished entries."""

    def __init__(self, engine: Engine, done: Done) -> None:
        self.served: Mapping[int, Served] = {}
        self.dead = 0
        self._engine = engine
        self._done = done
        self._loop = asyncio.get_running_loop()

    def start(self, entry: Entry, age: float, *, alone: bool = False) -> None:
        """Begin all jobs of it; `age` is in seconds since it was sent."""
        served = self.served[entry.model]
        for item in entry.items:
            remaining = item.remaining_ms / 1000 - age
            try:
                self._start(entry, item, served, remaining, alone=alone)
            except WeirError as error:
                self._answered(entry, parcels.failed(item.number, error))
            except Exception:
                # A job that nobody foresaw must not cost its neighbours their answers.
                logger.exception("a job could not be begun")
                self._answered(entry, parcels.failed(item.number, ModelError()))

    async def quiet_alone(self, model: int, deadline: float) -> None:
        """Let go of the lane in which suspects of this model ran."""
        served = self.served.get(model)
        if served is not None and served.model is not None:
            await self._engine.retire(Alone(served.model).key, deadline)

    def give_up(self, entry: Entry) -> None:
        """Answer for jobs that end whoever computes them: an error, logged like any other."""
        for item in entry.items:
            self.dead += 1
            logger.error("a job ended its worker three times", extra={"request_ids": item.ids})
            part = parcels.part(item, self.served[entry.model])
            count = len(part.read.places)
            part.settle(Outcome(None, {row: ModelError(FATAL) for row in range(count)}))
            self._watch(entry, item, part, self._engine.record(part, item.mode, len(item.ids)))

    def _start(
        self, entry: Entry, item: Item, served: Served, remaining: float, *, alone: bool
    ) -> None:
        if remaining <= 0:
            raise DeadlineExceeded("the deadline passed in the queue")
        part = parcels.part(item, served)
        tensors = part.tensors
        if tensors is None:
            part.settle(Outcome(None))
            self._watch(entry, item, part, self._engine.record(part, item.mode, len(item.ids)))
            return
        assert served.model is not None  # a worker reads only streams of models that it has loaded
        model = Alone(served.model) if alone else served.model
        until = self._loop.time() + remaining
        leisurely = part.context.shadow
        job = Job(model, tensors, until, item.mode, part, level=item.level, leisurely=leisurely)
        self._watch(entry, item, part, self._engine.submit(job))

    def _watch(self, entry: Entry, item: Item, part: Part, job: asyncio.Future[Any]) -> None:
        job.add_done_callback(partial(self._finished, entry, item, part))

    def _finished(self, entry: Entry, item: Item, part: Part, job: asyncio.Future[Any]) -> None:
        error = None if job.cancelled() else job.exception()
        if isinstance(error, WeirError):
            self._answered(entry, parcels.failed(item.number, error))
        elif error is not None or job.cancelled():
            logger.error("a job failed", exc_info=error)
            self._answered(entry, parcels.failed(item.number, ModelError()))
        else:
            self._answered(entry, parcels.result(item.number, part))

    def _answered(self, entry: Entry, result: parcels.Result) -> None:
        entry.results.append(result)
        if entry.done:
            self._done(entry)
