"""What this process is doing, endpoint by endpoint, as the screen and REST show it."""

from __future__ import annotations

import resource
from collections import defaultdict
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Protocol

from inference.core.presence import Beat
from inference.core.routing import Algorithm, Endpoint
from inference.core.tickets import Served
from inference.core.traffic import NOTHING, Counts, Latency, Meter, slower
from inference.engine.base import EngineStats, LaneStats

_STATM = Path("/proc/self/statm")


class Registered(Protocol):
    """What is served now."""

    @property
    def endpoints(self) -> Mapping[str, Endpoint]: ...
    @property
    def served(self) -> Mapping[int, Served]: ...


class Operations:
    """Fed once a second with the engine's counters; remembers ten minutes of them."""

    def __init__(self, started: float) -> None:
        self._started = started
        self._ticked = started
        self._lanes: dict[Hashable, Counts] = {}
        self._endpoints: dict[int, Meter] = defaultdict(Meter)
        self._algorithms: dict[int, Meter] = defaultdict(Meter)
        self._waiting: dict[int, int] = {}
        self._failures: Mapping[int, str] = {}
        self._workers: Mapping[str, Beat] | None = None

    def tick(self, now: float, t: int, stats: EngineStats, registered: Registered) -> None:
        """`now` in seconds of the clock that `started` was read from, `t` of the wall's."""
        elapsed = max(now - self._ticked, 1e-3)
        self._ticked = now
        latencies = self._latencies(stats)
        new = self._new(stats)
        self._failures, self._workers = stats.failures, stats.workers
        for algorithm_id in registered.served:
            meter = self._algorithms[algorithm_id]
            meter.tick(t, elapsed, new[algorithm_id], latencies.get(algorithm_id))
        for endpoint in registered.endpoints.values():
            counts = sum((new[each.id] for each in endpoint.algorithms), NOTHING)
            self._endpoints[endpoint.id].tick(t, elapsed, counts, self._latency(endpoint, new))
        self._forget(registered)

    def snapshot(self, registered: Registered, *, history: bool) -> dict[str, Any]:
        """JSON; the curves only where `history` asks for them."""
        return {
            "uptime_s": round(self._ticked - self._started, 1),
            "rss_mb": resident_megabytes(),
            "workers": _workers(self._workers),
            "endpoints": [
                self._endpoint(endpoint, registered, history=history)
                for endpoint in registered.endpoints.values()
            ],
        }

    def _latencies(self, stats: EngineStats) -> Mapping[int, Latency | None]:
        """Of each algorithm that ran since the last tick, in however many lanes and workers."""
        ran: dict[int, list[tuple[int, Latency | None]]] = defaultdict(list)
        for key, lane in stats.lanes.items():
            if new := lane.predictions - self._lanes.get(key, NOTHING).predictions:
                latency = lane.latency and Latency(*lane.latency)
                ran[_algorithm_of(key)].append((new, latency))
        return {algorithm_id: slower(each) for algorithm_id, each in ran.items()}

    def _new(self, stats: EngineStats) -> Mapping[int, Counts]:
        """What each algorithm did since the last tick; a lane that is new starts at nothing."""
        new: dict[int, Counts] = defaultdict(Counts)
        self._waiting = defaultdict(int)
        for key, lane in stats.lanes.items():
            algorithm_id, counts = _algorithm_of(key), _counts(lane)
            new[algorithm_id] += counts - self._lanes.get(key, NOTHING)
            self._lanes[key] = counts
            self._waiting[algorithm_id] += lane.queue_rows
        self._lanes = {key: self._lanes[key] for key in stats.lanes}
        return new

    def _latency(self, endpoint: Endpoint, new: Mapping[int, Counts]) -> Latency | None:
        """Of those that ran in the last second."""
        ran = [each.id for each in endpoint.algorithms if new[each.id].predictions]
        return slower((new[each].predictions, self._algorithms[each].latency) for each in ran)

    def _forget(self, registered: Registered) -> None:
        for gone in self._algorithms.keys() - registered.served.keys():
            del self._algorithms[gone]
        known = {endpoint.id for endpoint in registered.endpoints.values()}
        for gone in self._endpoints.keys() - known:
            del self._endpoints[gone]

    def _endpoint(
        self, endpoint: Endpoint, registered: Registered, *, history: bool
    ) -> dict[str, Any]:
        meter = self._endpoints[endpoint.id]
        algorithms = [
            self._algorithm(algorithm, registered.served) | {"aliases": _names(endpoint, algorithm)}
            for algorithm in endpoint.algorithms
        ]
        body = {
            "id": endpoint.id,
            "name": endpoint.name,
            **_figures(meter),
            "queue_rows": sum(self._waiting.get(each.id, 0) for each in endpoint.algorithms),
            "algorithms": algorithms,
            "experiment": endpoint.experiment.id if endpoint.experiment else None,
            "tick": meter.newest and meter.newest._asdict(),
        }
        return body | {"history": meter.curves()} if history else body

    def _algorithm(self, algorithm: Algorithm, served: Mapping[int, Served]) -> dict[str, Any]:
        one = served.get(algorithm.id)
        return {
            "id": algorithm.id,
            "name": algorithm.name,
            "version": algorithm.version,
            "status": algorithm.status,
            "runtime": _runtime(one),
            "failure": (one.failure if one else "") or self._failures.get(algorithm.id, ""),
            **_figures(self._algorithms[algorithm.id]),
        }


def _names(endpoint: Endpoint, algorithm: Algorithm) -> list[str]:
    """Its aliases."""
    return sorted(name for name, named in endpoint.aliases.items() if named == algorithm.id)


def _workers(beats: Mapping[str, Beat] | None) -> list[dict[str, Any]] | None:
    """None where this process computes itself."""
    return None if beats is None else [worker(*each) for each in sorted(beats.items())]


def worker(name: str, beat: Beat) -> dict[str, Any]:
    """A worker as the screen, REST and the command line show it."""
    return {
        "name": name,
        "host": beat.host,
        "pid": beat.pid,
        "rss_mb": beat.rss_mb,
        "rate": beat.rate,
        "queue_rows": sum(lane.queue_rows for lane in beat.lanes.values()),
        "models": len(beat.lanes),
        "failures": {str(model): why for model, why in beat.failures.items()},
        "shard": beat.shard,
        "given_up": beat.dead,
        "draining": beat.draining,
        "healthy": beat.healthy,
    }


def _figures(meter: Meter) -> dict[str, Any]:
    latency = meter.latency
    return {
        "predictions": meter.total.predictions,
        "errors": meter.total.errors,
        "refused": meter.total.refused,
        "rate": meter.rate,
        "batch_rows": meter.rows_a_batch,
        "latency_ms": latency
        and {name: 1000 * seconds for name, seconds in latency._asdict().items()},
    }


def _counts(lane: LaneStats) -> Counts:
    """Jobs that came too late or found no room are both refused, as their callers see it."""
    return Counts(lane.predictions, lane.batches, lane.errors, lane.refused + lane.expired)


def _algorithm_of(key: Hashable) -> int:
    return int(getattr(key, "algorithm_id", -1))


def _runtime(served: Served | None) -> str:
    """How its model is stored; empty where it could not be loaded."""
    return str(getattr(served.model, "kind", "")) if served else ""


def resident_megabytes() -> float:
    """What this process holds in memory now; at its highest where only that can be asked."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    return round(pages * resource.getpagesize() / 2**20, 1)
