"""Tables with a header (RFC 4180, or with tabs): the names are in a column that is named or numbered."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats import urls
from safedns.blocklist.formats.batch import Batch
from safedns.blocklist.formats.entry import Chunk, Names, Scope
from safedns.blocklist.formats.plain import ADDRESS_KIND, is_address
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

DEFAULT_COLUMN: Final = "domain"
EMPTY_KIND: Final = "empty cell"
HEADER_KIND: Final = "header"
CONTINUED_KIND: Final = "record over several lines"

# A quotation mark that never closes must not swallow the file.
MAX_RECORD: Final = 2**16
MAX_RECORD_LINES: Final = 64

_DELIMITERS: Final = (b"\t", b",", b";", b"|")


class _Table:
    """Reads the lines of one table; a record that goes on in the next line is kept until it is whole."""

    def __init__(self, reading: Reading, options: Mapping[str, str]) -> None:
        self.batch = Batch(reading)
        self._path = reading.path
        self._wanted = options.get("column", DEFAULT_COLUMN)
        self._delimiter = self._given(options)
        self._column: int | None = None
        self._record = b""
        self._lines = 0

    def _given(self, options: Mapping[str, str]) -> bytes | None:
        given = options.get("delimiter")
        if given is None:
            return None
        delimiter = {"tab": b"\t", "\\t": b"\t"}.get(given, given.encode())
        if len(delimiter) != 1 or delimiter in b'"\r\n':
            raise BlocklistError(f"{self._path}: expected one character or tab as delimiter, found {given!r}")
        return delimiter

    def line(self, line: bytes) -> None:
        """Read a line that is not empty, or that an open record goes on in."""
        record = self._record + line
        self._lines += 1
        if record.count(b'"') % 2:
            self._record = record + b"\n"
            if len(record) > MAX_RECORD or self._lines >= MAX_RECORD_LINES:
                self.end()
            return
        lines, self._lines, self._record = self._lines, 0, b""
        try:
            row = self._cells(record)
        except csv.Error as error:
            self.batch.bad(f"expected a record ({error})", line, lines)
            return
        self.batch.skip(CONTINUED_KIND, lines - 1)
        if self._column is None:
            self._column = self._header(row)
            self.batch.skip(HEADER_KIND)
        else:
            self._take(row, line)

    @property
    def open(self) -> bool:
        """Whether the record goes on."""
        return bool(self._record)

    def end(self) -> None:
        """A record that is still open, at the end of the file or of what a record may be, was cut short."""
        if self._record:
            self.batch.bad("expected the end of a quoted cell; the record starts", self._record, self._lines)
            self._record, self._lines = b"", 0

    def _cells(self, record: bytes) -> list[bytes]:
        if self._delimiter is None:
            self._delimiter = max(_DELIMITERS, key=record.count)
        if b'"' not in record:
            return record.split(self._delimiter)
        text = record.decode("utf-8", "surrogateescape")
        rows = csv.reader(text.splitlines(keepends=True), delimiter=self._delimiter.decode(), strict=True)
        return [cell.encode("utf-8", "surrogateescape") for cell in next(rows)]

    def _header(self, row: list[bytes]) -> int:
        names = [cell.strip().lstrip(b"#").strip().decode("utf-8", "replace").lower() for cell in row]
        wanted = self._wanted.lower()
        if wanted in names:
            return names.index(wanted)
        if wanted.isascii() and wanted.isdigit() and 0 < int(wanted[:9]) <= len(names):
            return int(wanted) - 1
        found = ", ".join(name[:40] for name in names[:20])
        raise BlocklistError(f"{self._path}: expected a column {self._wanted!r}, found {found}; see the option column")

    def _take(self, row: list[bytes], line: bytes) -> None:
        assert self._column is not None  # noqa: S101 - the header came first
        if self._column >= len(row):
            self.batch.bad(f"expected at least {self._column + 1} cells", line)
            return
        cell = row[self._column].strip()
        if not cell:
            self.batch.skip(EMPTY_KIND)
        elif b"://" in cell:
            urls.take(cell, self.batch)
        elif is_address(cell):
            self.batch.skip(ADDRESS_KIND)
        elif b"\n" in cell:
            self.batch.bad("expected a name", cell)
        else:
            self.batch.add(cell.removeprefix(b"*.").removeprefix(b"."), Scope.SUFFIX)


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list.

    Raises:
        BlocklistError: the column is not in the header.
    """
    table = _Table(reading, options)
    for data, first in chunks:
        for number, line in enumerate(data.split(b"\n")[:-1], first):
            table.batch.number = number
            content = line.rstrip(b"\r")
            if table.open or (content.strip() and not _is_comment(content)):
                table.line(content)
        yield from table.batch.names()
    table.end()


def _is_comment(line: bytes) -> bool:
    return line.startswith(b"# ") or line == b"#" or line.startswith(b"##")
