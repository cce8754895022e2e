"""Formats that are read a line at a time: the loop over lines, and the names collected from them."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from safedns.blocklist.formats.entry import Names, Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from safedns.blocklist.formats.entry import Chunk
    from safedns.blocklist.formats.reading import Reading


class Batch:
    """The names of a chunk, by what they cover; a line is listed, skipped or bad.

    Attributes:
        number: line of the file that is being read; the reader of the lines sets it.
    """

    __slots__ = ("_groups", "_last", "_reading", "number")

    def __init__(self, reading: Reading) -> None:
        self.number = 0
        self._reading = reading
        self._last = 0
        self._groups: dict[tuple[Scope, bool], tuple[list[bytes], array[int]]] = {}

    def add(self, name: bytes, scope: Scope = Scope.SUFFIX, allow: bool = False) -> None:
        """Take a name of the line."""
        group = self._groups.get((scope, allow))
        if group is None:
            group = self._groups[scope, allow] = ([], array("I"))
        group[0].append(name)
        group[1].append(self.number)
        if self.number != self._last:
            self._last = self.number
            self._reading.listed += 1

    def skip(self, kind: str, count: int = 1) -> None:
        """Count the line, or as many lines, as such that can't be honoured."""
        if count:
            self._reading.skipped[kind] += count

    def bad(self, reason: str, line: bytes, count: int = 1) -> None:
        """Count the line, or as many lines, as such that break the rules."""
        self._reading.bad_line(self.number, reason, line.decode("utf-8", "replace"))
        self._reading.bad += count - 1

    def names(self) -> Iterator[Names]:
        """What was collected; the batch is empty afterwards."""
        groups, self._groups = self._groups, {}
        for (scope, allow), (names, numbers) in groups.items():
            yield Names(b"\n".join([*names, b""]), numbers[0], numbers, scope, allow)


def by_line(
    chunks: Iterable[Chunk], reading: Reading, line_read: Callable[[bytes, Batch], None], comments: tuple[bytes, ...]
) -> Iterator[Names]:
    """Read each line that has content.

    Args:
        chunks: the file.
        reading: gets what is found.
        line_read: called with each line, without the space around it.
        comments: what lines start with that are comments.
    """
    batch = Batch(reading)
    for data, first in chunks:
        for number, line in enumerate(data.split(b"\n")[:-1], first):
            content = line.strip()
            if content and not content.startswith(comments):
                batch.number = number
                line_read(content, batch)
        yield from batch.names()
