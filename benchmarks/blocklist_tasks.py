"""One piece of work of the blocklist tools, measured in a process of its own.

`python -m benchmarks.blocklist_tasks TASK ARGUMENT…` prints one line of JSON. What a task needs is imported before the
clock starts. Memory is the peak of this process alone (VmHWM): what getrusage(2) says of a process counts what its
parent had resident when it forked.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

Work = Callable[[], Any]


def memory(key: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{key}:"))


def program(*command: str) -> Work:
    """A program from its start to its end; its time and memory take the place of ours."""

    def run() -> dict[str, float]:
        quiet = [(os.POSIX_SPAWN_DUP2, sys.stderr.fileno(), sys.stdout.fileno())]
        pid = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
        _, status, usage = os.wait4(pid, 0)
        if code := os.waitstatus_to_exitcode(status):
            raise RuntimeError(f"{Path(command[0]).name} {' '.join(command[1:3])} ended with status {code}")
        return {"cpu": usage.ru_utime + usage.ru_stime, "peak": usage.ru_maxrss * 1024}

    return run


def open_file(path: str) -> Work:
    """Map a compiled blocklist."""
    from safedns._native import Blocklist

    return lambda: Blocklist.open(path).names


def load_file(path: str) -> Work:
    """Read a compiled blocklist and verify all of it."""
    from safedns._native import Blocklist

    return lambda: Blocklist.load(path).names


def explain(path: str, names: str) -> Work:
    """Explain each name of a file; the result is the seconds of each."""
    from safedns.blocklist.origin import explain

    asked = Path(names).read_text().split()

    def run() -> list[float]:
        seconds = []
        for name in asked:
            start = time.perf_counter()
            found = explain(path, name)
            seconds.append(time.perf_counter() - start)
            if not found.origins:
                raise RuntimeError(f"{name} is listed, and nothing says why")
        return seconds

    return run


def delta_make(old: str, new: str, output: str) -> Work:
    """Make a delta; the result is what it holds."""
    from safedns.blocklist.delta import make

    def run() -> dict[str, int]:
        summary = make(old, new, output)
        return asdict(summary) | {"changes": summary.changes}

    return run


def delta_apply(old: str, delta: str, output: str) -> Work:
    """Apply a delta."""
    from safedns.blocklist.delta import apply

    return lambda: apply(old, delta, output)


def guard(new: str, old: str) -> Work:
    """Judge a blocklist by the built-in rules; opening the files is not counted. The result is the refused entries."""
    from safedns._native import Blocklist
    from safedns.blocklist.guard import Rules, check

    files = Blocklist.load(new), Blocklist.load(old)

    def run() -> list[str]:
        return [refusal.entry for refusal in check(*files, Rules()).refusals]

    return run


def read_list(path: str, form: str) -> Work:
    """Read a list and give its names to nobody; the result is names and bad lines."""
    from safedns.blocklist.formats import Reading, read

    def run() -> list[int]:
        reading = Reading(path)
        for _ in read(path, reading, format=form):
            pass
        return [reading.names, reading.bad]

    return run


def published(*files: str) -> Work:
    """What is found in lists as they are published."""
    return lambda: [_found(Path(file)) for file in files]


def _found(path: Path) -> dict[str, Any]:
    """Read a list and check every name; `lost` is the lines that are neither counted nor empty nor comments."""
    from safedns.blocklist.formats import Reading, read
    from safedns.blocklist.formats.valid import invalid
    from safedns.errors import BlocklistError

    reading, problem = Reading(str(path)), ""
    try:
        for names in read(str(path), reading):
            for index, reason in invalid(names.data):
                reading.reject(names, index, reason)
    except BlocklistError as error:
        problem = str(error).removeprefix(f"{path}: ").replace(f"{path.parent}/", "")
    blank = _blank(path.read_text(encoding="utf-8").splitlines())
    return {
        "file": f"{path.parent.name}/{path.name}",
        "format": reading.format,
        "lines": reading.lines,
        "names": reading.names,
        "blank": blank,
        "bad": reading.bad,
        "skipped": dict(reading.skipped),
        "lost": 0 if problem else reading.blank - blank,
        "problem": problem,
    }


def _blank(lines: Iterable[str]) -> int:
    """Empty lines and comments, counted with nothing of the package."""
    return sum(not line.strip() or line.lstrip().startswith(("#", "!")) for line in lines)


TASKS: dict[str, Callable[..., Work]] = {
    "program": program,
    "open": open_file,
    "load": load_file,
    "explain": explain,
    "make": delta_make,
    "apply": delta_apply,
    "guard": guard,
    "read": read_list,
    "published": published,
}


def main() -> None:
    """Prepare, measure, print."""
    work = TASKS[sys.argv[1]](*sys.argv[2:])
    resident = memory("RssAnon")
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    measured = {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}
    measured |= {"peak": memory("VmHWM"), "anonymous_before": resident, "found": found}
    if sys.argv[1] == "program":
        measured |= found
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
