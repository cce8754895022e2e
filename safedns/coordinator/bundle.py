"""What takes long, for a process of its own: reading an imported file, compiling a bundle, asking the guard, deltas."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import zstandard

from safedns.blocklist import guard
from safedns.blocklist.formats import Reading, Scope, read
from safedns.blocklist.formats.valid import invalid
from safedns.blocklist.output import replacing
from safedns.blocklist.release import NOTHING, Object
from safedns.coordinator.publisher import Archive, bases
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from safedns._native import Builder
    from safedns.blocklist.guard import Rules

MOST_BLOB: Final = 2**30
"""Bytes of an imported list, decompressed, that are accepted."""

SCOPES: Final = {"suffix": Scope.SUFFIX, "exact": Scope.EXACT, "below": Scope.BELOW}
"""What an entry covers, in the words of the API."""

_WHOLE: Final = "suffix"
_LISTS, _OPERATOR = 0, 1
_LEVEL: Final = 9


class Imported(NamedTuple):
    """An imported file.

    Attributes:
        sha256: of its names, before they are compressed.
        data: its names, compressed.
        names: how many.
        summary: how the file was read, for people.
    """

    sha256: str
    data: bytes
    names: int
    summary: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """A list, as it goes into a bundle.

    Attributes:
        categories: bit mask of what its names get, or are taken out of.
        allow: whether it takes names out.
        blob: file with the compressed names of its import; None if it has none.
        added: names and scopes that somebody added.
        removed: the same, taken out of the list.
    """

    categories: int
    allow: bool
    blob: str | None
    added: tuple[tuple[str, str], ...]
    removed: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle and what leads to it.

    Attributes:
        bundle: its hash and length.
        names: distinct names in it.
        report: the guard's, as plain data.
        refused: what the guard says against it; empty if nothing.
        deltas: by the serial that they start from.
    """

    bundle: Object
    names: int
    report: Mapping[str, Any]
    refused: tuple[str, ...]
    deltas: Mapping[int, bytes]


def import_file(data: bytes, name: str, format: str) -> Imported:  # noqa: A002 - the word that configurations use
    """Read a list in any format, and keep its names only: in A-label form, sorted, each once.

    Raises:
        BlocklistError: it is no list, or of another format; the text says where, with the file's name.
    """
    groups: dict[tuple[int, bool], set[bytes]] = {}
    reading = Reading(name)
    with NamedTemporaryFile(suffix=Path(name).suffix) as file:
        file.write(data)
        file.flush()
        reading.path = file.name
        try:
            for names in read(file.name, reading, format=format):
                rejected = invalid(names.data)
                for index, reason in rejected:
                    reading.reject(names, index, reason)
                bad = {index for index, _ in rejected}
                lines = names.data.lower().split(b"\n")
                taken = (line.rstrip(b".") for index, line in enumerate(lines) if line and index not in bad)
                groups.setdefault((int(names.scope), names.allow), set()).update(taken)
            reading.check_share()
            reading.check_names()
        except BlocklistError as error:
            raise BlocklistError(str(error).replace(file.name, name)) from None
    plain = _joined(groups)
    count = sum(map(len, groups.values()))
    summary = {
        "format": reading.format,
        "lines": reading.lines,
        "names": count,
        "bad": reading.bad,
        "first_bad": [line.replace(file.name, name) for line in reading.first_bad],
        "skipped": dict(reading.skipped),
    }
    compressed = zstandard.ZstdCompressor(level=_LEVEL).compress(plain)
    return Imported(hashlib.sha256(plain).hexdigest(), compressed, count, summary)


def refused(part: Part, rules: Rules, most: int) -> list[tuple[str, str]]:
    """Names of an imported list that the guard would refuse, and why: what is left is a list that it lets pass.

    Raises:
        BlocklistError: they are more than `most`: it is no list of names to block.
    """
    from safedns import _native

    found: dict[str, str] = {}
    while True:
        with NamedTemporaryFile(suffix=".sdns") as file:
            taken_out = tuple((name, _WHOLE) for name in found)
            compile_parts([replace(part, removed=part.removed + taken_out)], file.fileno(), 1)
            refusals = guard.refusals(_native.Blocklist.open(file.name), None, rules)
        # Names below one that was taken out are judged by themselves now.
        fresh = {each.entry: each.problem for each in refusals if each.entry not in found}
        if not fresh:
            return sorted(found.items())
        found |= fresh
        if len(found) > most:
            raise BlocklistError(
                f"expected a list of which the guard refuses at most {most:,} names, found more: "
                "is it one of names to block?"
            )


def preview(parts: Sequence[Part], before: str | None, rules: Rules) -> dict[str, Any]:
    """What the guard says of a bundle of these lists in place of another one, as plain data."""
    from safedns import _native

    with NamedTemporaryFile(suffix=".sdns") as file:
        compile_parts(parts, file.fileno(), 1)
        new = _native.Blocklist.open(file.name)
        old = _native.Blocklist.open(before) if before is not None else None
        return guard.check(new, old, rules).plain()


def recompile(parts: Sequence[Part], channel: str, serial: int, archive: str) -> Object:
    """Compile a bundle into the archive."""
    path = Archive(archive).file(channel, serial)
    with replacing(path) as file:
        compile_parts(parts, file.fileno(), serial)
    with path.open("rb") as file:
        return Object(hashlib.file_digest(file, "sha256").hexdigest(), path.stat().st_size)


def make(
    parts: Sequence[Part], channel: str, serial: int, archive: str, before: int | None, rules: Rules, fast: bool
) -> Made:
    """Compile a bundle, ask the guard, and make what leads to it.

    Args:
        parts: its lists.
        channel: whose bundle it is.
        serial: its serial.
        archive: folder of the compiled blocklists.
        before: serial of the bundle that routers have now.
        rules: what may pass.
        fast: whether only what leads from `before` is wanted for now.
    """
    from safedns import _native

    store = Archive(archive)
    bundle = recompile(parts, channel, serial, archive)
    starts = [before] if fast and before is not None else [NOTHING, *bases(store.serials(channel), serial)]
    # Somebody may wait for this in a hurry, and nearly everything passes the guard.
    with ThreadPoolExecutor(1) as beside:
        making = beside.submit(store.deltas, channel, serial, starts)
        verdict = store.check(channel, serial, before, rules)
        deltas = making.result()
    refused = tuple(each.sentence for each in verdict.refusals)
    names = _native.Blocklist.open(str(store.file(channel, serial))).names
    return Made(bundle, names, verdict.plain(), refused, {} if refused else deltas)


def diff(old: str, new: str, most: int) -> tuple[list[tuple[str, int, int, int, int]], bool]:
    """Entries in which two bundles differ, as `differences` has them; at most so many, and whether there are more."""
    from safedns import _native

    found: list[tuple[str, int, int, int, int]] = []
    for batch in _native.differences(_native.Blocklist.open(old), _native.Blocklist.open(new)):
        found += batch
        if len(found) > most:
            return found[:most], True
    return found, False


def finish(channel: str, serial: int, archive: str) -> dict[int, bytes]:
    """Make everything that leads to a bundle which is in the archive."""
    store = Archive(archive)
    deltas = store.deltas(channel, serial, [NOTHING, *bases(store.serials(channel), serial)])
    store.prune(channel)
    return deltas


def compile_parts(parts: Sequence[Part], descriptor: int, serial: int) -> None:
    """Compile lists; what is to be allowed is stronger than what is blocked.

    Raises:
        BlocklistError: a blob is damaged, or a name is none.
    """
    from safedns import _native

    rows = [(part.categories, _OPERATOR if part.allow else _LISTS, part.allow) for part in parts]
    builder = _native.Builder(rows)
    with ExitStack() as files:
        for number, part in enumerate(parts):
            if part.blob is not None:
                data = zstandard.ZstdDecompressor().stream_reader(files.enter_context(Path(part.blob).open("rb")))
                _add_blob(builder, number, data.read(MOST_BLOB))
            _add_entries(builder, number, part.added, allow=False)
            _add_entries(builder, number, part.removed, allow=True)
    builder.write(descriptor, serial=serial)


def _joined(groups: dict[tuple[int, bool], set[bytes]]) -> bytes:
    """A line that says what follows, then the names."""
    parts = {key: b"\n".join([*sorted(names), b""]) for key, names in sorted(groups.items()) if names}
    front = [[scope, allow, len(data)] for (scope, allow), data in parts.items()]
    return b"\n".join([json.dumps(front).encode(), b"".join(parts.values())])


def _add_blob(builder: Builder, number: int, data: bytes) -> None:
    front, _, names = data.partition(b"\n")
    start = 0
    for scope, allow, length in json.loads(front):
        builder.add(names[start : start + length], number, scope=scope, allow=allow)
        start += length


def _add_entries(builder: Builder, number: int, entries: Sequence[tuple[str, str]], *, allow: bool) -> None:
    for name, scope in entries:
        for _, reason in builder.add(name.encode(), number, scope=SCOPES[scope], allow=allow):
            raise BlocklistError(f"{name}: expected a domain name: {reason}")
