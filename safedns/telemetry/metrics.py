"""Metrics for Prometheus, read from the counters that resolver workers keep in shared memory.

Counters say how much, never who or what: no names, no addresses. Labels and numbers of the native counters are the
native module's own description; this module knows only how a metric is told from its name.
"""

from __future__ import annotations

import math
import platform
import re
import time
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from safedns import _native
from safedns.blocklist.categories import BY_NUMBER
from safedns.light import skip_package_code

# It imports HTTP servers and clients: 2 MB of memory.
skip_package_code("prometheus_client")

from prometheus_client.metrics_core import (  # noqa: E402
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.process_collector import ProcessCollector  # noqa: E402
from prometheus_client.registry import Collector, CollectorRegistry  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from mmap import mmap

    from prometheus_client.metrics_core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
"""Media type of what `render` returns."""

NANOSECONDS: Final = 1e9

HELP: Final = {
    "safedns_queries_total": "Queries received, by protocol and type.",
    "safedns_answers_total": "Answers sent, by response code.",
    "safedns_blocked_total": "Queries answered as blocked, by category.",
    "safedns_cache_hits_total": "Queries answered from the cache.",
    "safedns_cache_stale_answers_total": "Queries answered from the cache after the answer's time to live.",
    "safedns_cache_misses_total": "Queries that the cache had no answer for.",
    "safedns_cache_entries": "Answers in the caches of all workers.",
    "safedns_cache_size_bytes": "Size of the caches of all workers.",
    "safedns_dropped_packets_total": "Packets that got no answer, by reason.",
    "safedns_coalesced_queries_total": "Queries that waited for an answer that another had asked for.",
    "safedns_outstanding_questions": "Questions that wait for an upstream resolver.",
    "safedns_upstream_queries_total": "Questions sent to upstream resolvers, repetitions included.",
    "safedns_upstream_failures_total": "Questions that an upstream resolver did not answer usably, by reason.",
    "safedns_upstream_mismatches_total": "Messages that claimed to be an upstream's answer and were not.",
    "safedns_upstream_streams_total": "Questions asked of an upstream resolver over TCP.",
    "safedns_overload_total": "Queries refused because too many were waiting.",
    "safedns_engine_faults_total": "Queries lost to a fault in the engine; each is a bug.",
    "safedns_answer_latency_seconds": "Time from reading a query to sending its answer.",
    "safedns_upstream_round_trip_seconds": "Time until an upstream resolver answered.",
}
"""What a native metric means, by its name; one that is missing here is described by its name."""

_LABEL: Final = re.compile(r'(\w+)="([^"\\]*)"')


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What the metrics tell of the list that is in use.

    Attributes:
        serial: its version.
        entries: entries after subsumption.
        names: distinct names that were compiled in.
        modified: when its content was written, in seconds since 1970.
    """

    serial: int
    entries: int
    names: int
    modified: float


class Metrics:
    """Everything that Prometheus may read. One per process that serves it."""

    def __init__(self, counters: mmap) -> None:
        """Describe the workers' counters.

        Args:
            counters: slots of `_native.COUNTERS` native 64-bit numbers, one slot per worker.
        """
        self.list: ListFacts | None = None
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Collected(lambda: native_families(sum_workers(counters))))
        self._registry.register(_Collected(lambda: own_families(self.list, time.time())))
        ProcessCollector(namespace="safedns_web", registry=self._registry)

    def render(self) -> bytes:
        """Write all metrics in Prometheus' text format, version 0.0.4."""
        # Imported at the first scrape: it brings the HTTP servers after all, and many homes are never scraped.
        from prometheus_client.exposition import generate_latest

        return generate_latest(self._registry)


@dataclass(frozen=True, slots=True)
class _Collected(Collector):
    """What a function gives, as prometheus-client asks for it."""

    families: Callable[[], Iterable[Metric]]

    def collect(self) -> Iterable[Metric]:
        """Give the metrics as they are now."""
        return self.families()


def sum_workers(counters: mmap) -> list[int]:
    """Add up the workers' slots, counter by counter."""
    with memoryview(counters) as raw, raw.cast("Q") as numbers:
        return [sum(numbers[index :: _native.COUNTERS]) for index in range(_native.COUNTERS)]


def native_families(values: Sequence[int]) -> Iterator[Metric]:
    """Turn counters, in the order of `_native.counter_layout`, into metrics."""
    families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
    for metric, notation, index, length in _native.counter_layout():
        if length > 1:
            yield _histogram(metric, values[index : index + length])
            continue
        labels = dict(_LABEL.findall(notation))
        if not _name_category(labels) and not values[index]:
            continue
        if metric not in families:
            family = CounterMetricFamily if metric.endswith("_total") else GaugeMetricFamily
            families[metric] = family(metric, _help(metric), labels=list(labels))
        families[metric].add_metric(list(labels.values()), values[index])
    yield from families.values()


def own_families(facts: ListFacts | None, now: float) -> Iterator[Metric]:
    """What this process knows: the build, and the list that is in use."""
    build = GaugeMetricFamily("safedns_build_info", "The running program; always 1.", labels=["list_format", "python"])
    build.add_metric([str(_native.FORMAT_VERSION), platform.python_version()], 1)
    yield build
    yield GaugeMetricFamily("safedns_list_loaded", "Whether there is a list.", value=float(facts is not None))
    if facts is None:
        return
    yield GaugeMetricFamily("safedns_list_serial", "Version of the list in use.", value=facts.serial)
    yield GaugeMetricFamily("safedns_list_entries", "Entries of the list in use.", value=facts.entries)
    yield GaugeMetricFamily("safedns_list_names", "Names that the list in use was compiled from.", value=facts.names)
    yield GaugeMetricFamily(
        "safedns_list_modified_timestamp_seconds", "When the list in use was written.", value=facts.modified
    )
    yield GaugeMetricFamily(
        "safedns_list_age_seconds", "How long ago the list in use was written.", value=max(0.0, now - facts.modified)
    )


def _histogram(metric: str, values: Sequence[int]) -> HistogramMetricFamily:
    """A histogram from the counts of its buckets and, last, the sum in nanoseconds."""
    *counts, total = values
    bounds = ("+Inf" if bound == math.inf else f"{bound:g}" for bound in _native.histogram_bounds(metric))
    buckets = list(zip(bounds, accumulate(counts), strict=True))
    return HistogramMetricFamily(metric, _help(metric), buckets=buckets, sum_value=total / NANOSECONDS)


def _name_category(labels: dict[str, str]) -> bool:
    """Put a category's id in the place of its number; False if no category has the number."""
    number = labels.get("category")
    if number is None:
        return True
    category = BY_NUMBER.get(int(number))
    labels["category"] = category.id if category else number
    return category is not None


def _help(metric: str) -> str:
    return HELP.get(metric, metric.replace("_", " "))
