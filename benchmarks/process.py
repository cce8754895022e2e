"""Processes: started on one core, their CPU time and memory read from /proc, ended by their own process id."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SERVER_CORE = 0
CLIENT_CORE = 1
STOP_SECONDS = 10.0
_PROC = Path("/proc")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")

_PARENT, _CPU_TIMES, _START_TIME = 1, slice(11, 15), 19
"""Fields of /proc/PID/stat, counted from the state on; CPU times are user and system, own and of ended children."""

# A process of its own, because the peak of a child counts what its parent had resident when it forked.
_RUSAGE = """
import json, os, sys, time
start = time.monotonic()
pid = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - start, usage.ru_maxrss]), file=sys.stderr)
"""


@contextmanager
def running(command: Sequence[str], core: int, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on one core, its output in a file, and end it with the block."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    try:
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program and what it started: gently, then by force."""
    family = {pid: stat(pid) for pid in tree(process.pid)[1:]}
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid, before in family.items():
        after = stat(pid)
        if before is not None and after is not None and before[_START_TIME] == after[_START_TIME]:
            os.kill(pid, signal.SIGKILL)


def stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on, or None when the process is gone."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(") ")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def tree(root: int) -> list[int]:
    """A process and all below it, the root first."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := stat(int(entry.name))) is not None:
            children.setdefault(int(fields[_PARENT]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time of processes with all their threads and ended children, to 1/100 s."""
    ticks = 0
    for pid in pids:
        if (fields := stat(pid)) is not None:
            ticks += sum(int(value) for value in fields[_CPU_TIMES])
    return ticks / _TICKS_PER_SECOND


def pss_bytes(pid: int) -> int:
    """Proportional set size of a process: its own pages, and its share of those that others map too."""
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def shared_memory_bytes() -> int:
    """What the whole machine holds in tmpfs and memfd files, mapped or not."""
    lines = (_PROC / "meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("Shmem:"))


def wait_until(condition: Callable[[], bool], seconds: float, expectation: str) -> None:
    """Poll a condition every 10 ms; TimeoutError names the expectation that was not met."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"expected {expectation} within {seconds:g} s")
        time.sleep(0.01)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a program took: seconds, and bytes resident at its peak."""

    seconds: float
    peak_bytes: int


def measure_run(command: Sequence[str], core: int, log: Path) -> Cost:
    """Run a program to its end on one core and say what it took; RuntimeError when it fails."""
    result = subprocess.run(
        ["taskset", "-c", str(core), sys.executable, "-S", "-E", "-c", _RUSAGE, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    log.write_text(result.stdout + result.stderr)
    status, seconds, peak_kibibytes = json.loads(result.stderr.splitlines()[-1])
    if status != 0:
        raise RuntimeError(f"`{' '.join(command)}` ended with status {status}; its output is in {log}")
    return Cost(seconds, peak_kibibytes * 1024)
