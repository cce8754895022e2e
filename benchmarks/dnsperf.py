"""dnsperf: run it, and read what it prints."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from benchmarks.workloads import LATENCY_RATE

CLOSED_LOOP = ("-q", "100", "-c", "8", "-T", "1")
"""100 queries outstanding from 8 sockets: below what a socket's default receive buffer holds (about 270 packets), so
that a slow server is not charged for queries that never reached it, and a fast one still has work waiting."""

_GOOD_RCODES = ("NOERROR", "NXDOMAIN")
_PERCENTILE = 0.99


@dataclass(frozen=True, slots=True)
class Load:
    """Outcome of a run at full load. `failed` queries were answered, but neither with NOERROR nor NXDOMAIN."""

    answered: int
    lost: int
    failed: int
    queries_per_second: float


@dataclass(frozen=True, slots=True)
class Latency:
    """Outcome of a run at a fixed rate, in seconds."""

    mean: float
    p99: float
    lost: int


def run_load(address: str, port: int, queries: Path, seconds: float, *, once: bool) -> Load:
    """Ask as fast as the server answers, until the time is over or, with `once`, the file is at its end."""
    return parse_load(_run(address, port, queries, seconds, *CLOSED_LOOP, *(("-n", "1") if once else ())))


def run_latency(address: str, port: int, queries: Path, seconds: float) -> Latency:
    """Ask at `LATENCY_RATE` and note the time of every answer."""
    return parse_latency(_run(address, port, queries, seconds, "-c", "8", "-T", "1", "-Q", str(LATENCY_RATE), "-v"))


def _run(address: str, port: int, queries: Path, seconds: float, *options: str) -> str:
    command = ["dnsperf", "-f", "inet", "-s", address, "-p", str(port), "-d", str(queries), "-l", f"{seconds:g}"]
    command += ["-t", "2", "-O", "suppress=timeouts", *options]
    result = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 30, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` failed: {(result.stderr or result.stdout).strip()[-200:]}")
    return result.stdout


def parse_load(output: str) -> Load:
    """Read dnsperf's summary."""
    answered, lost = (_number(rf"Queries {what}:\s+(\d+)", output) for what in ("completed", "lost"))
    rcodes = re.search(r"Response codes:(.*)", output)
    counts = re.findall(r"(\w+) (\d+) \(", rcodes.group(1)) if rcodes else []
    failed = sum(int(count) for rcode, count in counts if rcode not in _GOOD_RCODES)
    return Load(int(answered), int(lost), failed, _number(r"Queries per second:\s+([\d.]+)", output))


def parse_latency(output: str) -> Latency:
    """Read the line that dnsperf -v prints for every answer: `> RCODE NAME TYPE SECONDS`."""
    times = sorted(float(each) for each in re.findall(r"^> [A-Z0-9]+ \S+ \S+ ([\d.]+)$", output, re.MULTILINE))
    if not times:
        raise RuntimeError("dnsperf -v reported no answer; the server answered none of the queries")
    return Latency(mean(times), percentile(times, _PERCENTILE), int(_number(r"Queries lost:\s+(\d+)", output)))


def percentile(ordered: list[float], share: float) -> float:
    """The value below which a share of the sorted values lies."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def _number(pattern: str, output: str) -> float:
    match = re.search(pattern, output)
    if match is None:
        raise RuntimeError(f"expected `{pattern}` in dnsperf's output, found: {output.strip()[-200:]!r}")
    return float(match.group(1))
