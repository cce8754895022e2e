"""The numbers that SafeDNS must reach, and whether a run met them."""

from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median

from benchmarks.lookup import LookupRow
from benchmarks.measure import Visit
from benchmarks.process import Cost
from benchmarks.results import Results, best_peer, floor_row, row, saturated, under_dnsperf, visits_to
from benchmarks.scenarios import Kill, Swap
from benchmarks.workloads import WORKLOADS

MEGABYTE = 1e6

FLOOR_RATIO = 1.25
PEER_RATIO = 0.65
MEMORY = 48 * MEGABYTE
WORKER_MEMORY = 24 * MEGABYTE
FIRST_ANSWER_SECONDS = 0.3
BYTES_PER_NAME = 8.0
LOOKUP_NANOSECONDS = 300.0
LOOKUP_GROWTH = 1.15
COMPILE_SECONDS = 5.0
COMPILE_MEMORY = 300 * MEGABYTE
SWAP_LATENCY_RATIO = 1.2
SWAP_MEMORY_RATIO = 1.1
KILL_LOST = 64
"""One batch: the queries that a worker has read from its socket and not yet answered."""
KILL_SILENCE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Finding:
    """A number, the limit it must not exceed, and the unit of both."""

    name: str
    measured: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Whether the target was reached."""
        return self.measured <= self.limit


def judge_run(results: Results) -> list[Finding]:
    """Every target that the run has numbers for."""
    findings = list(_cpu(results))
    if visits := visits_to(results, "safedns"):
        findings += _server(visits)
    findings += _lookups({found.names: found for found in results.lookups})
    if results.compile:
        findings += _compile(results.compile)
    if results.swap:
        findings += _swap(results.swap)
    if results.kill:
        findings += _kill(results.kill)
    return findings


def _cpu(results: Results) -> Iterator[Finding]:
    for workload in WORKLOADS:
        for cpu, load in ((saturated, "saturated"), (under_dnsperf, "dnsperf")):
            ours, floor = row(results, "safedns", workload), floor_row(results, workload)
            peer = best_peer(results, workload, cpu)
            if ours and floor:
                yield Finding(f"{workload}, {load}: CPU / kernel floor", cpu(ours) / cpu(floor), FLOOR_RATIO, "×")
            if ours and peer:
                name = f"{workload}, {load}: CPU / best peer ({peer.server})"
                yield Finding(name, cpu(ours) / cpu(peer), PEER_RATIO, "×")


def _server(visits: list[Visit]) -> Iterator[Finding]:
    pss, worker = median(visit.pss for visit in visits), median(visit.worker_pss for visit in visits)
    first = median(visit.first_answer for visit in visits)
    yield Finding("memory, all processes", pss / MEGABYTE, MEMORY / MEGABYTE, "MB")
    yield Finding("memory, one worker", worker / MEGABYTE, WORKER_MEMORY / MEGABYTE, "MB")
    yield Finding("start to first answer", first, FIRST_ANSWER_SECONDS, "s")


def _lookups(rows: dict[int, LookupRow]) -> Iterator[Finding]:
    reference, large = rows.get(1_000_000), rows.get(5_000_000)
    if reference:
        slower = max(reference.listed_nanoseconds, reference.unlisted_nanoseconds)
        yield Finding("file, 1 M names", reference.size / reference.names, BYTES_PER_NAME, "bytes/name")
        yield Finding("look-up, 1 M names", slower, LOOKUP_NANOSECONDS, "ns")
    if reference and large:
        growth = max(
            large.listed_nanoseconds / reference.listed_nanoseconds,
            large.unlisted_nanoseconds / reference.unlisted_nanoseconds,
        )
        yield Finding("look-up, 5 M names / 1 M names", growth, LOOKUP_GROWTH, "×")


def _compile(cost: Cost) -> Iterator[Finding]:
    yield Finding("compile", cost.seconds, COMPILE_SECONDS, "s")
    yield Finding("compile, peak memory", cost.peak_bytes / MEGABYTE, COMPILE_MEMORY / MEGABYTE, "MB")


def _swap(swap: Swap) -> Iterator[Finding]:
    yield Finding("swap under 50 k/s: queries lost", swap.lost, 0, "")
    yield Finding("swap: p99 during / before", swap.p99_during / swap.p99_before, SWAP_LATENCY_RATIO, "×")
    yield Finding("swap: memory peak / before", swap.pss_peak / swap.pss_before, SWAP_MEMORY_RATIO, "×")


def _kill(kill: Kill) -> Iterator[Finding]:
    yield Finding("kill under 20 k/s: queries lost", kill.lost, KILL_LOST, "")
    yield Finding("kill: time to the next answer", kill.silence, KILL_SILENCE_SECONDS, "s")
