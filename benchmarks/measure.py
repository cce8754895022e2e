"""One server, one repetition: start, check, warm, then each workload at full load and at a fixed rate."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.dnsperf import Load, run_latency, run_load
from benchmarks.flood import run_flood
from benchmarks.names import Lists
from benchmarks.probe import NotWorkingError, check_work, first_answer
from benchmarks.process import SERVER_CORE, cpu_seconds, pss_bytes, running, tree
from benchmarks.server import ADDRESS, SERVER_PORT, Server, Site
from benchmarks.workloads import LATENCY_SECONDS, QUERIES_PER_SECOND, WORKLOADS, QueryFiles, Workloads

FLOOR_WORKLOADS = ("cached", "blocked")
"""The kernel floor doesn't look at names; two workloads show how far its numbers spread."""

WARM_SECONDS = 10.0
SETTLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Measurement:
    """One server at one workload in one repetition: under dnsperf at full load, under the saturating load, and at a
    fixed rate. CPU time per answered query in microseconds, latencies in seconds, losses of all three together."""

    workload: str
    queries_per_second: float
    cpu_microseconds: float
    saturated_queries_per_second: float
    saturated_cpu_microseconds: float
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


@dataclass(frozen=True, slots=True)
class Bench:
    """What each visit of a repetition needs."""

    lists: Lists
    workloads: Workloads
    files: QueryFiles
    flood: Path
    seconds: float

    def visit(self, server: Server, site: Site) -> Visit:
        """Measure one server once."""
        with started(server, site, self.lists) as running_server:
            check_work(server, self.lists, self.workloads.warm)
            run_load(ADDRESS, SERVER_PORT, self.files.warm, WARM_SECONDS, once=True)
            root = running_server.process.pid
            pss, worker_pss = sum(map(pss_bytes, tree(root))), pss_bytes(busiest(root))
            names = WORKLOADS if server.filters else FLOOR_WORKLOADS
            measurements = tuple(self.measure(name, root) for name in names)
        return Visit(server.name, running_server.first_answer, pss, worker_pss, measurements)

    def measure(self, workload: str, root: int) -> Measurement:
        """Put one workload on a server whose first process is `root`."""
        once = workload in QUERIES_PER_SECOND
        load, cpu = with_cpu(
            root, lambda: run_load(ADDRESS, SERVER_PORT, self.files.load[workload], self.seconds, once=once)
        )
        flood, saturated_cpu = with_cpu(
            root, lambda: run_flood(self.flood, self.files.flood[workload], self.seconds, once=once)
        )
        latency = run_latency(ADDRESS, SERVER_PORT, self.files.latency[workload], LATENCY_SECONDS)
        return Measurement(
            workload,
            load.queries_per_second,
            cpu,
            flood.queries_per_second,
            saturated_cpu,
            load.lost + flood.lost + latency.lost,
            load.failed + flood.failed,
            latency.mean,
            latency.p99,
        )


def with_cpu(root: int, run: Callable[[], Load]) -> tuple[Load, float]:
    """Run a load and return with it the CPU microseconds that the server spent per answered query."""
    before = cpu_seconds(tree(root))
    load = run()
    # What the server still has queued belongs to this load, and must not delay the next one.
    time.sleep(SETTLE_SECONDS)
    if not load.answered:
        raise NotWorkingError(f"no query was answered, {load.lost} were lost")
    return load, (cpu_seconds(tree(root)) - before) * 1e6 / load.answered


def busiest(root: int) -> int:
    """The process that answers: the one with the most CPU time, the worker where there are workers."""
    return max(tree(root), key=lambda pid: cpu_seconds([pid]))
