"""Lists of URLs: the host is taken only where the URL means the whole site, its path being empty.

A list of pages must never become a list of the sites that they are on; for the same reason the host alone is meant, not
what is below it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats.batch import Batch, by_line
from safedns.blocklist.formats.entry import Chunk, Names, Scope
from safedns.blocklist.formats.plain import ADDRESS_KIND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from safedns.blocklist.formats.reading import Reading

PATH_KIND: Final = "has a path"

# RFC 3986 section 3: scheme, authority (user, host, port), and the rest.
_URL = re.compile(
    rb"(?:[A-Za-z][A-Za-z0-9+.-]{0,31}://)?(?![A-Za-z0-9+.-]*:/)(?:[^\s/?#@]*@)?(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(?::[0-9]{0,5})?"
    rb"(/?)([^\s]*)(?:\s+#.*)?"
)
_IPV4 = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    return by_line(chunks, reading, take, (b"#", b"!", b";"))


def take(url: bytes, batch: Batch) -> None:
    """Take the host of a URL if its path is empty."""
    found = _URL.fullmatch(url)
    if found is None or (found[3] and not found[2] and not found[3].startswith((b"?", b"#"))):
        batch.bad("expected a URL", url)
    elif found[3]:
        batch.skip(PATH_KIND)
    elif found[1].startswith(b"[") or _IPV4.fullmatch(found[1]):
        batch.skip(ADDRESS_KIND)
    else:
        batch.add(found[1], Scope.EXACT)
