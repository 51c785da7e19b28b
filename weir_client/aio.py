"""The client for programs that do other things meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar, Unpack, overload

import httpx

from weir_client import calls, desk, upkeep
from weir_client import stream as streams
from weir_client.address import Address
from weir_client.calls import Call, Options, Plan, Record, Rows, Terms
from weir_client.desk import Attempt, Desk
from weir_client.errors import TimedOut, WeirError
from weir_client.live import Listener
from weir_client.retries import Retries
from weir_client.stream import Arrays, Source, Stream, StreamOptions
from weir_client.values import (
    Algorithm,
    Answer,
    Block,
    Endpoint,
    Experiment,
    Failure,
    Json,
    Logged,
    Prediction,
    Ready,
    Snapshot,
    Ticket,
)

T = TypeVar("T")


def _now() -> float:
    return asyncio.get_running_loop().time()


class AsyncClient:
    """A server by its REST API; connections are pooled, and tasks may share a client.

    `timeout` is for one try, in seconds; `retries` says how often and how long is tried again
    where that cannot count twice, and None: never. `transport` is httpx's.

    Each verb raises what the server refused with (`weir_client.errors`), or Unreachable,
    Interrupted or TimedOut once there is no try left.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        timeout: float = desk.TIMEOUT,
        retries: Retries | None = desk.RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._address = Address.of(url, key)
        self._desk = Desk(self._address, timeout, retries)
        self._transport = transport

    @cached_property
    def _http(self) -> httpx.AsyncClient:
        """Made when it is needed: it takes a tenth of a second, and streams do without."""
        address = self._address
        return httpx.AsyncClient(
            base_url=address.url, headers=address.headers, transport=self._transport
        )

    @property
    def url(self) -> str:
        """The server's address."""
        return self._address.url

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if "_http" in vars(self):
            await self._http.aclose()

    # -- predictions -------------------------------------------------------------------------------

    @overload
    async def predict(
        self, endpoint: str, rows: Record, **options: Unpack[Options]
    ) -> Prediction: ...

    @overload
    async def predict(
        self, endpoint: str, rows: Rows, **options: Unpack[Options]
    ) -> list[Answer]: ...

    async def predict(
        self, endpoint: str, rows: Record | Rows, **options: Unpack[Options]
    ) -> Prediction | list[Answer]:
        """One record by name gives its prediction; raises the error of a row that has none.

        A list of records, a list of rows in the order of the schema or an array [rows, width] gives
        a list in the same order, with a Failure for each row that has no prediction.
        """
        wishes, timeout, key = calls.apart(options)
        now = _now()
        if isinstance(rows, Mapping):
            one = calls.predict_one(endpoint, rows, wishes)
            return await self._run(self._desk.predict(one, now, timeout, key))
        many = calls.predict_many(endpoint, rows, wishes)
        return await self._run(self._desk.predict(many, now, timeout, key))

    async def submit(
        self, endpoint: str, rows: Record | Rows, **options: Unpack[Options]
    ) -> Ticket:
        """Have it answered later: returns as soon as the server has written the request down."""
        wishes, timeout, key = calls.apart(options)
        call = calls.submit(endpoint, rows, wishes)
        return await self._run(self._desk.predict(call, _now(), timeout, key))

    async def result(
        self,
        request_id: int,
        timeout: float | None = None,  # noqa: ASYNC109  # as Client has it
    ) -> Prediction:
        """The answer to a request of `submit`, waiting for it; raises NotYet after `timeout`."""
        return await self._ask(calls.result(request_id), timeout)

    async def feedback(self, request_id: int, label: object) -> Logged:
        """Say what was right; saying it again replaces it and counts once. None takes it back."""
        return await self._ask(calls.feedback(request_id, label))

    async def feedback_many(self, labels: Mapping[int, object]) -> list[int]:
        """Up to 1,000 labels by their request ids; the ids that are not there."""
        return await self._ask(upkeep.feedback_many(labels))

    async def logged(self, request_id: int) -> Logged:
        """A line of the log."""
        return await self._ask(calls.logged(request_id))

    async def log(self, after: int = 0, limit: int = 1000) -> list[Logged]:
        """Lines of the log in the order of their ids, beginning behind `after`."""
        return await self._ask(calls.log(after, limit))

    # -- what is there -----------------------------------------------------------------------------

    async def ready(self) -> Ready:
        """Whether this server should get traffic; raises Unreachable where none is."""
        return await self._ask(calls.ready())

    async def endpoints(self) -> list[Endpoint]:
        """The names that can be called."""
        return await self._ask(calls.endpoints())

    async def schema(self, endpoint: str) -> Json:
        """The features of an endpoint in their order, and its target; raises NotServed."""
        return await self._ask(calls.schema(calls.id_of(endpoint, await self.endpoints())))

    async def algorithms(self) -> list[Algorithm]:
        """All that are registered, in the order of their ids."""
        return await self._ask(calls.algorithms())

    async def operations(self) -> Json:
        """Traffic, batches and latencies, as the dashboard shows them."""
        return await self._ask(calls.operations())

    # -- the life of algorithms --------------------------------------------------------------------

    async def set_status(
        self, algorithm_id: int, status: str, created_by: str, reason: str = ""
    ) -> Json:
        """Move an algorithm by hand; raises Invalid for a move that is not allowed."""
        return await self._ask(upkeep.set_status(algorithm_id, status, created_by, reason))

    async def promote(
        self, algorithm_id: int, to: str = "production", reason: str = "", *, force: bool = False
    ) -> Json:
        """The same through the gate, which lets only the blessed pass, or `force` with a reason."""
        return await self._ask(upkeep.promote(algorithm_id, to, reason, force=force))

    async def roll_back(self, endpoint: str, reason: str = "", to: int | None = None) -> Json:
        """Whoever was in `production` before, or the algorithm `to`; raises NotServed."""
        number = calls.id_of(endpoint, await self.endpoints())
        return await self._ask(upkeep.roll_back(number, to, reason))

    async def aliases(self, endpoint: str) -> dict[str, int]:
        """The algorithm behind each name that was given at an endpoint; raises NotServed."""
        return await self._ask(upkeep.aliases(calls.id_of(endpoint, await self.endpoints())))

    async def set_alias(
        self, endpoint: str, name: str, algorithm_id: int, reason: str = ""
    ) -> Json:
        """Let a name mean another algorithm from now on; raises NotServed."""
        number = calls.id_of(endpoint, await self.endpoints())
        return await self._ask(upkeep.set_alias(number, name, algorithm_id, reason))

    async def drop_alias(self, endpoint: str, name: str) -> None:
        """Let it mean nothing any more; raises NotServed, or NotFound if it meant nothing."""
        await self._ask(upkeep.drop_alias(calls.id_of(endpoint, await self.endpoints()), name))

    async def evaluations(self, algorithm_id: int | None = None, after: int = 0) -> list[Json]:
        """How algorithms were judged, the oldest first; the latest of each is what counts."""
        return await self._ask(upkeep.evaluations(algorithm_id, after))

    async def audit(
        self, endpoint: str = "", algorithm_id: int | None = None, after: int = 0
    ) -> list[Json]:
        """What was done to algorithms, by whom and why, the oldest first."""
        return await self._ask(upkeep.audit(endpoint, algorithm_id, after))

    async def drift(self, endpoint: str) -> Json:
        """How its rows and answers lie compared with those of training; raises NotServed."""
        return await self._ask(upkeep.drift(calls.id_of(endpoint, await self.endpoints())))

    # -- experiments -------------------------------------------------------------------------------

    async def experiments(self) -> list[Experiment]:
        """All tests, in the order of their ids."""
        return await self._ask(calls.experiments())

    async def experiment(self, experiment_id: int) -> Experiment:
        """What is tested; `experiment_snapshot` says how it stands."""
        return await self._ask(calls.experiment(experiment_id))

    async def experiment_snapshot(self, experiment_id: int) -> Json:
        """Tallies, evidence and verdict, as the dashboard shows them."""
        return await self._ask(calls.experiment_snapshot(experiment_id))

    async def experiment_phases(self, experiment_id: int) -> list[Json]:
        """Each phase with its weights and its tallies, the present one last."""
        return await self._ask(calls.experiment_phases(experiment_id))

    async def experiment_history(self, experiment_id: int, phase: int | None = None) -> Json:
        """The path of the evidence in a phase, the present one if none is named, in columns."""
        return await self._ask(calls.experiment_history(experiment_id, phase))

    async def experiment_decisions(self, experiment_id: int, after: int = 0) -> list[Json]:
        """Who decided what, when and why, each with the evidence of that moment.

        The oldest first, beginning behind the id `after`, as many as the server has on a page.
        """
        return await self._ask(calls.experiment_decisions(experiment_id, after))

    async def plan(self, endpoint: str, **wishes: Unpack[Plan]) -> Json:
        """How many labels a test would need and how long that takes; raises NotServed."""
        return await self._ask(calls.plan(calls.id_of(endpoint, await self.endpoints()), wishes))

    async def start_experiment(
        self,
        title: str,
        arms: Mapping[int, int],
        created_by: str,
        rule: str = "",
        **terms: Unpack[Terms],
    ) -> Experiment:
        """Split default traffic between algorithms, `{id: weight}`; `rule` is what a stop does.

        The control comes first. `terms` are fixed from then on: mode, metric, coverage, ...
        """
        return await self._ask(calls.start_experiment(title, arms, created_by, rule, terms))

    async def reweight_experiment(self, experiment_id: int, weights: Sequence[int]) -> Experiment:
        """Begin a phase with other weights, in the order of the arms; who has an arm keeps it."""
        return await self._ask(calls.reweight_experiment(experiment_id, weights))

    async def widen_experiment(self, experiment_id: int, coverage: float) -> Experiment:
        """Let more of the traffic take part; nobody changes sides."""
        return await self._ask(calls.widen_experiment(experiment_id, coverage))

    async def promote_experiment(
        self, experiment_id: int, why: str = "", *, arm: int | None = None
    ) -> Json:
        """End it with its challenger in production; with several, `arm` is the place from 1."""
        return await self._ask(calls.promote_experiment(experiment_id, why, arm))

    async def roll_back_experiment(self, experiment_id: int, why: str = "") -> Json:
        """End a canary with what was in production before."""
        return await self._ask(calls.roll_back_experiment(experiment_id, why))

    async def stop_experiment(self, experiment_id: int) -> Json:
        """Stop it and promote by its rule: `message` and `summary`; again: the same again."""
        return await self._ask(calls.stop_experiment(experiment_id))

    # -- streams -----------------------------------------------------------------------------------

    @overload
    def stream(
        self, endpoint: str, rows: Arrays, **options: Unpack[StreamOptions]
    ) -> Stream[Block | Failure]: ...

    @overload
    def stream(
        self, endpoint: str, rows: streams.Rows | None = ..., **options: Unpack[StreamOptions]
    ) -> Stream[Answer]: ...

    def stream(
        self, endpoint: str, rows: Source | None = None, **options: Unpack[StreamOptions]
    ) -> Stream[Any]:
        """A socket for many rows: to be entered, or with `rows` to be iterated over at once."""
        terms = streams.terms(self._address, endpoint, options, rows)
        patient = replace(terms, retries=self._desk.policy, timeout=self._desk.timeout)
        return Stream(patient, rows, streams.manner(options))

    def live(self, *topics: str) -> AsyncGenerator[Snapshot]:
        """Snapshots of `operations`, `experiment:3` or `results:name`, whenever they change."""
        listener = Listener(self._address, topics, self._desk.policy, self._desk.timeout)
        return listener.snapshots()

    # -- the way there -----------------------------------------------------------------------------

    async def _ask(self, call: Call[T], seconds: float | None = None) -> T:
        return await self._run(self._desk.begin(call, _now(), seconds))

    async def _run(self, attempt: Attempt[T]) -> T:
        while True:
            try:
                return await self._try(attempt.call, attempt.timeout(_now()))
            except WeirError as error:
                pause = attempt.pause(error, _now())
            await asyncio.sleep(pause)

    async def _try(self, call: Call[T], seconds: float) -> T:
        try:
            async with asyncio.timeout(seconds):
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=call.params,
                    headers=call.headers,
                    content=call.content,
                    timeout=seconds,
                )
        except TimeoutError as error:
            raise TimedOut from error
        except httpx.TransportError as error:
            raise desk.of_transport(error, self._address) from error
        return call.read(response)
