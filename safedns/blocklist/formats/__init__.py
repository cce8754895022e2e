"""Formats that lists come in, one module each.

A reader turns a chunk of whole lines into names, one to a line, without touching each line in Python where it can:
lists have millions. `names` finds out which format a file has, from its content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from safedns.blocklist.formats import hosts, plain
from safedns.blocklist.formats.source import chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from safedns.blocklist.formats.lines import Lines


def names(path: str) -> Iterator[Lines]:
    """Read the names of a list, plain or in hosts format, compressed or not.

    Raises:
        BlocklistError: the file can't be read.
    """
    read = None
    first = 1
    for chunk in chunks(path):
        if read is None and plain.has_content(chunk):
            read = hosts.read if hosts.matches(chunk) else plain.read
        if read is not None:
            yield read(chunk, first)
        first += chunk.count(b"\n")
