"""Scenarios: a list replaced under load, and a worker killed under load, with every query accounted for."""

import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from benchmarks.dnsperf import run_load
from benchmarks.load import Record, achieved_rate, between, longest_silence, lost, p99, paced_load, worst_p99
from benchmarks.measure import WARM_SECONDS, busiest, started
from benchmarks.names import SEED, Lists, write_lines
from benchmarks.peers import SAFEDNS
from benchmarks.probe import NotWorkingError
from benchmarks.process import pss_bytes, shared_memory_bytes, tree
from benchmarks.server import ADDRESS, SERVER_PORT, Site
from benchmarks.wire import RESOLVED_ADDRESS

SWAP_RATE = 50_000
SWAP_SECONDS = 14.0
KILL_RATE = 20_000
KILL_SECONDS = 8.0
PICK_UP_SECONDS = 4.0
"""A replaced list must be in use within 2 s; twice that is waited for."""

WINDOW_SECONDS = 0.1
CHANGED_NAMES = 10_000
MARKERS = 200
_QUERIES = 20_000
_BLOCKED_SHARE = 0.2
_SAMPLE_SECONDS = 0.015
_RESOLVED_TAIL = int.from_bytes(RESOLVED_ADDRESS, "big")


@dataclass(frozen=True, slots=True)
class Swap:
    """A list replaced under load: queries sent per second and lost, latencies and pick-up in seconds, memory in bytes.
    `shared_growth` is what the machine's shared memory files grew by at most: a list that is held but not mapped is in
    no process's PSS."""

    rate: float
    lost: int
    pick_up: float
    p99_before: float
    p99_during: float
    worst_p99_before: float
    worst_p99_during: float
    pss_before: int
    pss_peak: int
    shared_growth: int


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker killed under load: queries sent per second and lost, and seconds until the next answer."""

    rate: float
    lost: int
    silence: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one moment of the monotonic clock."""

    time: float
    pss: int
    shared: int


def changed_list(lists: Lists, warm: list[str]) -> tuple[Lists, list[str]]:
    """The list with one in a hundred names exchanged, and those of the new names that the load will ask for."""
    rng = random.Random(SEED)
    changed = min(CHANGED_NAMES, len(lists.blocked) // 10)
    markers = warm[: min(MARKERS, changed)]
    fresh = [f"swap{number:x}.example" for number in range(changed - len(markers))]
    kept = rng.sample(lists.blocked, len(lists.blocked) - changed)
    return replace(lists, blocked=sorted({*kept, *fresh, *markers})), markers


def run_swap(site: Site, lists: Lists, warm: list[str], after: Path, markers: list[str], load: Path) -> Swap:
    """Replace the list twice under load: once for latency, once, with memory sampled, for memory."""
    live = site.directory / "live.sdl"
    site.directory.mkdir(parents=True, exist_ok=True)
    first, second = (_stage(path, site.directory / name) for path, name in ((after, "1.new"), (site.compiled, "2.new")))
    shutil.copy(site.compiled, live)
    kept = [name for name in lists.blocked if name not in set(markers)]
    queries = mixed_queries(warm[len(markers) :], kept, markers)
    with started(SAFEDNS, replace(site, compiled=live), lists) as server:
        warm_up(warm, site.directory)
        with paced_load(load, queries, SWAP_RATE, SWAP_SECONDS, site.directory) as finish:
            time.sleep(4)
            swapped = time.monotonic()
            first.replace(live)
            time.sleep(PICK_UP_SECONDS)
            with sampling(server.process.pid) as samples:
                time.sleep(1)
                swapped_back = time.monotonic()
                second.replace(live)
                time.sleep(PICK_UP_SECONDS)
            records = finish()
    in_use = first_blocked(records, len(queries) - len(markers), swapped)
    before, during = between(records, swapped - 3, swapped), between(records, swapped, in_use + WINDOW_SECONDS)
    calm = [sample for sample in samples if sample.time < swapped_back]
    return Swap(
        rate=achieved_rate(records),
        lost=lost(records),
        pick_up=in_use - swapped,
        p99_before=p99(before),
        p99_during=p99(during),
        worst_p99_before=worst_p99(before, WINDOW_SECONDS),
        worst_p99_during=worst_p99(during, WINDOW_SECONDS),
        pss_before=round(median(sample.pss for sample in calm)),
        pss_peak=max(sample.pss for sample in samples),
        shared_growth=max(sample.shared for sample in samples) - min(sample.shared for sample in calm),
    )


def run_kill(site: Site, lists: Lists, warm: list[str], load: Path) -> Kill:
    """Kill the worker under load."""
    with started(SAFEDNS, site, lists) as server:
        warm_up(warm, site.directory)
        queries = mixed_queries(warm, lists.blocked, [])
        with paced_load(load, queries, KILL_RATE, KILL_SECONDS, site.directory) as finish:
            time.sleep(3)
            worker = busiest(server.process.pid)
            if worker == server.process.pid:
                raise NotWorkingError("the first process answers queries itself: there is no worker to kill")
            killed = time.monotonic()
            os.kill(worker, signal.SIGKILL)
            records = finish()
    return Kill(achieved_rate(records), lost(records), longest_silence(records, killed, killed + 3))


def mixed_queries(warm: list[str], blocked: list[str], markers: list[str]) -> list[str]:
    """What the load asks: warm and blocked names in random order, the markers last. Nothing that needs the upstream,
    which shares the client's core."""
    rng = random.Random(SEED)
    return [rng.choice(blocked if rng.random() < _BLOCKED_SHARE else warm) for _ in range(_QUERIES)] + markers


def warm_up(names: list[str], directory: Path) -> None:
    """Have each name resolved once."""
    queries = write_lines(directory / "warm.txt", (f"{name} A" for name in names))
    run_load(ADDRESS, SERVER_PORT, queries, WARM_SECONDS, once=True)


def first_blocked(records: list[Record], first_marker: int, swapped: float) -> float:
    """When the new list came into use: the first marker, sent after the swap, that no longer resolved."""
    for record in records:
        if record.query < first_marker or record.sent < swapped * 1e9 or record.latency < 0:
            continue
        if record.tail != _RESOLVED_TAIL:
            return record.sent / 1e9
    raise RuntimeError(
        f"the replaced list was not in use {PICK_UP_SECONDS:g} s later, while {len(records)} queries ran"
    )


@contextmanager
def sampling(root: int) -> Iterator[list[Sample]]:
    """Note the memory of a process and all below it every few milliseconds, on a thread, while the block runs."""
    samples: list[Sample] = []
    done = threading.Event()
    pids = tree(root)

    def run() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            samples.append(Sample(time.monotonic(), sum(map(pss_bytes, pids)), shared_memory_bytes()))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()


def _stage(source: Path, target: Path) -> Path:
    """Copy a list next to the live one, so that renaming it is atomic."""
    shutil.copy(source, target)
    return target
