"""Names taken from a piece of a list, and where each stood."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Lines:
    """Names, one to a line; empty lines hold none.

    Attributes:
        data: lines, each with its LF.
        first: line of the file that the first one stood on, from 1.
        numbers: the lines of the file that they stood on, if they don't follow each other there.
    """

    data: bytes
    first: int
    numbers: Sequence[int] | None = None

    @property
    def count(self) -> int:
        """Lines that are not empty: names, good or bad."""
        return len(list(filter(None, self.data.split(b"\n"))))

    def number(self, index: int) -> int:
        """Line of the file of a line of `data`."""
        return self.first + index if self.numbers is None else self.numbers[index]

    def text(self, index: int) -> str:
        """A line as people can read it."""
        return self.data.split(b"\n", index + 1)[index].decode("utf-8", "replace")
