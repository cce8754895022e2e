"""Configuration of dnsmasq: `address=/name/...`, `local=/name/`, `server=/name/...`.

A name without an address, with a null address or with one that no site has is blocked; a name that is sent to a server
is an exception, as it is in dnsmasq.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.addresses import REWRITE_KIND, is_sink
from safedns.blocklist.formats.batch import Batch, by_line
from safedns.blocklist.formats.entry import Chunk, Names, Scope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

OTHER_KIND: Final = "other setting"
ALL_KIND: Final = "pattern for more than one name"

_NAMES = re.compile(rb"(address|local|server)=/(\S*)/([^/\s]*)(?:\s+#.*)?")
_SETTING = re.compile(rb"[a-z][a-z0-9-]*(?:\s*=.*)?")


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    return by_line(chunks, reading, _line, (b"#",))


def _line(line: bytes, batch: Batch) -> None:
    found = _NAMES.fullmatch(line)
    if found is None:
        _no_names(line, batch)
        return
    key, names, target = found.groups()
    # `address` with `#` answers with null addresses; the others with `#` ask the servers that everything is asked of.
    if key == b"address":
        sink = target in (b"", b"#") or is_sink(target)
        if sink:
            _add(names, batch, allow=False)
        elif sink is None:
            batch.bad("expected an address behind the names", line)
        else:
            batch.skip(REWRITE_KIND)
    else:
        _add(names, batch, allow=target != b"")


def _no_names(line: bytes, batch: Batch) -> None:
    if _SETTING.fullmatch(line) and not line.startswith((b"address", b"local=", b"server=/")):
        batch.skip(OTHER_KIND)
    else:
        batch.bad("expected address=/name/, local=/name/ or server=/name/", line)


def _add(names: bytes, batch: Batch, *, allow: bool) -> None:
    taken = False
    for name in names.split(b"/"):
        if name.startswith(b"*."):
            batch.add(name[2:], Scope.BELOW, allow)
        elif name and not name.startswith((b"#", b"*")):
            batch.add(name.removeprefix(b"."), Scope.SUFFIX, allow)
        else:
            continue
        taken = True
    if not taken:
        batch.skip(ALL_KIND)
