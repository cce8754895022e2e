"""The paced load that accounts for every query: runs load.c's program and reads its records."""

import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from benchmarks.dnsperf import percentile
from benchmarks.names import write_lines
from benchmarks.process import CLIENT_CORE
from benchmarks.server import ADDRESS, SERVER_PORT

_RECORD = struct.Struct("=qqII")
_DRAIN_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Record:
    """One query: when it was sent, how long its answer took (-1: lost), both in nanoseconds of the monotonic clock; its
    index in the query file; and the last four bytes of the answer."""

    sent: int
    latency: int
    query: int
    tail: int


@contextmanager
def paced_load(
    program: Path, names: Sequence[str], rate: int, seconds: float, directory: Path, port: int = SERVER_PORT
) -> Iterator[Callable[[], list[Record]]]:
    """Start the load; the function that is given waits for its end and returns the records."""
    queries, records = directory / "queries.txt", directory / "records.bin"
    write_lines(queries, (f"{name} A" for name in names))
    command = ["taskset", "-c", str(CLIENT_CORE), str(program), ADDRESS, str(port), str(queries)]
    with records.open("wb") as output:
        process = subprocess.Popen([*command, str(rate), f"{seconds:g}"], stdout=output)

    def finish() -> list[Record]:
        if process.wait(seconds + _DRAIN_SECONDS) != 0:
            raise RuntimeError(f"the load generator ended with status {process.returncode}")
        return read_records(records)

    try:
        yield finish
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def read_records(path: Path) -> list[Record]:
    """Read what load.c wrote, in the order in which the queries were sent."""
    return [Record(*fields) for fields in _RECORD.iter_unpack(path.read_bytes())]


def lost(records: Sequence[Record]) -> int:
    """Queries without an answer."""
    return sum(record.latency < 0 for record in records)


def achieved_rate(records: Sequence[Record]) -> float:
    """Queries per second that were really sent: less than asked for when the client's core was busy."""
    return (len(records) - 1) * 1e9 / (records[-1].sent - records[0].sent)


def p99(records: Sequence[Record]) -> float:
    """The 99th percentile of latency in seconds, over answered queries."""
    times = sorted(record.latency / 1e9 for record in records if record.latency >= 0)
    return percentile(times, 0.99) if times else float("inf")


def between(records: Sequence[Record], start: float, end: float) -> list[Record]:
    """The queries sent in an interval of the monotonic clock, in seconds."""
    return [record for record in records if start * 1e9 <= record.sent < end * 1e9]


def worst_p99(records: Sequence[Record], window: float) -> float:
    """The highest 99th percentile, in seconds, over consecutive windows of so many seconds."""
    windows: dict[int, list[Record]] = {}
    for record in records:
        windows.setdefault(record.sent // round(window * 1e9), []).append(record)
    return max(p99(each) for each in windows.values())


def longest_silence(records: Sequence[Record], start: float, end: float) -> float:
    """The longest time in seconds without any answer, in an interval of the monotonic clock."""
    arrivals = sorted(r.sent + r.latency for r in records if r.latency >= 0)
    inside = [start * 1e9, *(time for time in arrivals if start * 1e9 <= time < end * 1e9), end * 1e9]
    return max(later - earlier for earlier, later in pairwise(inside)) / 1e9
