"""The measurements, each by itself: what is asked for, and what was found."""

import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fleet.centre import CHANNEL, Simulated, centre, wait_all
from benchmarks.load import between, p99, paced_load
from benchmarks.names import generate
from benchmarks.process import CLIENT_CORE, SERVER_CORE, cpu_seconds, measure_run, pss_bytes
from benchmarks.targets import MEGABYTE, Finding
from tests.helpers.coordinator import Router

ADDED, REMOVED = 1_000, 200
WRK_SECONDS = 8
IDLE = 10_000
SIMULATED = 5_000
WHOLE_CLIENTS = 20
EMERGENCY_NAMES = 100_000
LATENCY_RATE = 2_000
SYNCS = 11
_SYNC = [sys.executable, "-m", "safedns", "sync", "--once"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a part found: numbers with targets, and rows for a table besides."""

    findings: tuple[Finding, ...]
    rows: tuple[tuple[str, str], ...]
    figures: dict[str, float]


def changed(names: Sequence[str]) -> list[str]:
    """The same names with 1,000 new ones, of the same kind, and without 200."""
    generator = random.Random(len(names))
    there = set(names)
    fresh = [name for name in generate(3 * ADDED, random.Random(len(names) + 7)) if name not in there][:ADDED]
    gone = set(generator.sample(list(names), REMOVED))
    return sorted([name for name in names if name not in gone] + fresh)


def releases(names: Sequence[str], folder: Path) -> Found:
    """Publish 1,200 changes of a large list, and have a router sync them."""
    after = changed(names)
    with centre(folder, names) as made:
        first = made.operator.json("release", CHANNEL, "1")
        router = made.router(1)
        router.service.stop()
        file = folder / "after.txt"
        file.write_text("\n".join(after) + "\n")
        change = made.operator.json("import", "orders", str(file), "--reason", "measured")
        started = time.monotonic()
        made.reviewer("approve", str(change["id"]))
        made.publish()
        published = time.monotonic() - started
        release = made.operator.json("release", CHANNEL, "2")
        pack = len((folder / "centre/public/packs" / f"{CHANNEL}.zst").read_bytes())
        cost, requests = _sync_cost(router, folder)
        dns = _latency(router, names, folder)
        router.close()
    whole, delta = first["deltas"]["0"][1], release["deltas"]["1"][1]
    count = f"{len(names):,} names"
    findings = (
        Finding(f"full transfer of {count}, per name", whole / len(names), 4.5, "bytes"),
        Finding("delta of 1,200 changes", delta / 1000, 12, "kB"),
        Finding("metadata of it", pack / 1000, 3, "kB"),
        Finding("requests of a sync", requests, 4, ""),
        Finding("approval to files in place", published, 15, "s"),
        Finding("sync: CPU", cost[0], 1, "s"),
        Finding("sync: peak memory, mapped files included", cost[1] / MEGABYTE, 60, "MB"),
        Finding("DNS p99 while a sync runs, to without", dns[1] / dns[0], 1.2, "×"),
    )
    rows = (("DNS p99 without syncs", f"{dns[0] * 1e3:.3f} ms"), ("DNS p99 while one runs", f"{dns[1] * 1e3:.3f} ms"))
    return Found(findings, rows, {"pack": pack, "delta": delta, "whole": whole, "sync_cpu": cost[0]})


def _sync_cost(router: Router, folder: Path) -> tuple[tuple[float, float], int]:
    """CPU seconds and peak bytes of the sync that is due, and its requests."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = measure_run([*_SYNC, "--json", "--config", str(router.service.file)], SERVER_CORE, folder / "sync.txt")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads((folder / "sync.txt").read_text().splitlines()[0])
    assert found["serial"] == 2, found
    return (cpu, cost.peak_bytes), found["requests"]


def _latency(router: Router, names: Sequence[str], folder: Path) -> tuple[float, float]:
    """99th percentile of answers, in seconds: without syncs, and in the time in which one rebuilds the list."""
    router.service.start()
    program = build_c("load.c", folder)
    asked = [names[number] for number in range(0, len(names), max(1, len(names) // 5000))]
    quiet, busy = [], []
    for _ in range(SYNCS):
        with paced_load(program, asked, LATENCY_RATE, 6, folder, router.service.port) as finish:
            time.sleep(2)
            started = time.monotonic()
            _rebuild(router)
            ended = time.monotonic()
            records = finish()
        quiet.append(p99(between(records, 0, started)))
        busy.append(p99(between(records, started, ended)))
    return statistics.median(quiet), statistics.median(busy)


def _rebuild(router: Router) -> None:
    """A sync that has to do all of its work, from the blocklist before, which is put back."""
    (router.state / "previous.sdns").replace(router.state / "blocklist.sdns")
    (router.state / "state.json").unlink()
    command = [*_SYNC, "--config", str(router.service.file)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def idle(folder: Path) -> Found:
    """Connections that wait for events: what each costs the coordinator."""
    with centre(folder, generate(1000, random.Random(1))) as made:
        before = pss_bytes(made.pid)
        simulated = Simulated(made.backend, made.nginx.url, IDLE, 1)
        time.sleep(2)
        after = pss_bytes(made.pid)
        spent = cpu_seconds([made.pid])
        time.sleep(10)
        resting = (cpu_seconds([made.pid]) - spent) / 10
        simulated.close()
    return Found(
        (Finding(f"{IDLE:,} idle connections for events, whole process", after / MEGABYTE, 250, "MB"),),
        (
            ("process before", f"{before / MEGABYTE:.0f} MB"),
            ("a connection", f"{(after - before) / IDLE / 1000:.1f} kB"),
            ("CPU while they wait", f"{resting:.1%} of a core"),
        ),
        {"connection_bytes": (after - before) / IDLE, "base_bytes": before},
    )


def polls(folder: Path) -> Found:
    """Requests for the pack when there is nothing new: from the coordinator itself and from nginx, on one core each."""
    with centre(folder, generate(1000, random.Random(1))) as made:
        subprocess.run(["taskset", "-a", "-p", "-c", str(SERVER_CORE), str(made.pid)], check=True, capture_output=True)
        own = _wrk(made.backend)
        own_cpu = _cpu_per_request(made.backend, [made.pid])
        workers = subprocess.run(
            ["pgrep", "-P", str(made.nginx.process.pid)], check=True, capture_output=True, text=True
        ).stdout.split()
        for pid in workers:
            subprocess.run(["taskset", "-p", "-c", str(SERVER_CORE), pid], check=True, capture_output=True)
        nginx = _wrk(made.nginx.url)
        nginx_cpu = _cpu_per_request(made.nginx.url, [int(pid) for pid in workers])
    return Found(
        (
            # Findings are met below their limit: what is asked for is a time per request.
            Finding("static poll, built in: a request", 1e6 / own, 1e6 / 2_000, "µs"),
            Finding("static poll, nginx: a request", 1e6 / nginx, 1e6 / 20_000, "µs"),
        ),
        (
            ("built in", f"{own:,.0f} requests/s on one core"),
            ("nginx", f"{nginx:,.0f} requests/s on one core"),
            ("CPU of a request", f"built in {own_cpu * 1e6:.0f} µs, nginx {nginx_cpu * 1e6:.0f} µs"),
        ),
        {"poll_cpu": nginx_cpu, "poll_cpu_built_in": own_cpu},
    )


def _wrk(url: str) -> float:
    """Requests per second that are answered, over 64 connections, from the other core."""
    command = [
        "taskset",
        "-c",
        str(CLIENT_CORE),
        "wrk",
        "-t1",
        "-c64",
        f"-d{WRK_SECONDS}s",
        f"{url}/packs/{CHANNEL}.zst",
    ]
    said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(said)
    return float(re.findall(r"Requests/sec:\s+([0-9.]+)", said)[0])


def _cpu_per_request(url: str, pids: Sequence[int]) -> float:
    """CPU seconds of a request, with a new connection for each, as routers come."""
    before = cpu_seconds(pids)
    command = ["taskset", "-c", str(CLIENT_CORE), "wrk", "-t1", "-c64", "-d3s", "-H", "Connection: close"]
    said = subprocess.run(
        [*command, f"{url}/packs/{CHANNEL}.zst"], check=True, capture_output=True, text=True, timeout=60
    ).stdout
    done = int(re.findall(r"([0-9]+) requests in", said)[0])
    return (cpu_seconds(pids) - before) / done


def emergency(folder: Path, whole_clients: int) -> Found:
    """From approval to blocked at 5,000 connected routers, some of which run the whole client and answer queries."""
    names = generate(EMERGENCY_NAMES, random.Random(2))
    runs: list[tuple[float, list[float], list[float], float]] = []
    with centre(folder, names) as made:
        real = [made.router(number) for number in range(whole_clients)]
        for router in real:
            router.listen()
        simulated = Simulated(made.backend, made.nginx.url, SIMULATED - whole_clients, 1)
        time.sleep(3)
        for serial, verb in ((2, "block"), (3, "unblock"), (4, "block"), (5, "unblock")):
            number = made.propose_fast(verb, "urgent.example")
            time.sleep(2)
            before = cpu_seconds([made.pid])
            approved = made.approve(number)
            files = made.wait_newest(serial) - approved
            wanted = verb == "block"
            moments = wait_all([_blocks(router, wanted) for router in real], 60)
            told = simulated.wait(serial)
            active = [moment - approved for moment in told["active"]]
            whole = [moment - approved for moment in moments if moment is not None]
            if len(active) + len(whole) < SIMULATED:
                raise RuntimeError(f"{SIMULATED - len(active) - len(whole)} routers never got serial {serial}")
            runs.append((files, sorted(active + whole), sorted(whole), cpu_seconds([made.pid]) - before))
            time.sleep(2)
        simulated.close()
        for router in real:
            router.close()
    p50s = [times[len(times) // 2] for _, times, _, _ in runs]
    p99s = [times[int(len(times) * 0.99)] for _, times, _, _ in runs]
    who = f"{SIMULATED:,} routers, {whole_clients} with the whole client"
    findings = (
        Finding(f"emergency, {who}: p50", statistics.median(p50s), 1, "s"),
        Finding(f"emergency, {who}: p99", statistics.median(p99s), 5, "s"),
    )
    rows = [("approval to files in place", f"{statistics.median(files for files, _, _, _ in runs):.2f} s")]
    if whole_clients:
        middle = statistics.median(whole[len(whole) // 2] for _, _, whole, _ in runs)
        rows.append((f"the {whole_clients} whole clients: p50", f"{middle:.1f} s"))
        rows.append(("the last of them", f"{max(whole[-1] for _, _, whole, _ in runs):.1f} s"))
    push = statistics.median(cpu for _, _, _, cpu in runs) / SIMULATED
    return Found(findings, tuple(rows), {"push_cpu": push})


def _blocks(router: Router, wanted: bool) -> Callable[[], bool]:
    return lambda: router.service.is_blocked("urgent.example") == wanted


def build_c(source: str, folder: Path) -> Path:
    """Compile one of the measuring programs."""
    program = folder / Path(source).stem
    here = Path(__file__).parents[1]
    subprocess.run(["gcc", "-O2", "-o", program, here / source], check=True, timeout=60)
    return program


def temporary() -> Path:
    """A folder for one part."""
    return Path(tempfile.mkdtemp(prefix="fleet-")) / "run"
