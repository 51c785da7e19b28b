"""How Prometheus is told a name, its meaning and its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

from inference.core.histogram import Histogram

Values = Sequence[str]
Labels = TypeVar("Labels", bound=Values)


def counter(
    name: str, meaning: str, labels: Values, values: Iterable[tuple[Values, float]]
) -> Metric:
    return _filled(CounterMetricFamily(name, meaning, labels=labels), values)


def gauge(
    name: str, meaning: str, labels: Values, values: Iterable[tuple[Values, float]]
) -> Metric:
    return _filled(GaugeMetricFamily(name, meaning, labels=labels), values)


def _filled(
    family: CounterMetricFamily | GaugeMetricFamily, values: Iterable[tuple[Values, float]]
) -> Metric:
    for each, value in values:
        family.add_metric(each, value)
    return family


def histogram(
    name: str, meaning: str, labels: Values, values: Mapping[Labels, Histogram]
) -> Metric:
    family = HistogramMetricFamily(name, meaning, labels=labels)
    for each, histogram in values.items():
        buckets = [(_bound(bound), n) for bound, n in histogram.cumulative()]
        family.add_metric(each, buckets, histogram.total)
    return family


def _bound(value: float) -> str:
    return str(floatToGoString(value))  # type: ignore[no-untyped-call]  # theirs
