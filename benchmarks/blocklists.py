"""`python -m benchmarks.blocklists`: what the blocklist tools cost; prints the tables, stores the run."""

import argparse
import importlib.metadata
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from benchmarks.__main__ import DATA_VARIABLE, REFERENCE_DATA, ROOT
from benchmarks.blocklist_report import render_run, store_run
from benchmarks.blocklist_results import READ, SMALL, Delta, Measured, Row, Run, summarise
from benchmarks.names import CATEGORY_SHARES, SEED, load_lists, write_categories, write_lines
from benchmarks.peers import SAFEDNS
from benchmarks.process import CLIENT_CORE, SERVER_CORE
from benchmarks.tools import BUSY_LOAD, PACKAGES, machine_facts

PARTS = ("compile", "build", "open", "explain", "delta", "guard", "read", "published")
GROWTH = 5
"""The larger list has so many times the names of the smaller one."""

ADDED, REMOVED = 1_000, 200
EXPLAINED = 20
QUICK = 20_000

TASK_SECONDS = 600.0
"""Time after which a task is taken for hung; the longest takes less than a minute."""

LIBRARIES = ("zstandard", "idna", "dnspython", "publicsuffixlist")

TEXTS = {
    "plain": ("", "{}\n"),
    "hosts": ("", "0.0.0.0 {}\n"),
    "adblock": ("[Adblock Plus]\n", "||{}^\n"),
    "dnsmasq": ("", "address=/{}/0.0.0.0\n"),
    "unbound": ("server:\n", 'local-zone: "{}" always_nxdomain\n'),
    "rpz": ("$TTL 300\n@ SOA localhost. root.localhost. 1 3600 600 86400 300\n@ NS localhost.\n", "{} CNAME .\n"),
    "v2fly": ("", "domain:{}\n"),
    "csv": ("domain,category\n", "{},porn\n"),
    "urls": ("", "http://{}/\n"),
}
"""Beginning and lines of a list in each format."""

EPILOG = """examples:
  python -m benchmarks.blocklists                    everything, stored under benchmarks/runs/
  python -m benchmarks.blocklists --quick            20,000 and 100,000 names: does everything work?
  python -m benchmarks.blocklists --only read,guard  some parts; stored under benchmarks/work/
"""


@dataclass(frozen=True, slots=True)
class Options:
    """What to run."""

    parts: tuple[str, ...]
    names: int
    repetitions: int
    data: Path | None
    work: Path
    safedns: Path


class Suite:
    """Runs the parts; each leaves out what it can't do and says why."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.rows: list[Row] = []
        self.skipped: list[str] = []
        self.delta: Delta | None = None
        self.published: tuple[dict[str, object], ...] = ()
        self.lists = load_lists(options.data, options.names)
        options.work.mkdir(parents=True, exist_ok=True)

    def run(self) -> Run:
        """Run what was asked for."""
        start, facts = time.monotonic(), _facts()
        parts: dict[str, Callable[[], None]] = {
            "compile": self._compile,
            "build": self._build,
            "open": self._open,
            "explain": self._explain,
            "delta": self._delta,
            "guard": self._guard,
            "read": self._read,
            "published": self._published,
        }
        for part in self.options.parts:
            print(f"{part} …", file=sys.stderr)
            with self._leaving_out(part):
                parts[part]()
        settings = {
            "lists": self.lists.source,
            "names": ", ".join(f"{size:,}" for size in self._sizes),
            "repetitions": str(self.options.repetitions),
            "took": f"{time.monotonic() - start:.0f} s",
        }
        return Run(facts, settings, tuple(self.rows), self.delta, self.published, tuple(self.skipped))

    @property
    def _sizes(self) -> tuple[int, int]:
        return self.options.names, self.options.names * GROWTH

    @contextmanager
    def _leaving_out(self, what: str) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError) as error:
            self.skipped.append(f"{what}: {error}")

    # Text to file.

    def _compile(self) -> None:
        for size in self._sizes:
            sources = self._sources(size)
            files = [source.partition("=")[2] for source in sources]
            output = self._folder(size) / "sorted.txt"
            self._measure("sort -u", size, "env", "LC_ALL=C", "sort", "--parallel=1", "-u", "-o", str(output), *files)
            self._measure("compile", size, *self._compiling(size, self._compiled(size), sources), file=True)

    def _build(self) -> None:
        self._needs_command("build")
        for size in self._sizes:
            with self._leaving_out(f"build, {size:,} names"):
                command = self._building(size)
                runs = [self._first_build(size, command) for _ in range(self.options.repetitions)]
                self.rows.append(summarise("build", size, runs, self._built(size).stat().st_size))
                self._measure("build again", size, *command, file=True)

    def _compiling(self, size: int, output: Path, sources: Sequence[str]) -> list[str]:
        return [*self._program("compile"), "--output", str(output), "--serial", "1", *sources]

    def _building(self, size: int) -> list[str]:
        return [
            *self._program("build"),
            "--config",
            str(self._plan(size)),
            "--bulk",
            "--output",
            str(self._built(size)),
        ]

    def _first_build(self, size: int, command: Sequence[str]) -> Measured:
        """Build where nothing is: no blocklist to compare with, no origins to take serials from."""
        for path in self._folder(size).glob(f"{self._built(size).name}*"):
            path.unlink()
        return run_task("program", *command)

    def _measure(self, work: str, size: int, *command: str, file: bool = False) -> None:
        runs = self._repeat("program", *command)
        written = Path(command[command.index("--output") + 1]).stat().st_size if file else 0
        self.rows.append(summarise(work, size, runs, written))

    # Using the file.

    def _open(self) -> None:
        for size in self._sizes:
            path = self._present(size)
            for work in ("open", "load"):
                self.rows.append(summarise(work, size, self._repeat(work, str(path))))

    def _explain(self) -> None:
        self._needs_command("build")
        size = self.options.names
        if not self._built(size).exists():
            run_task("program", *self._building(size))
        names = random.Random(SEED).sample(self.lists.blocked, EXPLAINED)
        asked = write_lines(self._folder(size) / "asked.txt", names)
        runs = self._repeat("explain", str(self._built(size)), str(asked))
        first = [_only(run, run.found[0]) for run in runs]
        self.rows.append(summarise("explain, first", size, first))
        rest = [_only(run, seconds) for run in runs for seconds in run.found[1:]]
        self.rows.append(summarise("explain", size, rest))

    def _delta(self) -> None:
        size, old, new = self.options.names, self._present(self.options.names), self._changed
        delta, output = self._folder(size) / "delta", self._folder(size) / "applied.sdns"
        made = self._repeat("make", str(old), str(new), str(delta))
        self.rows.append(summarise("delta make", size, made, delta.stat().st_size))
        applied = self._repeat("apply", str(old), str(delta), str(output))
        self.rows.append(summarise("delta apply", size, applied, output.stat().st_size))
        identical = output.read_bytes() == new.read_bytes()
        self.delta = Delta(*self._change_sizes, made[0].found["changes"], delta.stat().st_size, identical)

    def _guard(self) -> None:
        size = self.options.names
        runs = self._repeat("guard", str(self._changed), str(self._present(size)))
        self.rows.append(summarise("guard", size, runs))

    # Reading.

    def _read(self) -> None:
        size = self.options.names
        for form, (head, line) in TEXTS.items():
            path = self._folder(size) / f"list.{form}"
            path.write_text(head + "".join(map(line.format, self.lists.blocked)), encoding="ascii")
            runs = self._repeat("read", str(path), form)
            if runs[0].found != [size, 0]:
                self.skipped.append(f"read {form}: expected {size} names and no bad line, found {runs[0].found}")
            else:
                self.rows.append(summarise(f"{READ}{form}", size, runs))
            path.unlink()

    def _published(self) -> None:
        folder = (self.options.data or REFERENCE_DATA).parent
        files = sorted(path for part in ("lists", "services") for path in (folder / part).glob("*"))
        if not files:
            raise RuntimeError("there are no lists and services beside the folder of reference lists")
        self.published = tuple(run_task("published", *map(str, files)).found)

    # What the parts work on.

    def _folder(self, size: int) -> Path:
        return self.options.work / f"blocklists-{size}"

    def _compiled(self, size: int) -> Path:
        return self._folder(size) / "compiled.sdns"

    def _built(self, size: int) -> Path:
        return self._folder(size) / "built.sdns"

    def _sources(self, size: int) -> list[str]:
        """Files of names by category; the names of the smaller list are in the larger one."""
        names = self.lists.blocked if size == self.options.names else load_lists(self.options.data, size).blocked
        return write_categories(names, self._folder(size))

    def _present(self, size: int) -> Path:
        """The compiled list of a size, compiled now if no part of this run has."""
        path = self._compiled(size)
        if not any(row.work == "compile" and row.names == size for row in self.rows):
            run_task("program", *self._compiling(size, path, self._sources(size)))
        return path

    @cached_property
    def _changed(self) -> Path:
        """The smaller list with some names taken out and ordinary ones put in, compiled with the next serial."""
        rng = random.Random(SEED + 3)
        added, removed = self._change_sizes
        gone = set(rng.sample(self.lists.blocked, removed))
        names = sorted([*(set(self.lists.blocked) - gone), *rng.sample(self.lists.allowed, added)])
        folder = self._folder(self.options.names) / "changed"
        output = folder / "changed.sdns"
        command = [
            *self._program("compile"),
            "--output",
            str(output),
            "--serial",
            "2",
            *write_categories(names, folder),
        ]
        run_task("program", *command)
        return output

    @property
    def _change_sizes(self) -> tuple[int, int]:
        """Names added and removed."""
        return ADDED, REMOVED

    def _plan(self, size: int) -> Path:
        """A build configuration of the same lists; what the guard would refuse is allowed, as an operator would."""
        refused = run_task("guard", str(self._present(size)), str(self._present(size))).found
        lines = ["sources: []", "lists:"]
        for word in CATEGORY_SHARES:
            if (self._folder(size) / f"{word}.txt").stat().st_size:
                lines.append(f"  - {{id: {word}, path: {word}.txt, category: {word}, format: plain}}")
        lines += ["allow:", *(f"  - {{name: {name}, reason: benchmark}}" for name in refused)] if refused else []
        return write_lines(self._folder(size) / "build.yaml", lines)

    def _program(self, command: str) -> list[str]:
        return [str(self.options.safedns), "blocklist", command]

    def _needs_command(self, command: str) -> None:
        done = subprocess.run([*self._program(command), "--help"], capture_output=True, check=False)
        if done.returncode:
            raise RuntimeError(f"there is no command safedns blocklist {command}")

    def _repeat(self, task: str, *arguments: str) -> list[Measured]:
        return [run_task(task, *arguments) for _ in range(self.options.repetitions)]


def run_task(task: str, *arguments: str) -> Measured:
    """Run a task in a process of its own on the server's core, and watch its memory from the other one.

    RuntimeError, with the last line of its errors, when it fails.
    """
    command = ["taskset", "-c", str(SERVER_CORE), sys.executable, "-m", "benchmarks.blocklist_tasks", task, *arguments]
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(command, stdout=output, stderr=errors, cwd=ROOT)
        anonymous = _watch(process)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            reason = (errors.read().strip().splitlines() or ["it ended without a word"])[-1]
            raise RuntimeError(reason.replace(f"{ROOT}/", ""))
        found = json.loads(output.read())
    above = max(anonymous - found["anonymous_before"], 0)
    return Measured(found["seconds"], found["cpu"], found["peak"], above, found["found"])


def _watch(process: subprocess.Popen[bytes]) -> int:
    """Wait for a process, which is killed if it takes too long; the result is its highest anonymous memory in bytes."""
    highest, deadline = 0, time.monotonic() + TASK_SECONDS
    while process.poll() is None:
        highest = max(highest, _anonymous(process.pid))
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
        time.sleep(0.001)
    return highest


def _anonymous(pid: int) -> int:
    """Resident memory of a process that is no file's, in bytes; 0 when it has gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon:")), 0)


def _only(run: Measured, seconds: float) -> Measured:
    """A single step of a run that timed its own; its CPU time is not known apart, and is at most its time."""
    return Measured(seconds, seconds, run.peak, run.anonymous, None)


def _facts() -> dict[str, str]:
    facts = {key: value for key, value in machine_facts(ROOT).items() if key not in PACKAGES}
    return facts | {library: _version(library) for library in LIBRARIES}


def _version(library: str) -> str:
    try:
        return importlib.metadata.version(library)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.blocklists",
        description="Measure the blocklist tools.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a short run that shows whether everything works")
    parser.add_argument("--only", metavar="PART,…", help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--names", type=int, help=f"names in the smaller list ({SMALL:,}; quick: {QUICK:,})")
    parser.add_argument("--repetitions", type=int, help="repetitions, of which the median counts (3; quick: 1)")
    parser.add_argument("--data", type=Path, help=f"directory of reference lists (${DATA_VARIABLE})")
    parser.add_argument("--safedns", type=Path, help="the program to measure (the one next to this Python)")
    parsed = parser.parse_args(arguments)
    unknown = set(parsed.only.split(",")) - set(PARTS) if parsed.only else set()
    if unknown:
        parser.error(f"--only: expected some of {', '.join(PARTS)}, found {', '.join(sorted(unknown))}")
    if parsed.names is not None and parsed.names < 2 * (ADDED + REMOVED):
        parser.error(f"--names: expected at least {2 * (ADDED + REMOVED)}, found {parsed.names}")
    return parsed


def choose(arguments: argparse.Namespace) -> Options:
    """Turn the command line into what to run."""
    chosen = set(arguments.only.split(",") if arguments.only else PARTS)
    reference = Path(os.environ.get(DATA_VARIABLE, REFERENCE_DATA))
    return Options(
        parts=tuple(part for part in PARTS if part in chosen),
        names=arguments.names or (QUICK if arguments.quick else SMALL),
        repetitions=arguments.repetitions or (1 if arguments.quick else 3),
        data=arguments.data or (reference if reference.is_dir() else None),
        work=ROOT / "benchmarks" / "work",
        safedns=arguments.safedns or Path(sys.executable).with_name(SAFEDNS.program),
    )


def main() -> int:
    """Run, print, store."""
    options = choose(parse(sys.argv[1:]))
    if os.getloadavg()[0] > BUSY_LOAD:
        print(f"The load average is {os.getloadavg()[0]:.2f}: numbers from a busy machine are wrong.", file=sys.stderr)
    os.sched_setaffinity(0, {CLIENT_CORE})
    run = Suite(options).run()
    complete = options.parts == PARTS and options.names == SMALL and not run.skipped
    directory = ROOT / "benchmarks" / "runs" if complete else options.work
    stored = store_run(run, directory, f"{datetime.now(UTC):%Y-%m-%d}-{run.facts['commit']}-blocklists")
    print(render_run(run))
    print(f"Stored as {stored}", file=sys.stderr)
    return 1 if run.skipped else 0


if __name__ == "__main__":
    sys.exit(main())
