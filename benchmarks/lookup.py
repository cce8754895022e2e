"""The look-up table: bytes per name, cost of compiling, and time per look-up, at several sizes."""

import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import CATEGORY_SHARES, Lists, write_categories, write_lines
from benchmarks.process import SERVER_CORE, Cost, measure_run

SIZES = (100_000, 1_000_000, 5_000_000)
_MANIFEST = Path(__file__).parents[1] / "native" / "Cargo.toml"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled list and what compiling it took."""

    path: Path
    names: int
    size: int
    cost: Cost


@dataclass(frozen=True, slots=True)
class LookupRow:
    """One size: bytes of the file, seconds and peak bytes of compiling, nanoseconds per look-up of 4-label names."""

    names: int
    size: int
    compile_seconds: float
    compile_peak: int
    listed_nanoseconds: float
    unlisted_nanoseconds: float


def compile_list(safedns: Path, names: Sequence[str], directory: Path) -> Compiled:
    """Compile names, spread over categories, with `safedns blocklist compile`."""
    output = directory / "list.sdl"
    command = [str(safedns), "blocklist", "compile", "--output", str(output), *write_categories(names, directory)]
    cost = measure_run(command, SERVER_CORE, directory / "compile.log")
    return Compiled(output, len(names), output.stat().st_size, cost)


def measure_lookups(compiled: Compiled, lists: Lists, directory: Path) -> LookupRow:
    """Time look-ups of listed and of unlisted names with the look-up program, which builds the list in its memory."""
    names, misses = directory / "names.txt", directory / "misses.txt"
    write_lines(names, lists.blocked)
    write_lines(misses, lists.allowed)
    categories = [f"{number}={directory / category}.txt" for number, category in enumerate(CATEGORY_SHARES)]
    arguments = [str(names), *categories, "--misses", str(misses)]
    command = ["taskset", "-c", str(SERVER_CORE), *_cargo("run"), "--", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` failed: {result.stderr.strip()[-200:]}")
    times = json.loads(result.stdout)
    return LookupRow(
        names=compiled.names,
        size=compiled.size,
        compile_seconds=compiled.cost.seconds,
        compile_peak=compiled.cost.peak_bytes,
        listed_nanoseconds=times["ns_hit"],
        unlisted_nanoseconds=times["ns_miss"],
    )


def build_lookup_bench() -> None:
    """Build the program before its time is taken."""
    subprocess.run(_cargo("build"), check=True)


def _cargo(action: str) -> list[str]:
    cargo = os.environ.get("CARGO", "cargo")
    manifest = ("--manifest-path", str(_MANIFEST), "--package", "safedns-core", "--example", "lookup_bench")
    return [cargo, action, "--quiet", "--release", *manifest]
