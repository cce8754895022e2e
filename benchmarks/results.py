"""What a run found: everything measured, medians over repetitions, and how far repetitions lay apart."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from benchmarks.lookup import LookupRow
from benchmarks.measure import Measurement, Visit
from benchmarks.process import Cost
from benchmarks.scenarios import Kill, Swap


@dataclass(frozen=True, slots=True)
class Results:
    """A whole run. What was not asked for is empty or None."""

    facts: dict[str, str]
    settings: dict[str, str]
    visits: tuple[Visit, ...]
    lookups: tuple[LookupRow, ...]
    compile: Cost | None
    swap: Swap | None
    kill: Kill | None
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Row:
    """One server at one workload: medians over repetitions, losses summed. The CPU time that servers are compared by is
    that under the saturating load; `spread` is its (highest - lowest) / median."""

    server: str
    cpu: float
    spread: float
    queries_per_second: float
    dnsperf_cpu: float
    dnsperf_queries_per_second: float
    lost: int
    failed: int
    mean_latency: float
    p99_latency: float


def servers(results: Results) -> list[str]:
    """The servers measured, in the order of their first visit."""
    return list(dict.fromkeys(visit.server for visit in results.visits))


def row(results: Results, server: str, workload: str) -> Row | None:
    """Medians of a server at a workload, or None when it wasn't measured; losses are summed."""
    found = [
        measurement
        for visit in results.visits
        if visit.server == server
        for measurement in visit.measurements
        if measurement.workload == workload
    ]
    return _summarise(server, found) if found else None


def _summarise(server: str, found: list[Measurement]) -> Row:
    cpu = [each.saturated_cpu_microseconds for each in found]
    return Row(
        server=server,
        cpu=median(cpu),
        spread=(max(cpu) - min(cpu)) / median(cpu),
        queries_per_second=median(each.saturated_queries_per_second for each in found),
        dnsperf_cpu=median(each.cpu_microseconds for each in found),
        dnsperf_queries_per_second=median(each.queries_per_second for each in found),
        lost=sum(each.lost for each in found),
        failed=sum(each.failed for each in found),
        mean_latency=median(each.mean_latency for each in found),
        p99_latency=median(each.p99_latency for each in found),
    )


def visits_to(results: Results, server: str) -> list[Visit]:
    """All repetitions of a server."""
    return [visit for visit in results.visits if visit.server == server]


def floor_row(results: Results, workload: str) -> Row | None:
    """The floor for a workload: its own where it was measured, else that of cached names; a miss has none."""
    if workload == "miss":
        return None
    return row(results, "floor", workload) or row(results, "floor", "cached")


def best_peer(results: Results, workload: str, cpu: Callable[[Row], float]) -> Row | None:
    """The peer with the lowest CPU time per query at a workload."""
    names = [name for name in servers(results) if name not in ("floor", "safedns")]
    rows = [found for name in names if (found := row(results, name, workload))]
    return min(rows, key=cpu, default=None)


def saturated(found: Row) -> float:
    """CPU microseconds per query under the saturating load."""
    return found.cpu


def under_dnsperf(found: Row) -> float:
    """CPU microseconds per query under dnsperf."""
    return found.dnsperf_cpu
