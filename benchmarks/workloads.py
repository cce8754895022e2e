"""Query files: what the load generators ask. dnsperf's format: a name and a type to a line."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.names import SEED, Lists, write_lines

WORKLOADS = ("cached", "blocked", "mix", "miss")
"""In the order in which each server is measured: the cache is as it was warmed for the first three."""

WARM_NAMES = 10_000
MIX = {"cached": 0.80, "blocked": 0.15}
"""Shares of the mix; the rest are new names."""

QUERIES_PER_SECOND = {"mix": 400_000, "miss": 150_000}
"""Lines written per second of measurement: more than any server here can take, so that no new name comes twice."""

LATENCY_SECONDS = 1.0
LATENCY_RATE = 2_000
"""Queries per second of the latency measurement: a home never asks as much, and every server but one can take it."""


@dataclass(frozen=True, slots=True)
class QueryFiles:
    """The files of one repetition, by workload: for dnsperf at full load, for the saturating load, for latency."""

    warm: Path
    load: dict[str, Path]
    flood: dict[str, Path]
    latency: dict[str, Path]


class Workloads:
    """Writes query files. The same lists and seed give the same files."""

    def __init__(self, lists: Lists, directory: Path) -> None:
        self.blocked = lists.blocked
        self.allowed = lists.allowed
        self.directory = directory
        self.warm = random.Random(SEED).sample(lists.allowed, min(WARM_NAMES, len(lists.allowed) // 2))

    def write(self, repetition: int, seconds: float) -> QueryFiles:
        """Write the files of one repetition. What is a new name in one file is in no other."""
        rng = random.Random(SEED + repetition)
        full = {name: round(rate * seconds) for name, rate in QUERIES_PER_SECOND.items()}
        slow = dict.fromkeys(QUERIES_PER_SECOND, round(LATENCY_RATE * LATENCY_SECONDS))
        return QueryFiles(
            warm=self._file("warm", iter(self.warm)),
            load=self._files("load", f"a{repetition}", full, rng),
            flood=self._files("flood", f"b{repetition}", full, rng),
            latency=self._files("latency", f"c{repetition}", slow, rng),
        )

    def _files(self, purpose: str, tag: str, counts: dict[str, int], rng: random.Random) -> dict[str, Path]:
        names = {
            "cached": shuffled(self.warm, rng),
            "blocked": shuffled(self.blocked, rng),
            "mix": self.mixed(counts["mix"], rng, f"{tag}x"),
            "miss": self.new_names(counts["miss"], rng, f"{tag}y"),
        }
        return {workload: self._file(f"{purpose}-{workload}", names[workload]) for workload in WORKLOADS}

    def _file(self, name: str, names: Iterator[str]) -> Path:
        return write_lines(self.directory / f"{name}.txt", (f"{each} A" for each in names))

    def new_names(self, count: int, rng: random.Random, tag: str) -> Iterator[str]:
        """Names that no other file has: a label of their own below an ordinary site."""
        for number in range(count):
            yield f"{tag}{number:x}.{rng.choice(self.allowed)}"

    def mixed(self, count: int, rng: random.Random, tag: str) -> Iterator[str]:
        """The mix: warm, blocked and new names in random order."""
        new = self.new_names(count, rng, tag)
        for _ in range(count):
            point = rng.random()
            if point < MIX["cached"]:
                yield rng.choice(self.warm)
            elif point < MIX["cached"] + MIX["blocked"]:
                yield rng.choice(self.blocked)
            else:
                yield next(new)


def shuffled(names: list[str], rng: random.Random) -> Iterator[str]:
    """The names in random order."""
    return iter(rng.sample(names, len(names)))
