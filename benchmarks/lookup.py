"""The look-up table: bytes per name, cost of compiling, and time per look-up, at several sizes."""

import os
import random
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import SEED, Lists, write_categories, write_lines
from benchmarks.process import SERVER_CORE, Cost, measure_run

SIZES = (100_000, 1_000_000, 5_000_000)
LABELS = 4
SAMPLE = 200_000
"""Names looked up per round: far more than the processor's caches hold the paths of."""

_HOSTS = ("www", "cdn", "m", "api", "static", "eu", "img", "app")
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
    """Time look-ups of listed and of unlisted names."""
    rng = random.Random(SEED)
    listed, unlisted = (
        _time_lookups(compiled.path, write_lines(directory / f"{kind}.txt", four_labels(names, rng)))
        for kind, names in (("listed", lists.blocked), ("unlisted", lists.allowed))
    )
    return LookupRow(compiled.names, compiled.size, compiled.cost.seconds, compiled.cost.peak_bytes, listed, unlisted)


def four_labels(names: Sequence[str], rng: random.Random) -> list[str]:
    """Names of four labels: hosts are put in front of shorter ones; longer ones are left out."""
    sample = []
    for name in rng.sample(names, min(len(names), SAMPLE)):
        lacking = LABELS - 1 - name.count(".")
        if lacking >= 0:
            sample.append(".".join([*(rng.choice(_HOSTS) for _ in range(lacking)), name]))
    return sample


def build_lookup_bench() -> None:
    """Build the program before its time is taken."""
    subprocess.run(_cargo("build"), check=True)


def _time_lookups(compiled: Path, names: Path) -> float:
    command = ["taskset", "-c", str(SERVER_CORE), *_cargo("run"), "--", str(compiled), str(names)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise RuntimeError(f"`{' '.join(command)}` failed: {result.stderr.strip()[-200:]}")
    return float(result.stdout.split()[0])


def _cargo(action: str) -> list[str]:
    cargo = os.environ.get("CARGO", "cargo")
    return [cargo, action, "--quiet", "--release", "--manifest-path", str(_MANIFEST), "--example", "lookup_bench"]
