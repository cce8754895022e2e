"""Names taken from a piece of a list: what they cover, and where each stood."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Scope(IntEnum):
    """What an entry covers; the numbers are those of the native builder."""

    SUFFIX = 0
    """The name and all below it."""
    EXACT = 1
    """The name only."""
    BELOW = 2
    """What is below the name, and not the name."""


class Chunk(NamedTuple):
    """Whole lines of a file, each with its LF.

    Attributes:
        data: the lines.
        first: number of the first one, from 1.
    """

    data: bytes
    first: int


@dataclass(frozen=True, slots=True)
class Names:
    """Names, one to a line; empty lines hold none.

    Attributes:
        data: lines, each with its LF; in A-label form, in any case, with or without the last dot.
        first: line of the file that the first one stood on, from 1.
        numbers: the lines of the file that they stood on, if they don't follow each other there.
        scope: what they cover.
        allow: whether they are exceptions: not in the list, whatever the rest of it says.
    """

    data: bytes
    first: int
    numbers: Sequence[int] | None = None
    scope: Scope = Scope.SUFFIX
    allow: bool = False

    @property
    def count(self) -> int:
        """Lines that are not empty: names, good or bad."""
        return filled(self.data)

    def number(self, index: int) -> int:
        """Line of the file of a line of `data`."""
        return self.first + index if self.numbers is None else self.numbers[index]

    def text(self, index: int) -> str:
        """A line as people can read it."""
        return self.data.split(b"\n", index + 1)[index].decode("utf-8", "replace")


def filled(data: bytes) -> int:
    """How many lines are not empty."""
    # Searching for bytes is many times faster than splitting, and most chunks have no empty line.
    if b"\n\n" not in data and not data.startswith(b"\n"):
        return data.count(b"\n")
    return sum(map(bool, data.split(b"\n")))
