"""Plain lists: one name to a line; `#` starts a comment; spaces around a name and empty lines don't matter.

`*.example.com` and `.example.com` mean `example.com`: a name stands for all that is below it anyway.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.entry import Chunk, Names, filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

ADDRESS_KIND: Final = "IP address"

_COMMENT = re.compile(rb"#[^\n]*")
_SPACE_BEFORE = re.compile(rb"^[ \t]+", re.MULTILINE)
# Looking back keeps a run of spaces from being tried from each of its places, which takes quadratic time.
_SPACE_BEHIND = re.compile(rb"(?<![ \t\r])[ \t\r]+$", re.MULTILINE)
_CONTENT = re.compile(rb"^[ \t\r]*[^ \t\r\n#]", re.MULTILINE)
_WILDCARD = re.compile(rb"^(?:\*\.|\.)(?=[^.\n])", re.MULTILINE)
_PORT = re.compile(rb"^([^:\n]*):[0-9]{1,5}$", re.MULTILINE)
_IPV4 = re.compile(rb"^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$", re.MULTILINE)
_IPV6 = re.compile(rb"^\[?[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*:[0-9A-Fa-f.]*\]?$", re.MULTILINE)
# All digits as one: a single search tells whether a line ends with any.
_DIGITS: Final = bytes.maketrans(b"123456789", b"0" * 9)


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    for data, first in chunks:
        names = normal(clean(data), reading)
        reading.listed += filled(names)
        yield Names(names, first)


def has_content(chunk: bytes) -> bool:
    """Whether a line is neither empty nor a comment."""
    return _CONTENT.search(chunk) is not None


def clean(chunk: bytes) -> bytes:
    """Take comments and the space around names away; every line stays a line, if an empty one."""
    if b"#" in chunk:
        chunk = _COMMENT.sub(b"", chunk)
    if b"\r" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    # Searching for bytes is many times faster than an expression, and for one byte a hundred times than for two.
    spaces = [space for space in (b" ", b"\t", b"\r") if space in chunk]
    if any(space + b"\n" in chunk for space in spaces):
        chunk = _SPACE_BEHIND.sub(b"", chunk)
    if any(b"\n" + space in chunk or chunk.startswith(space) for space in spaces):
        chunk = _SPACE_BEFORE.sub(b"", chunk)
    return chunk


def normal(data: bytes, reading: Reading) -> bytes:
    """Take wildcards and ports away, and skip addresses; every line stays a line."""
    if b"*" in data or b"\n." in data or data.startswith(b"."):
        data = _WILDCARD.sub(b"", data)
    if b":" in data:
        data = _PORT.sub(rb"\1", data)
        data = _skip_addresses(_IPV6, data, reading)
    if b"0\n" in data.translate(_DIGITS):
        data = _skip_addresses(_IPV4, data, reading)
    return data


def _skip_addresses(pattern: re.Pattern[bytes], data: bytes, reading: Reading) -> bytes:
    data, count = pattern.subn(b"", data)
    if count:
        reading.skip(ADDRESS_KIND, count)
    return data


def is_address(text: bytes) -> bool:
    """Whether a single word is an IP address."""
    return bool(_IPV4.fullmatch(text) or _IPV6.fullmatch(text))
