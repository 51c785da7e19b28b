"""What is served, as clients of the Open Inference Protocol know it: models and their versions.

A model is an endpoint. Without a version whoever would answer a prediction answers, an arm of a
running test too. A version names an algorithm of that version: the one in production or in the test
if there is one, else the only one there is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, Final, Protocol

from inference.core.errors import Ambiguous, NotServed
from inference.core.lifecycle import ANSWERING
from inference.core.routing import Algorithm, Endpoint, Wanted
from inference.core.signature import Signature, Spec
from inference.core.tickets import Served
from inference.engine.base import Engine, EngineStats, LaneStats
from inference.registry import Snapshot

READY: Final = "READY"
UNAVAILABLE: Final = "UNAVAILABLE"
NANOSECONDS: Final = 1e9
_NOT_LOADED: Final = "The model is not loaded."


class Registry(Protocol):
    """Compares what is served with what should be."""

    async def look(self) -> object: ...


class Deployment(Protocol):
    """This process, and what it serves; `ailing` says why it should get no traffic."""

    @property
    def snapshot(self) -> Snapshot: ...
    @property
    def ailing(self) -> str: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def registry(self) -> Registry: ...


def endpoint(snapshot: Snapshot, name: str) -> Endpoint:
    """Raises NotServed."""
    found = snapshot.endpoints.get(name)
    if found is None:
        raise NotServed(f"There is no model {name[:64]!r}.")
    return found


def wanted(of: Endpoint, version: str) -> Wanted:
    """Whom a version means; raises NotServed or Ambiguous."""
    if not version:
        return Wanted()
    found = [each for each in of.algorithms if each.version == version]
    if not found:
        raise NotServed(f"The model {of.name!r} has no version {version[:64]!r}.")
    if any(each.status in ANSWERING for each in found):
        return Wanted(version=version)
    if len(found) > 1:
        raise Ambiguous(f"{len(found)} algorithms have the version {version!r}, none in use.")
    return Wanted(algorithm=found[0].id)


def candidates(of: Endpoint, who: Wanted) -> Sequence[Algorithm]:
    """Who may answer; nobody while nothing is in production."""
    if who.algorithm is not None:
        return [each for each in of.algorithms if each.id == who.algorithm]
    answering = [each for each in of.algorithms if each.status in ANSWERING]
    return [each for each in answering if who.version in (None, each.version)]


def signatures(snapshot: Snapshot, algorithms: Iterable[Algorithm]) -> Sequence[Signature]:
    found = [snapshot.served.get(each.id) for each in algorithms]
    return [served.reader.signature for served in found if served is not None]


def metadata(snapshot: Snapshot, name: str, version: str) -> Mapping[str, object]:
    """Raises NotServed; of a model that nobody answers for, what its first algorithm says."""
    of = endpoint(snapshot, name)
    algorithms = candidates(of, wanted(of, version)) or of.algorithms
    served = next((s for each in algorithms if (s := snapshot.served.get(each.id))), None)
    if served is None:
        raise NotServed(f"The model {name!r} has no algorithms.")
    signature = served.reader.signature
    return {
        "name": name,
        "versions": _versions(of),
        "platform": _platform(served),
        "inputs": [_spec(spec) for spec in signature.inputs],
        "outputs": [_spec(spec) for spec in signature.outputs],
    }


def unready(deployment: Deployment, name: str, version: str) -> str:
    """Why a prediction would not be answered, or empty; raises NotServed."""
    snapshot = deployment.snapshot
    of = endpoint(snapshot, name)
    algorithms = candidates(of, wanted(of, version))
    if not algorithms:
        return "No algorithm is in production."
    reasons = (deployment.ailing, *_reasons(snapshot, deployment.engine.stats(), algorithms))
    return next(filter(None, reasons), "")


def index(deployment: Deployment, *, only_ready: bool) -> Sequence[Mapping[str, object]]:
    """Each version of each model, once."""
    snapshot, stats = deployment.snapshot, deployment.engine.stats()
    found = [
        _indexed(name, version, _reasons(snapshot, stats, algorithms))
        for name, of in snapshot.endpoints.items()
        for version, algorithms in _by_version(of).items()
    ]
    return [each for each in found if each["state"] == READY or not only_ready]


def statistics(deployment: Deployment, name: str = "", version: str = "") -> Mapping[str, object]:
    """Of one model or of all; raises NotServed."""
    snapshot = deployment.snapshot
    chosen = [endpoint(snapshot, name)] if name else list(snapshot.endpoints.values())
    if version:
        wanted(chosen[0], version)
    lanes: dict[int, list[LaneStats]] = defaultdict(list)
    for key, lane in deployment.engine.stats().lanes.items():
        lanes[_algorithm_of(key)].append(lane)
    return {
        "model_stats": [
            _counted(of.name, each, [lane for one in algorithms for lane in lanes[one.id]])
            for of in chosen
            for each, algorithms in _by_version(of).items()
            if version in ("", each)
        ]
    }


def _counted(name: str, version: str, lanes: Sequence[LaneStats]) -> Mapping[str, object]:
    jobs, batches = sum(lane.jobs for lane in lanes), sum(lane.batches for lane in lanes)
    return {
        "name": name,
        "version": version,
        "inference_count": sum(lane.predictions for lane in lanes),
        "execution_count": batches,
        "inference_stats": {
            "success": _spent(jobs, sum(lane.answer_seconds for lane in lanes)),
            "fail": _spent(sum(lane.refused + lane.expired for lane in lanes), 0.0),
            "queue": _spent(jobs, sum(lane.queue_seconds for lane in lanes)),
            "compute_input": _spent(0, 0.0),
            "compute_infer": _spent(batches, sum(lane.compute_seconds for lane in lanes)),
            "compute_output": _spent(0, 0.0),
            "cache_hit": _spent(0, 0.0),
            "cache_miss": _spent(0, 0.0),
        },
        "batch_stats": [],
    }


def _spent(count: int, seconds: float) -> Mapping[str, int]:
    return {"count": count, "ns": round(seconds * NANOSECONDS)}


def _reasons(
    snapshot: Snapshot, stats: EngineStats, algorithms: Iterable[Algorithm]
) -> Sequence[str]:
    """Why each of them would not answer; empty for those that would."""
    return [_reason(snapshot.served.get(each.id), stats, each.id) for each in algorithms]


def _reason(served: Served | None, stats: EngineStats, algorithm: int) -> str:
    if served is None or served.model is None:
        return (served.failure if served else "") or _NOT_LOADED
    if stats.workers is None or any(algorithm in beat.serves for beat in stats.workers.values()):
        return ""
    return stats.failures.get(algorithm) or "No worker has loaded this model."


def _indexed(name: str, version: str, reasons: Sequence[str]) -> Mapping[str, object]:
    state = UNAVAILABLE if all(reasons) else READY
    reason = reasons[0] if all(reasons) else ""
    return {"name": name, "version": version, "state": state, "reason": reason}


def _by_version(of: Endpoint) -> Mapping[str, Sequence[Algorithm]]:
    found: dict[str, list[Algorithm]] = defaultdict(list)
    for each in of.algorithms:
        found[each.version].append(each)
    return found


def _versions(of: Endpoint) -> Sequence[str]:
    return list(_by_version(of))


def _platform(served: Served) -> str:
    return f"weir_{getattr(served.model, 'kind', '')}".rstrip("_")


def _spec(spec: Spec) -> Mapping[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _algorithm_of(key: Hashable) -> int:
    return int(getattr(key, "algorithm_id", -1))
