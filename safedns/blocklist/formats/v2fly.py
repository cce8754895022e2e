"""Domain lists of v2fly: `domain:name`, `full:name`, `include:file`, attributes (`@ads`) behind them.

Included files are those beside the list. Their names are told with the line of the `include:` that brought them in.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.batch import Batch
from safedns.blocklist.formats.entry import Chunk, Names, Scope
from safedns.blocklist.formats.source import chunks as read_chunks
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

ATTRIBUTE_KIND: Final = "without the attributes wanted"
INCLUDE_KIND: Final = "include"
KINDS: Final = {b"keyword": "keyword", b"regexp": "regular expression"}

# The published lists nest three deep.
MAX_DEPTH: Final = 16

_RULE = re.compile(rb"(?:(domain|full|keyword|regexp|include):)?([^\s#@&]\S*)((?:\s+[@&][^\s#]+)*)\s*(?:#.*)?")
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9!_.-]*")


class _List:
    """Reads a list and those that it includes."""

    def __init__(self, reading: Reading, options: Mapping[str, str]) -> None:
        self.batch = Batch(reading)
        self._reading = reading
        self._wanted = tuple(options.get("attributes", "").replace(",", " ").encode().split())
        self._open = [Path(reading.path)]
        self._filters: list[tuple[bytes, ...]] = [self._wanted]

    def line(self, line: bytes) -> None:
        """Read a line that has content."""
        found = _RULE.fullmatch(line)
        if found is None or (found[1] is None and b":" in found[2]):
            self.batch.bad("expected a name, domain:, full:, include:, keyword: or regexp:", line)
            return
        kind, value, tail = found.groups()
        attributes = frozenset(word[1:] for word in tail.split() if word.startswith(b"@")) if tail else frozenset()
        if kind == b"include":
            self._include(value, tuple(word[1:] for word in tail.split() if word.startswith(b"@")), line)
        elif kind in KINDS:
            self.batch.skip(KINDS[kind])
        elif not all(_fits(attributes, wanted) for wanted in self._filters):
            self.batch.skip(ATTRIBUTE_KIND)
        else:
            self.batch.add(value, Scope.EXACT if kind == b"full" else Scope.SUFFIX)

    def _include(self, value: bytes, attributes: tuple[bytes, ...], line: bytes) -> None:
        file = self._beside(value.decode("utf-8", "replace"))
        if file is None:
            self.batch.bad("expected the file to include beside the list, found none", line)
        elif file in self._open or len(self._open) > MAX_DEPTH:
            self.batch.bad("expected lists that don't include each other, found a loop", line)
        else:
            self.batch.skip(INCLUDE_KIND)
            self._filters.append(attributes)
            self._open.append(file)
            self._read(file)
            self._open.pop()
            self._filters.pop()

    def _beside(self, name: str) -> Path | None:
        here = self._open[-1]
        if not _FILE.fullmatch(name):
            return None
        files = (here.with_name(name + here.suffix), here.with_name(name))
        return next((file for file in files if file.is_file()), None)

    def _read(self, file: Path) -> None:
        number = self.batch.number
        try:
            for data, _ in read_chunks(str(file), long_line=lambda _: self.batch.bad("line is too long", b"")):
                self._reading.lines += data.count(b"\n")
                for line in contents(data):
                    self.batch.number = number
                    if line:
                        self.line(line)
        except BlocklistError as error:
            self.batch.bad(str(error), b"")


def contents(data: bytes) -> Iterator[bytes]:
    """The lines without the space around them; comments are empty."""
    for line in data.split(b"\n")[:-1]:
        content = line.strip()
        yield b"" if content.startswith(b"#") else content


def _fits(attributes: frozenset[bytes], wanted: tuple[bytes, ...]) -> bool:
    """Whether an entry has each attribute that is wanted, and none with `-` in front."""
    return all(word[1:] not in attributes if word.startswith(b"-") else word in attributes for word in wanted)


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    parser = _List(reading, options)
    for data, first in chunks:
        for number, line in enumerate(contents(data), first):
            parser.batch.number = number
            if line:
                parser.line(line)
        yield from parser.batch.names()
