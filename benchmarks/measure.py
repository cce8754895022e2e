"""One server, one repetition: start, check, warm, then each workload at full load and at a fixed rate."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from benchmarks.dnsperf import run_latency, run_load
from benchmarks.names import Lists
from benchmarks.probe import NotWorkingError, check_work, first_answer
from benchmarks.process import SERVER_CORE, cpu_seconds, pss_bytes, running, tree
from benchmarks.server import ADDRESS, SERVER_PORT, Server, Site
from benchmarks.workloads import QUERIES_PER_SECOND, WORKLOADS, QueryFiles, Workloads

FLOOR_WORKLOADS = ("cached", "blocked")
"""The kernel floor doesn't look at names; two workloads show how far its numbers spread."""

WARM_SECONDS = 10.0
SETTLE_SECONDS = 0.2
"""After full load: what the server still has queued must not delay the first queries of the latency measurement."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One server at one workload in one repetition. Latencies in seconds."""

    workload: str
    queries_per_second: float
    cpu_microseconds: float
    lost: int
    failed: int
    mean_latency: float
    p99_latency: float


@dataclass(frozen=True, slots=True)
class Visit:
    """One server in one repetition: seconds to its first answer, bytes that all its processes and that its worker hold
    when warm, and its workloads."""

    server: str
    first_answer: float
    pss: int
    worker_pss: int
    measurements: tuple[Measurement, ...]


@dataclass(frozen=True, slots=True)
class Started:
    """A server that answers."""

    process: subprocess.Popen[bytes]
    first_answer: float


@contextmanager
def started(server: Server, site: Site, lists: Lists) -> Iterator[Started]:
    """Configure and start a server on its core, and wait for its first right answer."""
    site.directory.mkdir(parents=True, exist_ok=True)
    command = server.command(site)
    begin = time.monotonic()
    with running(command, SERVER_CORE, site.directory / "output.log") as process:
        yield Started(process, first_answer(server, process, lists.blocked, begin))


def visit(server: Server, site: Site, lists: Lists, workloads: Workloads, files: QueryFiles, seconds: float) -> Visit:
    """Measure one server once."""
    with started(server, site, lists) as running_server:
        check_work(server, lists, workloads.warm)
        run_load(ADDRESS, SERVER_PORT, files.warm, WARM_SECONDS, once=True)
        root = running_server.process.pid
        pss, worker_pss = sum(map(pss_bytes, tree(root))), pss_bytes(busiest(root))
        names = WORKLOADS if server.filters else FLOOR_WORKLOADS
        measurements = tuple(measure(name, root, files, seconds) for name in names)
    return Visit(server.name, running_server.first_answer, pss, worker_pss, measurements)


def measure(workload: str, root: int, files: QueryFiles, seconds: float) -> Measurement:
    """Put one workload on a server: full load for throughput and CPU time, then a fixed rate for latency."""
    once = workload in QUERIES_PER_SECOND
    before = cpu_seconds(tree(root))
    load = run_load(ADDRESS, SERVER_PORT, files.load[workload], seconds, once=once)
    spent = cpu_seconds(tree(root)) - before
    if not load.answered:
        raise NotWorkingError(f"{workload}: no query was answered, {load.lost} were lost")
    time.sleep(SETTLE_SECONDS)
    latency = run_latency(ADDRESS, SERVER_PORT, files.latency[workload], seconds)
    return Measurement(
        workload,
        load.queries_per_second,
        spent * 1e6 / load.answered,
        load.lost + latency.lost,
        load.failed,
        latency.mean,
        latency.p99,
    )


def busiest(root: int) -> int:
    """The process that answers: the one with the most CPU time, the worker where there are workers."""
    return max(tree(root), key=lambda pid: cpu_seconds([pid]))
