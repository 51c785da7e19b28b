"""What a fault is, and what it may do to the scene."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import httpx

from tests.faults import nonces
from tests.faults.checker import REFUSALS
from tests.faults.cluster import ENDPOINT, Cluster, Member, until
from tests.faults.crew import NONCES_PER_CLIENT, NONCES_PER_RUN
from tests.faults.journal import Event, Journal
from tests.faults.nonces import Deed
from tests.faults.recovery import PROBE
from tests.faults.rest import PATIENCE, code_of

_NUMBER: Final = 900  # beyond those of the clients
_PROBES: Final = 64
KILLED_SECONDS: Final = 12.0
SERVICE_BACK_SECONDS: Final = 5.0
# Who asks meanwhile: see `load.KINDS`.
CREW: Final[Mapping[str, int]] = {
    "plain": 3,
    "keyed": 2,
    "deferred": 2,
    "stream": 2,
    "session": 2,
}
# A worker that is asked to leave, or a process that is exchanged for another one.
EXIT_SECONDS: Final = 10.0


@dataclass(eq=False)
class Scene:
    """A running cluster under load, and what a fault may do to it.

    `patient` is for `make faults`: CI has no time for the long variants. `healed_at` is when the
    clock of the recovery starts; a fault that mends nothing sets it when it strikes.
    """

    cluster: Cluster
    run: int
    dice: random.Random
    journal: Journal
    patient: bool = False
    healed_at: float | None = None
    _nonces: Iterator[int] = field(init=False)
    _threads: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self._nonces = count(self.run * NONCES_PER_RUN + _NUMBER * NONCES_PER_CLIENT)
        self._threads = ThreadPoolExecutor(_PROBES)

    def close(self) -> None:
        self._threads.shutdown()

    def lasts(self, short: float, long: float) -> None:
        """The fault goes on for so long; nothing is waited for."""
        time.sleep(long if self.patient else short)

    def healed(self) -> None:
        self.healed_at = time.monotonic()

    def pick(self, members: Sequence[Member]) -> Member:
        return self.dice.choice(members)

    def new_nonce(self) -> int:
        return next(self._nonces)

    def ask(
        self,
        nonce: int,
        deed: Deed = Deed.NOTHING,
        headers: Mapping[str, str] | None = None,
        web: Member | None = None,
    ) -> Future[httpx.Response]:
        """A probe, on its way; what becomes of it is in the journal."""
        url = f"{(web or self.pick(self.cluster.webs)).url}/api/v1/{ENDPOINT}/predict"
        body = dict(nonces.record(nonce, deed))
        return self._threads.submit(self._post, url, nonce, body, dict(headers or {}))

    def holder(self, nonce: int) -> Member:
        """The worker that is in the middle of the batch with this row."""
        mark = self.cluster.marks / str(nonce)
        until(mark.exists, PATIENCE, "the model is asked for the held row")
        return self.cluster.member(int(mark.read_text()))

    def revive_until(self, done: Callable[[], bool], seconds: float) -> int:
        """As a platform does: start what died, until `done`; returns how many died."""
        deaths = 0

        def looked() -> bool:
            nonlocal deaths
            for member in self.cluster.members:
                if not member.process.alive:
                    deaths += 1
                    member.process.start()
            return done()

        until(looked, seconds, "the cluster gets over what kills it")
        return deaths

    def _post(
        self, url: str, nonce: int, body: dict[str, int], headers: dict[str, str]
    ) -> httpx.Response:
        self.journal.note(PROBE, Event.SENT, nonce)
        try:
            response = httpx.post(url, json=body, headers=headers, timeout=PATIENCE)
        except httpx.TransportError:
            self.journal.note(PROBE, Event.BROKEN, nonce)
            raise
        if response.status_code == httpx.codes.OK:
            told = response.json()
            self.journal.note(
                PROBE,
                Event.ANSWERED,
                nonce,
                request_id=told["request_id"],
                value=told.get("value"),
                version=told["version"],
                code=told.get("code", ""),
            )
        else:
            self.journal.note(PROBE, Event.REFUSED, nonce, code=code_of(response))
        return response


@dataclass(frozen=True, slots=True)
class Fault:
    """One way in which things go wrong, and what is promised all the same."""

    id: str
    sentence: str
    inject: Callable[[Scene], None]
    within: float
    allowed: Collection[str]
    distributed: bool
    endpoint: str
    crew: Mapping[str, int]


def fault(
    name: str,
    sentence: str,
    *,
    within: float = SERVICE_BACK_SECONDS,
    allowed: Collection[str] = REFUSALS,
    distributed: bool = True,
    endpoint: str = ENDPOINT,
    crew: Mapping[str, int] = CREW,
) -> Callable[[Callable[[Scene], None]], Fault]:
    """Makes a function a fault. When it returns, all that it broke is mended."""

    def named(inject: Callable[[Scene], None]) -> Fault:
        return Fault(name, sentence, inject, within, allowed, distributed, endpoint, crew)

    return named
