"""What several blocklist commands share: opening a file, showing progress, and the summary of a file."""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final, Self

from safedns.cli.common import print_table, warn

if TYPE_CHECKING:
    from safedns._native import Blocklist
    from safedns.blocklist.compile import Contents, Summary

# Often enough to see that it moves.
_PROGRESS_INTERVAL: Final = 0.1


def load(path: str) -> Blocklist:
    """Open a compiled blocklist and verify all of it.

    Raises:
        BlocklistError: it can't be used.
    """
    from safedns import _native

    return _native.Blocklist.load(path)


def serial(text: str) -> int:
    """A serial as it is typed."""
    value = int(text)
    if not 0 < value < 2**64:
        raise ValueError
    return value


def per_name(contents: Contents) -> float:
    """Bytes of the file for each name."""
    return round(contents.size / contents.names, 3) if contents.names else 0.0


def print_contents(path: str, contents: Contents, version: int | None = None) -> None:
    """Print what a compiled blocklist holds."""
    rows = [
        ("file", path),
        *([("format", f"version {version}")] if version is not None else []),
        ("serial", str(contents.serial)),
        ("names", f"{contents.names:,}"),
        ("entries", f"{contents.entries:,} once names under an equally listed parent are gone"),
        ("size", f"{contents.size:,} bytes, {per_name(contents):.2f} per name"),
        ("checksum", contents.checksum),
    ]
    print_table([*rows, *((f"  {word}", f"{count:,}") for word, count in contents.counts.items())])


def print_left_out(summary: Summary) -> None:
    """Print what was left out of a compiled blocklist."""
    left_out = Counter({"lines that hold no name": summary.bad})
    for each in summary.inputs:
        left_out.update(each.skipped)
    print_table(("left out", f"{count:,} {reason}") for reason, count in left_out.most_common() if count)


class Progress:
    """One line on a terminal that says how far we are; nothing elsewhere."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()

    def reading(self, path: str, count: int) -> None:
        """Show the names read of a file so far."""
        self.show(f"reading {path}: {count:,} names")

    def show(self, text: str) -> None:
        """Show a text in place of the last one, unless that stands there too short a time to be read."""
        now = time.monotonic()
        if self._terminal and now >= self._next:
            self._next = now + _PROGRESS_INTERVAL
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def warn(self, text: str) -> None:
        """Say something on a line of its own."""
        self.clear()
        warn(text)

    def clear(self) -> None:
        """Take the line away."""
        if self._terminal:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
