"""The order of a run: lists, upstream, servers in interleaved repetitions, look-ups, scenarios."""

import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import native
from benchmarks.lookup import Compiled, LookupRow, build_lookup_bench, compile_list, measure_lookups
from benchmarks.measure import Bench, Visit
from benchmarks.names import SEED, Lists, load_lists, resize, write_lines
from benchmarks.peers import SAFEDNS
from benchmarks.probe import NotWorkingError
from benchmarks.results import Results
from benchmarks.scenarios import Kill, Swap, changed_list, run_kill, run_swap
from benchmarks.server import Server, Site
from benchmarks.tools import machine_facts
from benchmarks.upstream import upstream
from benchmarks.workloads import Workloads

EXTRAS = ("lookup", "swap", "kill")
FAILURES = (NotWorkingError, RuntimeError, TimeoutError, subprocess.SubprocessError)
RPZ_HEAD = "$TTL 300\n@ SOA localhost. admin. 1 3600 600 86400 60\n@ NS localhost.\n"


@dataclass(frozen=True, slots=True)
class Options:
    """What to run: servers and extras, repetitions, seconds of each load, sizes of the lists."""

    servers: tuple[Server, ...]
    extras: tuple[str, ...]
    repetitions: int
    seconds: float
    names: int
    lookup_sizes: tuple[int, ...]
    data: Path | None
    work: Path
    root: Path
    safedns: Path

    @property
    def needs_safedns(self) -> bool:
        """Whether SafeDNS itself is measured."""
        return SAFEDNS in self.servers or bool(self.extras)


class Suite:
    """One run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.skipped: list[str] = []
        self.work = options.work
        self.begin = time.monotonic()

    def run(self) -> Results:
        """Everything that was asked for, within the life of one upstream."""
        facts = machine_facts(self.options.root)
        self.work.mkdir(parents=True, exist_ok=True)
        self.say("lists")
        lists = load_lists(self.options.data, self.options.names)
        workloads = Workloads(lists, self.work / "queries")
        compiled = self._compile(lists, "list") if self.options.needs_safedns else None
        with upstream(self.work / "upstream"):
            visits = tuple(self._visits(lists, workloads, compiled))
            swap = self._swap(lists, workloads, compiled)
            kill = self._kill(lists, workloads, compiled)
        lookups = tuple(self._lookups(lists, compiled))
        settings = {
            "lists": lists.source,
            "names": f"{len(lists.blocked):,}",
            "repetitions": str(self.options.repetitions),
            "seconds per load": f"{self.options.seconds:g}",
            "took": f"{time.monotonic() - self.begin:.0f} s",
        }
        cost = compiled.cost if compiled else None
        return Results(facts, settings, visits, lookups, cost, swap, kill, tuple(self.skipped))

    def _visits(self, lists: Lists, workloads: Workloads, compiled: Compiled | None) -> Iterator[Visit]:
        if any(server.filters and server is not SAFEDNS for server in self.options.servers):
            write_rpz(lists, self.work / "block.rpz")
        write_lines(self.work / "block.txt", lists.blocked)
        failed: set[str] = set()
        for repetition in range(1, self.options.repetitions + 1):
            files = workloads.write(repetition, self.options.seconds)
            bench = Bench(lists, workloads, files, native.build_flood(self.work / "native"), self.options.seconds)
            for server in self.options.servers:
                if server.name in failed:
                    continue
                self.say(f"repetition {repetition}: {server.name}")
                try:
                    yield bench.visit(server, self._site(server.name, compiled))
                except FAILURES as error:
                    failed.add(server.name)
                    self.skip(f"{server.name}: {error}")

    def _site(self, name: str, compiled: Compiled | None) -> Site:
        directory = self.work / name.replace(" ", "-")
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        return Site(
            directory=directory,
            names=self.work / "block.txt",
            rpz=self.work / "block.rpz",
            compiled=compiled.path if compiled else directory / "none",
            safedns=self.options.safedns,
            floor_library=native.build_floor(self.work / "native"),
        )

    def _compile(self, lists: Lists, name: str) -> Compiled:
        self.say(f"compile {len(lists.blocked):,} names")
        return compile_list(self.options.safedns, lists.blocked, self.work / name)

    def _lookups(self, lists: Lists, compiled: Compiled | None) -> list[LookupRow]:
        rows: list[LookupRow] = []
        if "lookup" not in self.options.extras or compiled is None:
            return rows
        with self._tolerated("lookup"):
            build_lookup_bench()
            for size in self.options.lookup_sizes:
                names = resize(lists.blocked, size, random.Random(SEED))
                sized = replace(lists, blocked=names)
                of_size = compiled if size == compiled.names else self._compile(sized, f"list-{size}")
                self.say(f"look up in {size:,} names")
                rows.append(measure_lookups(of_size, sized, of_size.path.parent))
        return rows

    def _swap(self, lists: Lists, workloads: Workloads, compiled: Compiled | None) -> Swap | None:
        if "swap" not in self.options.extras:
            return None
        after, markers = changed_list(lists, workloads.warm)
        replaced = self._compile(after, "list-after-swap").path
        self.say("swap under load")
        with self._tolerated("swap"):
            load = native.build_load(self.work / "native")
            return run_swap(self._site("swap", compiled), lists, workloads.warm, replaced, markers, load)
        return None

    def _kill(self, lists: Lists, workloads: Workloads, compiled: Compiled | None) -> Kill | None:
        if "kill" not in self.options.extras:
            return None
        self.say("kill under load")
        with self._tolerated("kill"):
            load = native.build_load(self.work / "native")
            return run_kill(self._site("kill", compiled), lists, workloads.warm, load)
        return None

    @contextmanager
    def _tolerated(self, name: str) -> Iterator[None]:
        """One part that doesn't work is reported as left out; the others still count."""
        try:
            yield
        except FAILURES as error:
            self.skip(f"{name}: {error}")

    def skip(self, line: str) -> None:
        """Remember and say what was left out, and why."""
        self.skipped.append(line)
        self.say(f"LEFT OUT {line}")

    def say(self, line: str) -> None:
        """Progress, with the seconds since the start."""
        print(f"{time.monotonic() - self.begin:6.1f} s  {line}", file=sys.stderr, flush=True)


def write_rpz(lists: Lists, path: Path) -> Path:
    """A response policy zone that answers NXDOMAIN for each name and all below it."""
    with path.open("w", encoding="ascii") as zone:
        zone.write(RPZ_HEAD)
        zone.writelines(f"{name} CNAME .\n*.{name} CNAME .\n" for name in lists.blocked)
    return path
