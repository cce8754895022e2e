"""What a run of the blocklist tools found, and the numbers that they must reach."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.targets import MEGABYTE, Finding

READ = "read "
"""Begins the name of the work of reading a list; its format follows."""

SMALL, LARGE = 1_000_000, 5_000_000
"""Names for which there are targets."""

BUILD_SECONDS = {SMALL: 5.0, LARGE: 30.0}
BUILD_MEMORY = {SMALL: 300.0, LARGE: 400.0}
OPEN_MILLISECONDS = 1.0
EXPLAIN_MILLISECONDS = 50.0
BYTES_PER_CHANGE = 10.0
APPLY_SECONDS = 0.5
APPLY_MEMORY = 64.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One piece of work in one process: seconds, CPU seconds, peak in bytes (anonymous: above what it had before)."""

    seconds: float
    cpu: float
    peak: int
    anonymous: int
    found: Any


@dataclass(frozen=True, slots=True)
class Row:
    """Work repeated: medians, the highest peak, and (highest - lowest) / median of the seconds. `size` is that of the
    file that was written, 0 if none was."""

    work: str
    names: int
    seconds: float
    cpu: float
    peak: int
    anonymous: int
    spread: float
    size: int = 0


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta between two lists: names added and removed, entries that differ, bytes, and whether it worked."""

    added: int
    removed: int
    changes: int
    size: int
    identical: bool

    @property
    def bytes_per_change(self) -> float:
        """For each name or each entry that changed, whichever are fewer."""
        return self.size / min(self.added + self.removed, self.changes)


@dataclass(frozen=True, slots=True)
class Run:
    """A whole run. What was not asked for, or could not be done, is empty or None."""

    facts: dict[str, str]
    settings: dict[str, str]
    rows: tuple[Row, ...]
    delta: Delta | None
    published: tuple[dict[str, Any], ...]
    skipped: tuple[str, ...]


def summarise(work: str, names: int, runs: Sequence[Measured], size: int = 0) -> Row:
    """One row of several runs."""
    seconds = [run.seconds for run in runs]
    return Row(
        work=work,
        names=names,
        seconds=median(seconds),
        cpu=median(run.cpu for run in runs),
        peak=max(run.peak for run in runs),
        anonymous=max(run.anonymous for run in runs),
        spread=(max(seconds) - min(seconds)) / median(seconds),
        size=size,
    )


def find(run: Run, work: str, names: int | None = None) -> Row | None:
    """The row of a piece of work, at a size or at the first one."""
    return next((row for row in run.rows if row.work == work and names in (None, row.names)), None)


def judge_blocklists(run: Run) -> list[Finding]:
    """Every target that the run has numbers for."""
    findings = [*_build(run), *_use(run)]
    if run.delta:
        findings += _delta(run, run.delta)
    if run.published:
        lost = sum(abs(each["lost"]) for each in run.published)
        findings.append(Finding("published lists: lines lost", lost, 0, ""))
    return findings


def _build(run: Run) -> Iterator[Finding]:
    for work in ("compile", "build"):
        for names, word in ((SMALL, "1 M"), (LARGE, "5 M")):
            if row := find(run, work, names):
                yield Finding(f"{work}, {word} names", row.seconds, BUILD_SECONDS[names], "s")
                yield Finding(f"{work}, {word} names: peak memory", row.peak / MEGABYTE, BUILD_MEMORY[names], "MB")


def _use(run: Run) -> Iterator[Finding]:
    for names, word in ((SMALL, "1 M"), (LARGE, "5 M")):
        if row := find(run, "open", names):
            yield Finding(f"open, {word} names", row.seconds * 1e3, OPEN_MILLISECONDS, "ms")
    for work, text in (("explain, first", "explain, first in a process"), ("explain", "explain")):
        if row := find(run, work, SMALL):
            yield Finding(f"{text}, 1 M names", row.seconds * 1e3, EXPLAIN_MILLISECONDS, "ms")


def _delta(run: Run, delta: Delta) -> Iterator[Finding]:
    if (row := find(run, "delta apply", SMALL)) is None:
        return
    yield Finding("delta: bytes per change", delta.bytes_per_change, BYTES_PER_CHANGE, "bytes")
    yield Finding("delta: apply", row.seconds, APPLY_SECONDS, "s")
    yield Finding("delta: apply, memory above the mapped files", row.anonymous / MEGABYTE, APPLY_MEMORY, "MB")
    yield Finding("delta: files that are not byte-identical", 0 if delta.identical else 1, 0, "")
