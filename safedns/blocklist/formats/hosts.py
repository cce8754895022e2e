"""Hosts format (hosts(5)): an address, then names; which address does not matter.

Names that every hosts file has for the machine itself are left out.
"""

from __future__ import annotations

import re
from typing import Final

from safedns.blocklist.formats import plain
from safedns.blocklist.formats.lines import Lines

_ADDRESS: Final = rb"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?)"
_FIRST_LINE = re.compile(rb"^[ \t]*(?:" + _ADDRESS + rb"[ \t]+[^ \t\r\n#]|([^ \t\r\n#]))", re.MULTILINE)
_SINK = re.compile(rb"^" + _ADDRESS + rb"[ \t]+", re.MULTILINE)

_OWN = re.compile(
    rb"^(?:localhost[46]?(?:\.localdomain[46]?)?|local|broadcasthost|ip6-[a-z]+|0\.0\.0\.0)$",
    re.MULTILINE | re.IGNORECASE,
)
# Searching for bytes is many times faster than the expression, and most chunks have none of them.
_OWN_STARTS: Final = (b"\nlocal\n", b"\nlocalhost", b"\nbroadcasthost\n", b"\nip6-", b"\n0.0.0.0\n")


def matches(chunk: bytes) -> bool:
    """Whether the first line that is neither empty nor a comment is an address and a name."""
    first = _FIRST_LINE.search(chunk)
    return first is not None and first[1] is None


def read(chunk: bytes, first: int) -> Lines:
    """Read whole lines; `first` is the number of the first one."""
    data = _without_address(plain.clean(chunk))
    if b" " not in data and b"\t" not in data:
        return Lines(_without_own(data), first)
    return _several_on_a_line(data, first)


def _without_address(data: bytes) -> bytes:
    """Lists use one address throughout: replacing its bytes is many times faster than matching any address."""
    start = _SINK.match(data)
    if start:
        sink = b"\n" + start[0]
        data = (b"\n" + data).replace(sink, b"\n")[1:]
    return _SINK.sub(b"", data) if b" " in data or b"\t" in data else data


def _several_on_a_line(data: bytes, first: int) -> Lines:
    names: list[bytes] = []
    numbers: list[int] = []
    for number, line in enumerate(data.split(b"\n")[:-1], first):
        words = line.split() or [b""]
        names += words
        numbers += [number] * len(words)
    return Lines(_without_own(b"\n".join(names) + b"\n"), first, numbers)


def _without_own(data: bytes) -> bytes:
    lower = b"\n" + data.lower()
    return _OWN.sub(b"", data) if any(start in lower for start in _OWN_STARTS) else data
