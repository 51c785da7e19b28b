"""Puts to the challengers of a shadow test what the champion has answered; nobody is told.

An input goes to the challengers after its answer is ready, so that no answer waits for it, and
under the answer's own id. It is the first thing that is left out under load: while requests are
refused, or so many rows are under way, inputs are not put to the challengers at all. Nothing is
wrong with a pair that was not made; who is left out does not depend on who would have been right.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from inference.core.errors import WeirError
from inference.core.precedence import Level
from inference.core.routing import Arm
from inference.core.tickets import Part, Served
from inference.core.types import Job, LogMode, Outcome

log = logging.getLogger(__name__)

RELIEF: Final = 1.0  # seconds after a refusal in which nothing is mirrored
PATIENCE: Final = 10.0  # seconds that a challenger is given
MOST_ROWS: Final = 2048  # under way at once

Submit = Callable[[Job], asyncio.Future[Outcome]]


@dataclass(slots=True)
class Mirrored:
    """Rows since the start: put to a challenger, and left out."""

    rows: int = 0
    shed: int = 0


class Shadowing:
    """`served` finds an algorithm's model, if it is loaded. Lives on the event loop."""

    def __init__(self, submit: Submit, served: Callable[[int], Served | None]) -> None:
        self.mirrored = Mirrored()
        self._submit = submit
        self._served = served
        self._under_way = 0
        self._relieved_at = 0.0
        self._loop = asyncio.get_running_loop()

    def strained(self) -> None:
        """A request was refused: whatever is done beside answering has to wait."""
        self._relieved_at = self._loop.time() + RELIEF

    def follow(self, part: Part, arms: tuple[Arm, ...], done: asyncio.Future[Any]) -> None:
        """Put the part to these arms once it is answered, if it is."""
        done.add_done_callback(partial(self._answered, part, arms))

    def _answered(self, part: Part, arms: tuple[Arm, ...], done: asyncio.Future[Any]) -> None:
        if done.cancelled() or done.exception() is not None:
            return
        for arm in arms:
            rows = len(part.ids)
            if self._mirror(part, arm, rows):
                self.mirrored.rows += rows
            else:
                self.mirrored.shed += rows

    def _mirror(self, part: Part, arm: Arm, rows: int) -> bool:
        served, now = self._served(arm.algorithm.id), self._loop.time()
        full = self._under_way + rows > MOST_ROWS
        if full or now < self._relieved_at or served is None or served.model is None:
            return False
        mirror = _mirror(part, arm, served)
        if mirror.tensors is None:  # what the champion understood may not fit a challenger
            return False
        job = Job(
            served.model,
            mirror.tensors,
            now + PATIENCE,
            LogMode.STRICT,
            mirror,
            level=Level.LAST,
            leisurely=True,
        )
        try:
            future = self._submit(job)
        except WeirError:  # it has no room: then not this one
            return False
        self._under_way += rows
        future.add_done_callback(partial(self._landed, rows))
        return True

    def _landed(self, rows: int, done: asyncio.Future[Outcome]) -> None:
        self._under_way -= rows
        if not done.cancelled() and (error := done.exception()) is not None:
            self.mirrored.shed += rows
            self.mirrored.rows -= rows
            log.debug("a challenger gave no answer: %s", error)


def _mirror(part: Part, arm: Arm, served: Served) -> Part:
    context = part.context._replace(mode=LogMode.STRICT, table=False, level=Level.LAST, shadow=True)
    return Part(served, arm, part.positions, part.ids, context)
