"""Hosts format (hosts(5)): an address, then names; which address does not matter.

Lines that only name the machine itself, which every hosts file has, are skipped.
"""

from __future__ import annotations

import re
from array import array
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats import plain
from safedns.blocklist.formats.entry import Chunk, Names, filled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

OWN_KIND: Final = "the machine itself"

_ADDRESS: Final = rb"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?)"
_SINK = re.compile(rb"^" + _ADDRESS + rb"[ \t]+", re.MULTILINE)

_OWN = re.compile(
    rb"^(?:localhost[46]?(?:\.localdomain[46]?)?|local|broadcasthost|ip6-[a-z]+|0\.0\.0\.0)$",
    re.MULTILINE | re.IGNORECASE,
)
# Searching for bytes is many times faster than the expression, and most chunks have none of them.
_OWN_STARTS: Final = (b"\nlocal\n", b"\nlocalhost", b"\nbroadcasthost\n", b"\nip6-", b"\n0.0.0.0\n")


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    for data, first in chunks:
        names = _without_address(plain.clean(data))
        if b" " in names or b"\t" in names:
            yield _several_on_a_line(names, first, reading)
        else:
            names = plain.normal(_without_own(names, reading), reading)
            reading.listed += filled(names)
            yield Names(names, first)


def _without_address(data: bytes) -> bytes:
    """Lists use one address throughout: replacing its bytes is many times faster than matching any address."""
    start = _SINK.match(data)
    if start:
        sink = b"\n" + start[0]
        data = (b"\n" + data).replace(sink, b"\n")[1:]
    return _SINK.sub(b"", data) if b" " in data or b"\t" in data else data


def _several_on_a_line(data: bytes, first: int, reading: Reading) -> Names:
    names: list[bytes] = []
    numbers = array("I")
    for number, line in enumerate(data.split(b"\n")[:-1], first):
        words = line.split()
        kept = [word for word in words if not _OWN.fullmatch(word)]
        if kept:
            reading.listed += 1
            names += kept
            numbers.extend([number] * len(kept))
        elif words:
            reading.skip(OWN_KIND)
    return Names(b"\n".join([*names, b""]), first, numbers)


def _without_own(data: bytes, reading: Reading) -> bytes:
    lower = b"\n" + data.lower()
    if not any(start in lower for start in _OWN_STARTS):
        return data
    data, count = _OWN.subn(b"", data)
    if count:
        reading.skip(OWN_KIND, count)
    return data
