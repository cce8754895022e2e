"""`python -m benchmarks`: run the suite, print the tables, store the run."""

import argparse
import os
import resource
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.lookup import SIZES
from benchmarks.names import BLOCKED_NAMES
from benchmarks.peers import SAFEDNS, SERVERS
from benchmarks.process import CLIENT_CORE
from benchmarks.report import render, store
from benchmarks.suite import EXTRAS, Options, Suite
from benchmarks.tools import BUSY_LOAD, add_system_paths, missing, taken_ports

ROOT = Path(__file__).parents[1]
REFERENCE_DATA = ROOT.parent / "shared" / "data" / "bench"
DATA_VARIABLE = "SAFEDNS_BENCH_DATA"

SERVICE_FILES = 1024
"""Open files that systemd allows a service that asks for no more; dnsmasq's cost per query grows with the limit."""

EPILOG = """examples:
  python -m benchmarks                        everything, about 12 minutes, stored under benchmarks/runs/
  python -m benchmarks --quick                100,000 names, one short repetition: does everything work?
  python -m benchmarks --only safedns,floor   some servers or parts only; stored under benchmarks/work/
"""


def main() -> int:
    """Check, run, print, store."""
    arguments = parse(sys.argv[1:])
    add_system_paths()
    options = choose(arguments)
    problems = missing(options.servers) + taken_ports()
    if options.needs_safedns and not options.safedns.is_file():
        problems.append(f"{options.safedns} is missing: make build, or name another with --safedns")
    if "lookup" in options.extras and shutil.which(os.environ.get("CARGO", "cargo")) is None:
        problems.append("cargo is missing: see https://rustup.rs")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 2
    if os.getloadavg()[0] > BUSY_LOAD:
        print(f"The load average is {os.getloadavg()[0]:.2f}: numbers from a busy machine are wrong.", file=sys.stderr)
    os.sched_setaffinity(0, {CLIENT_CORE})
    resource.setrlimit(resource.RLIMIT_NOFILE, (SERVICE_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    results = Suite(options).run()
    complete = not (arguments.quick or arguments.only or results.skipped)
    directory = ROOT / "benchmarks" / "runs" if complete else options.work
    stored = store(results, directory, f"{datetime.now(UTC):%Y-%m-%d}-{results.facts['commit']}")
    print(render(results))
    print(f"Stored as {stored}", file=sys.stderr)
    return 1 if results.skipped else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure SafeDNS against other resolvers and against the kernel.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a short run that shows whether everything works")
    parser.add_argument("--only", metavar="NAME,…", help=f"some of: {', '.join(choices())}")
    parser.add_argument("--seconds", type=float, help="seconds of each load (1.5; quick: 0.5)")
    parser.add_argument("--repetitions", type=int, help="repetitions, of which the median counts (3; quick: 1)")
    parser.add_argument("--names", type=int, help="names in the list (1,000,000; quick: 100,000)")
    parser.add_argument("--data", type=Path, help=f"directory of reference lists (${DATA_VARIABLE})")
    parser.add_argument("--safedns", type=Path, help="the program to measure (the one next to this Python)")
    parsed = parser.parse_args(arguments)
    unknown = set(parsed.only.split(",")) - set(choices()) if parsed.only else set()
    if unknown:
        parser.error(f"--only: expected some of {', '.join(choices())}, found {', '.join(sorted(unknown))}")
    return parsed


def choices() -> list[str]:
    """What `--only` takes."""
    return [*(server.name.replace(" ", "-") for server in SERVERS), *EXTRAS]


def choose(arguments: argparse.Namespace) -> Options:
    """Turn the command line into what to run."""
    chosen = set(arguments.only.split(",") if arguments.only else choices())
    quick = arguments.quick
    reference = Path(os.environ.get(DATA_VARIABLE, REFERENCE_DATA))
    names = arguments.names or (BLOCKED_NAMES // 10 if quick else BLOCKED_NAMES)
    return Options(
        servers=tuple(server for server in SERVERS if server.name.replace(" ", "-") in chosen),
        extras=tuple(extra for extra in EXTRAS if extra in chosen),
        repetitions=arguments.repetitions or (1 if quick else 3),
        seconds=arguments.seconds or (0.5 if quick else 1.5),
        names=names,
        lookup_sizes=(names,) if quick else SIZES,
        data=arguments.data or (reference if reference.is_dir() else None),
        work=ROOT / "benchmarks" / "work",
        root=ROOT,
        safedns=arguments.safedns or Path(sys.executable).with_name(SAFEDNS.program),
    )


if __name__ == "__main__":
    sys.exit(main())
