"""What a run found: everything measured, medians over repetitions, and how far repetitions lay apart."""

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
    """One server at one workload: medians over repetitions; `spread` is (highest - lowest) / median of CPU time."""

    server: str
    queries_per_second: float
    cpu_microseconds: float
    spread: float
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
    cpu = [measurement.cpu_microseconds for measurement in found]
    return Row(
        server=server,
        queries_per_second=median(measurement.queries_per_second for measurement in found),
        cpu_microseconds=median(cpu),
        spread=(max(cpu) - min(cpu)) / median(cpu),
        lost=sum(measurement.lost for measurement in found),
        failed=sum(measurement.failed for measurement in found),
        mean_latency=median(measurement.mean_latency for measurement in found),
        p99_latency=median(measurement.p99_latency for measurement in found),
    )


def visits_to(results: Results, server: str) -> list[Visit]:
    """All repetitions of a server."""
    return [visit for visit in results.visits if visit.server == server]


def floor_cpu(results: Results, workload: str) -> float | None:
    """The floor for a workload: its own where it was measured, else that of cached names; a miss has none."""
    if workload == "miss":
        return None
    found = row(results, "floor", workload) or row(results, "floor", "cached")
    return found.cpu_microseconds if found else None


def best_peer(results: Results, workload: str) -> Row | None:
    """The peer with the lowest CPU time per query at a workload."""
    names = [name for name in servers(results) if name not in ("floor", "safedns")]
    rows = [found for name in names if (found := row(results, name, workload))]
    return min(rows, key=lambda found: found.cpu_microseconds, default=None)
