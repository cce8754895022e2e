"""Lists of names to one compiled blocklist.

The names pass through in chunks; the native builder keeps them. The output appears whole or not at all: it is written
beside its place, synced, verified and renamed.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from safedns.blocklist.categories import BY_NUMBER, Category
from safedns.blocklist.formats import Reading, read
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from safedns._native import Blocklist, Builder


class Source(NamedTuple):
    """A list: the category of its names, and its file."""

    category: Category
    path: str


@dataclass(frozen=True, slots=True)
class Summary:
    """What was compiled.

    Attributes:
        names: distinct names.
        entries: entries left after names under an equally blocked parent were dropped.
        size: bytes.
        serial: version given.
        checksum: hash of the content, in hexadecimal.
        counts: distinct names by category id.
        bad: lines that hold no name.
    """

    names: int
    entries: int
    size: int
    serial: int
    checksum: str
    counts: dict[str, int]
    bad: int


@dataclass(frozen=True, slots=True)
class Report:
    """What to tell while compiling.

    Attributes:
        progress: called with the file and the names read of it so far, with every chunk.
        say: called with a sentence about lines that were left out, the first bad ones as `file:line: reason`.
    """

    progress: Callable[[str, int], None]
    say: Callable[[str], None]


def compile_lists(sources: Iterable[Source], output: str, report: Report, serial: int = 1) -> Summary:
    """Compile lists into a file.

    Raises:
        BlocklistError: a list can't be used or the file can't be written; what was there before is untouched.
    """
    from safedns import _native

    sources = list(sources)
    builder = _native.Builder([(1 << source.category.number, 0, False) for source in sources])
    bad = sum(_read(source, number, builder, report) for number, source in enumerate(sources))
    return _write(builder, Path(output), serial, bad)


def _read(source: Source, number: int, builder: Builder, report: Report) -> int:
    """Add a list to the builder; the result is the number of its bad lines."""
    reading = Reading(source.path)
    for names in read(source.path, reading):
        for index, reason in builder.add(names.data, number, scope=names.scope, allow=names.allow):
            reading.reject(names, index, reason)
        report.progress(source.path, reading.names)
    reading.check_share()
    for line in reading.first_bad:
        report.say(line)
    for kind, count in reading.skipped.items():
        report.say(f"{source.path}: left out {count:,} {kind}")
    return reading.bad


def _write(builder: Builder, output: Path, serial: int, bad: int) -> Summary:
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{output.name}.", dir=output.parent)
        try:
            builder.write(descriptor, serial=serial)
            # mkstemp gives its files to the owner alone; the resolver runs as another user.
            os.fchmod(descriptor, 0o644)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        summary = _verified(temporary, bad)
        Path(temporary).replace(output)
        temporary = None
        _sync_folder(output.parent)
    except OSError as error:
        raise BlocklistError(f"{output}: can't be written: {error.strerror or error}; nothing was changed") from None
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
    return summary


def _verified(path: str, bad: int) -> Summary:
    """Load what was written, as a resolver will: a disk that lies is found out before it matters."""
    from safedns import _native

    return summarise(_native.Blocklist.load(path), bad)


def summarise(blocklist: Blocklist, bad: int = 0) -> Summary:
    """Say what a compiled blocklist holds; `bad` is for what it does not say itself."""
    return Summary(
        names=blocklist.names,
        entries=blocklist.entries,
        size=blocklist.size,
        serial=blocklist.serial,
        checksum=blocklist.checksum,
        counts={BY_NUMBER[number].id: count for number, count in sorted(blocklist.counts.items()) if count},
        bad=bad,
    )


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
