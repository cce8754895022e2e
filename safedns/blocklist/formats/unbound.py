"""Configuration of Unbound: `local-zone: "name" type` and `local-data: "name A address"`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.addresses import REWRITE_KIND, is_sink
from safedns.blocklist.formats.batch import Batch, by_line
from safedns.blocklist.formats.entry import Chunk, Names, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

BLOCKING: Final = frozenset(
    b"deny refuse static redirect inform_deny inform_redirect "
    b"always_deny always_refuse always_nxdomain always_nodata always_null".split()
)
"""Types of zones that don't let a name through."""

OPEN: Final = frozenset(b"transparent typetransparent always_transparent inform nodefault".split())
"""Types that do: exceptions below a blocked zone."""

OTHER_KIND: Final = "other setting"
DATA_KIND: Final = "local data other than an address"
TYPE_KIND: Final = "zone of another type"
ROOT_KIND: Final = "zone of every name"

_ZONE = re.compile(rb"local-zone:\s*\"?([^\s\"]+)\"?\s+\"?([a-z_]+)\"?(?:\s+#.*)?")
_DATA = re.compile(
    rb"local-data:\s*[\"']?([^\s\"']+)\s+(?:[0-9]+\s+)?(?:IN\s+)?([A-Z0-9]+)\s+([^\s\"']+)[^\"']*[\"']?(?:\s+#.*)?",
    re.IGNORECASE,
)
_SETTING = re.compile(rb"[a-z][a-z0-9-]*:.*")


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    return by_line(chunks, reading, _line, (b"#",))


def _line(line: bytes, batch: Batch) -> None:
    if found := _ZONE.fullmatch(line):
        _zone(found[1], found[2], batch)
    elif found := _DATA.match(line):
        _data(found[1], found[2].upper(), found[3], line, batch)
    elif _SETTING.fullmatch(line) and not line.startswith((b"local-zone:", b"local-data:")):
        batch.skip(OTHER_KIND)
    else:
        batch.bad('expected local-zone: "name" type or local-data: "name A address"', line)


def _zone(name: bytes, kind: bytes, batch: Batch) -> None:
    if name == b".":
        batch.skip(ROOT_KIND)
    elif kind in BLOCKING:
        batch.add(name)
    elif kind in OPEN:
        batch.add(name, Scope.SUFFIX, True)
    else:
        batch.skip(TYPE_KIND)


def _data(name: bytes, kind: bytes, value: bytes, line: bytes, batch: Batch) -> None:
    if kind not in (b"A", b"AAAA"):
        batch.skip(DATA_KIND)
        return
    sink = is_sink(value)
    if sink:
        batch.add(name, Scope.EXACT)
    elif sink is None:
        batch.bad("expected an address", line)
    else:
        batch.skip(REWRITE_KIND)
