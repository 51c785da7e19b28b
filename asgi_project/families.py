"""What /metrics says: each name with its meaning, filled with the numbers of this process."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeVar

from prometheus_client.metrics_core import Metric

from asgi_project import version
from asgi_project.drifts import drifts
from asgi_project.exposition import Values, counter, gauge, histogram
from asgi_project.figures import Figures
from inference import calls
from inference.core.census import Asked
from inference.core.histogram import Histogram
from inference.engine.base import EngineStats
from inference.models import Arm
from inference.readouts import Measured
from inference.registry import Snapshot
from inference.services.overview import Watched
from inference.shadowing import Mirrored

_OF_REQUESTS: Final = ("model", "version", "variant", "transport", "outcome")
_OF_MODELS: Final = ("model", "version", "variant")
_OF_ARMS: Final = ("experiment", "arm", "variant", "version")
_SAME: Final = "From the database, the same in each process: max(), never sum()."
_NOBODY: Final = ("", "", "")

Labels = TypeVar("Labels", bound=Values)


class Who(NamedTuple):
    """An algorithm by its labels."""

    model: str
    version: str
    variant: str


@dataclass(frozen=True, slots=True)
class Now:
    """What a scrape has found, taken on the event loop; `sockets` is None where there are none."""

    role: str
    ready: bool
    snapshot: Snapshot
    stats: EngineStats
    sockets: int | None = None
    tests: Sequence[Measured] | None = None
    tests_age: float | None = None
    mirrored: Mirrored | None = None
    watched: Sequence[Watched] | None = None


def families(now: Now, figures: Figures) -> Iterator[Metric]:
    """Everything but what the operating system says of the process."""
    names = _names(now.snapshot)
    yield gauge("serve_info", "Which release this is, and in which role.", ("version", "role"),
                 [((version(), now.role), 1.0)])  # fmt: skip
    yield gauge("serve_ready", "1 if this process should get traffic.", (), [((), now.ready)])
    yield from _requests([each for door in calls.DOORS for each in door.series()])
    yield from _batches(figures, names)
    yield from _queues(now.stats, names)
    yield from _log(now.stats, figures)
    if now.sockets is not None:
        yield gauge("serve_ws_clients", "WebSockets that are open.", (), [((), now.sockets)])
    if now.mirrored is not None:
        yield from _shadows(now.mirrored)
    if now.tests is not None:
        yield from _tests(now.tests, now.tests_age or 0.0)
    if now.watched is not None:
        yield from drifts(now.watched)


def _requests(series: Iterable[tuple[Asked, Histogram]]) -> Iterator[Metric]:
    merged = _merged(series)
    yield counter(
        "serve_requests",
        "Requests by who answered and how they ended: ok, partial, accepted, gone or a code.",
        _OF_REQUESTS,
        [(labels, seconds.count) for labels, seconds in merged.items()],
    )
    yield histogram(
        "serve_request_seconds",
        "From the moment a request is here as a whole until its answer can be sent.",
        _OF_REQUESTS,
        merged,
    )


def _batches(figures: Figures, names: Mapping[int, Who]) -> Iterator[Metric]:
    ran = [(names.get(each, Who(*_NOBODY)), its) for each, its in list(figures.batches.items())]
    rows, errors = Counter[Who](), Counter[Who]()
    for who, batches in ran:
        rows[who] += batches.rows
        errors[who] += batches.errors
    size = _merged((who, batches.size) for who, batches in ran)
    yield counter("serve_inferences", "Rows that a model ran on, here.", _OF_MODELS, rows.items())
    yield counter(
        "serve_inference_errors", "Those of them that failed.", _OF_MODELS, errors.items()
    )
    yield counter(
        "serve_batches",
        "Batches that a model ran on, here.",
        _OF_MODELS,
        [(who, sizes.count) for who, sizes in size.items()],
    )
    yield histogram("serve_batch_size", "Rows of a batch.", _OF_MODELS, size)
    yield histogram(
        "serve_queue_seconds",
        "Of each batch, how long its oldest request waited for the model.",
        _OF_MODELS,
        _merged((who, batches.queue) for who, batches in ran),
    )
    yield histogram(
        "serve_inference_seconds",
        "How long the model computed on a batch.",
        _OF_MODELS,
        _merged((who, batches.compute) for who, batches in ran),
    )


def _queues(stats: EngineStats, names: Mapping[int, Who]) -> Iterator[Metric]:
    waiting, under_way = Counter[Who](), Counter[Who]()
    for key, lane in stats.lanes.items():
        if stats.workers is None:  # else they are the workers' own to tell
            who = names.get(getattr(key, "algorithm_id", -1), Who(*_NOBODY))
            waiting[who] += lane.queue_rows
            under_way[who] += lane.queue_rows + lane.running_rows
    for algorithm_id, rows in stats.sent_rows.items():
        under_way[names.get(algorithm_id, Who(*_NOBODY))] += rows
    yield gauge(
        "serve_queue_depth", "Rows that wait for a model, here.", _OF_MODELS, waiting.items()
    )
    yield gauge(
        "serve_pending_rows",
        "Rows that this process took and has not answered, wherever they are computed.",
        _OF_MODELS,
        under_way.items(),
    )


def _log(stats: EngineStats, figures: Figures) -> Iterator[Metric]:
    if stats.log is None:
        return
    yield counter(
        "serve_log_rows", "Rows of the log that were committed.", (), [((), figures.rows_logged)]
    )
    yield counter(
        "serve_log_failures",
        "Requests whose rows could not be written.",
        (),
        [((), stats.log.failed)],
    )
    yield gauge("serve_log_waiting_rows", "Rows to be logged.", (), [((), stats.log.waiting_rows)])
    yield histogram("serve_log_seconds", "How long one commit took.", (), {(): figures.writes})


def _shadows(mirrored: Mirrored) -> Iterator[Metric]:
    yield counter("shadow_rows", "Rows that were put to challengers.", (), [((), mirrored.rows)])
    yield counter(
        "shadow_dropped",
        "Rows that were not, because there was no room, or got no answer.",
        (),
        [((), mirrored.shed)],
    )


def _tests(tests: Sequence[Measured], age: float) -> Iterator[Metric]:
    yield from _counted(tests)
    yield from _judged(tests)
    yield from _guarded(tests)
    yield gauge("ab_age_seconds", "Since the tests were read.", (), [((), age)])


def _counted(tests: Sequence[Measured]) -> Iterator[Metric]:
    arms = [(_arm(test, arm), counted.tally) for test in tests for arm, counted in test.arms]
    yield counter(
        "ab_exposures",
        f"Predictions of an arm. {_SAME}",
        _OF_ARMS,
        [(labels, tally.exposures) for labels, tally in arms],
    )
    yield counter(
        "ab_labels",
        f"Labels of an arm; one that is corrected moves, so this may fall. {_SAME}",
        (*_OF_ARMS, "correct"),
        [
            ((*labels, said), count)
            for labels, tally in arms
            for said, count in (("true", tally.correct), ("false", tally.wrong))
        ],
    )
    yield counter(
        "ab_discordant",
        f"Inputs that one of both scored higher, this arm or the control. {_SAME}",
        (*_OF_ARMS, "only"),
        [
            ((*labels, said), count)
            for labels, tally in arms
            for said, count in (("this", tally.ahead), ("control", tally.behind))
        ],
    )


def _judged(tests: Sequence[Measured]) -> Iterator[Metric]:
    yield gauge(
        "ab_score",
        f"What an arm is judged by: the mean over its labels. {_SAME}",
        (*_OF_ARMS, "metric"),
        _scores(tests),
    )
    yield gauge(
        "ab_log_evalue",
        f"Log of the evidence that an arm differs from the control, valid at any look. {_SAME}",
        _OF_ARMS,
        _evidence(tests),
    )
    yield gauge(
        "ab_srm_pvalue",
        f"Of the split being as it was meant, valid at any look. {_SAME}",
        ("experiment",),
        [((str(test.id),), test.verdict.health.split) for test in tests],
    )
    yield gauge(
        "ab_labels_pvalue",
        f"Of labels falling on the arms as units do, valid at any look. {_SAME}",
        ("experiment",),
        [((str(test.id),), test.verdict.health.labels) for test in tests],
    )


def _guarded(tests: Sequence[Measured]) -> Iterator[Metric]:
    yield gauge(
        "ab_guardrail_log_evalue",
        f"Log of the evidence that a canary's challenger does harm, valid at any look. {_SAME}",
        ("experiment", "guardrail"),
        [((str(test.id), each.name), each.log_e) for test in tests for each in test.readings],
    )
    yield gauge(
        "ab_guardrail_threshold",
        f"What that has to reach for the canary to be rolled back. {_SAME}",
        ("experiment", "guardrail"),
        [((str(test.id), each.name), each.threshold) for test in tests for each in test.readings],
    )


def _scores(tests: Sequence[Measured]) -> Iterator[tuple[Values, float]]:
    for test in tests:
        for arm, counted in test.arms:
            if (figure := test.measure.figure(counted.tally)) is not None:
                yield (*_arm(test, arm), test.measure.metric.value), figure


def _evidence(tests: Sequence[Measured]) -> Iterator[tuple[Values, float]]:
    for test in tests:
        for challenger, evidence, _ in test.verdict.comparisons:
            if evidence is not None:
                yield _arm(test, test.arms[challenger][0]), evidence.log_e


def _arm(test: Measured, arm: Arm) -> Values:
    return str(test.id), str(arm.position), arm.algorithm.name, arm.algorithm.version


def _names(snapshot: Snapshot) -> dict[int, Who]:
    return {
        algorithm.id: Who(endpoint.name, algorithm.version, algorithm.name)
        for endpoint in snapshot.endpoints.values()
        for algorithm in endpoint.algorithms
    }


def _merged(series: Iterable[tuple[Labels, Histogram]]) -> dict[Labels, Histogram]:
    """Those with the same labels are one: two algorithms may have one name and version."""
    sums: dict[Labels, Histogram] = {}
    for labels, one in series:
        sums.setdefault(labels, Histogram(one.bounds)).add(one)
    return sums
