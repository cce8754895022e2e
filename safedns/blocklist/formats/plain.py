"""Plain lists: one name to a line; `#` starts a comment; spaces around a name and empty lines don't matter."""

from __future__ import annotations

import re

from safedns.blocklist.formats.lines import Lines

_COMMENT = re.compile(rb"#[^\n]*")
_SPACE_BEFORE = re.compile(rb"^[ \t]+", re.MULTILINE)
_SPACE_BEHIND = re.compile(rb"[ \t\r]+$", re.MULTILINE)
_CONTENT = re.compile(rb"^[ \t\r]*[^ \t\r\n#]", re.MULTILINE)


def read(chunk: bytes, first: int) -> Lines:
    """Read whole lines; `first` is the number of the first one."""
    return Lines(clean(chunk), first)


def has_content(chunk: bytes) -> bool:
    """Whether a line is neither empty nor a comment."""
    return _CONTENT.search(chunk) is not None


def clean(chunk: bytes) -> bytes:
    """Take comments and the space around names away; every line stays a line, if an empty one."""
    if b"#" in chunk:
        chunk = _COMMENT.sub(b"", chunk)
    if b"\r\n" in chunk:
        chunk = chunk.replace(b"\r\n", b"\n")
    # Searching for bytes is many times faster than an expression, and few lists have space to take away.
    if b" \n" in chunk or b"\t\n" in chunk or b"\r\n" in chunk:
        chunk = _SPACE_BEHIND.sub(b"", chunk)
    if b"\n " in chunk or b"\n\t" in chunk or chunk.startswith((b" ", b"\t")):
        chunk = _SPACE_BEFORE.sub(b"", chunk)
    return chunk
