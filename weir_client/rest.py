"""The client for programs that wait."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar, Unpack, cast, overload

import httpx

from weir_client import calls, desk, upkeep
from weir_client.address import Address
from weir_client.calls import Call, Options, Plan, Record, Rows, Terms
from weir_client.desk import Attempt, Desk
from weir_client.errors import WeirError
from weir_client.retries import Retries
from weir_client.values import (
    Algorithm,
    Answer,
    Endpoint,
    Experiment,
    Json,
    Logged,
    Prediction,
    Ready,
    Ticket,
)

T = TypeVar("T")


class Client:
    """A server by its REST API; connections are pooled, and threads may share a client.

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
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._address = Address.of(url, key)
        self._desk = Desk(self._address, timeout, retries)
        self._http = httpx.Client(
            base_url=self._address.url, headers=self._address.headers, transport=transport
        )

    @property
    def url(self) -> str:
        """The server's address."""
        return self._address.url

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    # -- predictions -------------------------------------------------------------------------------

    @overload
    def predict(self, endpoint: str, rows: Record, **options: Unpack[Options]) -> Prediction: ...

    @overload
    def predict(self, endpoint: str, rows: Rows, **options: Unpack[Options]) -> list[Answer]: ...

    def predict(
        self, endpoint: str, rows: Record | Rows, **options: Unpack[Options]
    ) -> Prediction | list[Answer]:
        """One record by name gives its prediction; raises the error of a row that has none.

        A list of records, a list of rows in the order of the schema or an array [rows, width] gives
        a list in the same order, with a Failure for each row that has no prediction.
        """
        wishes, timeout, key = calls.apart(options)
        now = time.monotonic()
        if isinstance(rows, Mapping):
            one = calls.predict_one(endpoint, rows, wishes)
            return self._run(self._desk.predict(one, now, timeout, key))
        many = calls.predict_many(endpoint, rows, wishes)
        return self._run(self._desk.predict(many, now, timeout, key))

    def submit(self, endpoint: str, rows: Record | Rows, **options: Unpack[Options]) -> Ticket:
        """Have it answered later: returns as soon as the server has written the request down."""
        wishes, timeout, key = calls.apart(options)
        call = calls.submit(endpoint, rows, wishes)
        return self._run(self._desk.predict(call, time.monotonic(), timeout, key))

    def result(self, request_id: int, timeout: float | None = None) -> Prediction:
        """The answer to a request of `submit`, waiting for it; raises NotYet after `timeout`."""
        return self._ask(calls.result(request_id), timeout)

    def feedback(self, request_id: int, label: object) -> Logged:
        """Say what was right; saying it again replaces it and counts once. None takes it back."""
        return self._ask(calls.feedback(request_id, label))

    def feedback_many(self, labels: Mapping[int, object]) -> list[int]:
        """Up to 1,000 labels by their request ids; the ids that are not there."""
        return self._ask(upkeep.feedback_many(labels))

    def logged(self, request_id: int) -> Logged:
        """A line of the log."""
        return self._ask(calls.logged(request_id))

    def log(self, after: int = 0, limit: int = 1000) -> list[Logged]:
        """Lines of the log in the order of their ids, beginning behind `after`."""
        return self._ask(calls.log(after, limit))

    # -- what is there -----------------------------------------------------------------------------

    def ready(self) -> Ready:
        """Whether this server should get traffic; raises Unreachable where none is."""
        return self._ask(calls.ready())

    def endpoints(self) -> list[Endpoint]:
        """The names that can be called."""
        return self._ask(calls.endpoints())

    def schema(self, endpoint: str) -> Json:
        """The features of an endpoint in their order, and its target; raises NotServed."""
        return self._ask(calls.schema(calls.id_of(endpoint, self.endpoints())))

    def algorithms(self) -> list[Algorithm]:
        """All that are registered, in the order of their ids."""
        return self._ask(calls.algorithms())

    def operations(self) -> Json:
        """Traffic, batches and latencies, as the dashboard shows them."""
        return self._ask(calls.operations())

    # -- the life of algorithms --------------------------------------------------------------------

    def set_status(self, algorithm_id: int, status: str, created_by: str, reason: str = "") -> Json:
        """Move an algorithm by hand; raises Invalid for a move that is not allowed."""
        return self._ask(upkeep.set_status(algorithm_id, status, created_by, reason))

    def promote(
        self, algorithm_id: int, to: str = "production", reason: str = "", *, force: bool = False
    ) -> Json:
        """The same through the gate, which lets only the blessed pass, or `force` with a reason."""
        return self._ask(upkeep.promote(algorithm_id, to, reason, force=force))

    def roll_back(self, endpoint: str, reason: str = "", to: int | None = None) -> Json:
        """Whoever was in `production` before, or the algorithm `to`; raises NotServed."""
        number = calls.id_of(endpoint, self.endpoints())
        return self._ask(upkeep.roll_back(number, to, reason))

    def aliases(self, endpoint: str) -> dict[str, int]:
        """The algorithm behind each name that was given at an endpoint; raises NotServed."""
        return self._ask(upkeep.aliases(calls.id_of(endpoint, self.endpoints())))

    def set_alias(self, endpoint: str, name: str, algorithm_id: int, reason: str = "") -> Json:
        """Let a name mean another algorithm from now on; raises NotServed."""
        number = calls.id_of(endpoint, self.endpoints())
        return self._ask(upkeep.set_alias(number, name, algorithm_id, reason))

    def drop_alias(self, endpoint: str, name: str) -> None:
        """Let it mean nothing any more; raises NotServed, or NotFound if it meant nothing."""
        self._ask(upkeep.drop_alias(calls.id_of(endpoint, self.endpoints()), name))

    def evaluations(self, algorithm_id: int | None = None, after: int = 0) -> list[Json]:
        """How algorithms were judged, the oldest first; the latest of each is what counts."""
        return self._ask(upkeep.evaluations(algorithm_id, after))

    def audit(
        self, endpoint: str = "", algorithm_id: int | None = None, after: int = 0
    ) -> list[Json]:
        """What was done to algorithms, by whom and why, the oldest first."""
        return self._ask(upkeep.audit(endpoint, algorithm_id, after))

    def drift(self, endpoint: str) -> Json:
        """How its rows and answers lie compared with those of training; raises NotServed."""
        return self._ask(upkeep.drift(calls.id_of(endpoint, self.endpoints())))

    # -- experiments -------------------------------------------------------------------------------

    def experiments(self) -> list[Experiment]:
        """All tests, in the order of their ids."""
        return self._ask(calls.experiments())

    def experiment(self, experiment_id: int) -> Experiment:
        """What is tested; `experiment_snapshot` says how it stands."""
        return self._ask(calls.experiment(experiment_id))

    def experiment_snapshot(self, experiment_id: int) -> Json:
        """Tallies, evidence and verdict, as the dashboard shows them."""
        return self._ask(calls.experiment_snapshot(experiment_id))

    def experiment_phases(self, experiment_id: int) -> list[Json]:
        """Each phase with its weights and its tallies, the present one last."""
        return self._ask(calls.experiment_phases(experiment_id))

    def experiment_history(self, experiment_id: int, phase: int | None = None) -> Json:
        """The path of the evidence in a phase, the present one if none is named, in columns."""
        return self._ask(calls.experiment_history(experiment_id, phase))

    def experiment_decisions(self, experiment_id: int, after: int = 0) -> list[Json]:
        """Who decided what, when and why, each with the evidence of that moment.

        The oldest first, beginning behind the id `after`, as many as the server has on a page.
        """
        return self._ask(calls.experiment_decisions(experiment_id, after))

    def plan(self, endpoint: str, **wishes: Unpack[Plan]) -> Json:
        """How many labels a test would need and how long that takes; raises NotServed."""
        return self._ask(calls.plan(calls.id_of(endpoint, self.endpoints()), wishes))

    def start_experiment(
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
        return self._ask(calls.start_experiment(title, arms, created_by, rule, terms))

    def reweight_experiment(self, experiment_id: int, weights: Sequence[int]) -> Experiment:
        """Begin a phase with other weights, in the order of the arms; who has an arm keeps it."""
        return self._ask(calls.reweight_experiment(experiment_id, weights))

    def widen_experiment(self, experiment_id: int, coverage: float) -> Experiment:
        """Let more of the traffic take part; nobody changes sides."""
        return self._ask(calls.widen_experiment(experiment_id, coverage))

    def promote_experiment(
        self, experiment_id: int, why: str = "", *, arm: int | None = None
    ) -> Json:
        """End it with its challenger in production; with several, `arm` is the place from 1."""
        return self._ask(calls.promote_experiment(experiment_id, why, arm))

    def roll_back_experiment(self, experiment_id: int, why: str = "") -> Json:
        """End a canary with what was in production before."""
        return self._ask(calls.roll_back_experiment(experiment_id, why))

    def stop_experiment(self, experiment_id: int) -> Json:
        """Stop it and promote by its rule: `message` and `summary`; again: the same again."""
        return self._ask(calls.stop_experiment(experiment_id))

    # -- the way there -----------------------------------------------------------------------------

    def _ask(self, call: Call[T], timeout: float | None = None) -> T:
        return self._run(self._desk.begin(call, time.monotonic(), timeout))

    def _run(self, attempt: Attempt[T]) -> T:
        while True:
            try:
                return self._try(attempt.call, attempt.timeout(time.monotonic()))
            except WeirError as error:
                pause = attempt.pause(error, time.monotonic())
            time.sleep(pause)

    def _try(self, call: Call[T], timeout: float) -> T:
        ends = time.monotonic() + timeout
        try:
            with self._http.stream(
                call.method,
                call.path,
                params=call.params,
                headers=call.headers,
                content=call.content,
                timeout=timeout,
            ) as response:
                response.stream = _InTime(cast("httpx.SyncByteStream", response.stream), ends)
                response.read()
        except httpx.TransportError as error:
            raise desk.of_transport(error, self._address) from error
        return call.read(response)


class _InTime(httpx.SyncByteStream):
    """A body that has to be here by a moment of the monotonic clock.

    httpx counts from each piece anew, and an answer may come byte by byte.
    """

    def __init__(self, pieces: httpx.SyncByteStream, ends: float) -> None:
        self._pieces = pieces
        self._ends = ends

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            if time.monotonic() > self._ends:
                raise httpx.ReadTimeout("The answer came too slowly.")
            yield piece

    def close(self) -> None:
        self._pieces.close()
