"""Formats that lists come in, one module each.

`read` turns a file into names, a chunk of lines at a time; `check` reads a file to its end to find out what it is
worth. The format is given by name or found out from the content.
"""

from __future__ import annotations

import itertools
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.blocklist.formats import adblock, csv, dnsmasq, hosts, plain, rpz, unbound, urls, v2fly
from safedns.blocklist.formats.entry import Chunk, Names, Scope
from safedns.blocklist.formats.idn import to_ascii
from safedns.blocklist.formats.looks import alien, format_of
from safedns.blocklist.formats.options import check_options, max_bytes
from safedns.blocklist.formats.reading import Reading
from safedns.blocklist.formats.source import MAX_LINE, chunks
from safedns.blocklist.formats.valid import invalid
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    Reader = Callable[[Iterable[Chunk], Reading, Mapping[str, str]], Iterator[Names]]

__all__ = ["FORMATS", "Names", "Reading", "Scope", "check", "read"]

FORMATS: Final = ("plain", "hosts", "adblock", "dnsmasq", "unbound", "rpz", "v2fly", "csv", "urls")
"""Names of the formats."""

_READERS: Final[Mapping[str, Reader]] = MappingProxyType(
    {
        "plain": plain.read,
        "hosts": hosts.read,
        "adblock": adblock.read,
        "dnsmasq": dnsmasq.read,
        "unbound": unbound.read,
        "rpz": rpz.read,
        "v2fly": v2fly.read,
        "csv": csv.read,
        "urls": urls.read,
    }
)


def read(
    path: str,
    reading: Reading,
    *,
    format: str = "auto",  # noqa: A002 - the word that configurations use
    options: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[Names]:
    """Read the names of a list, compressed or not.

    Args:
        path: the file.
        reading: gets what is found; names that turn out to be none are given back to its `reject`.
        format: one of `FORMATS`, or `auto`.
        options: see `formats.options`.

    Raises:
        BlocklistError: the file can't be read, or is no list of its format.
    """
    check_options(path, options)
    if format not in ("auto", *FORMATS):
        raise BlocklistError(f"{path}: expected a format among auto, {', '.join(FORMATS)}, found {format!r}")
    source = chunks(
        path,
        long_line=lambda number: reading.bad_line(number, f"line of more than {MAX_LINE} bytes", ""),
        member=options.get("member"),
        limit=max_bytes(path, options),
    )
    counted = _counted(source, reading)
    start = _start(counted, reading, format, options)
    if reading.format:
        for names in _READERS[reading.format](itertools.chain(start, counted), reading, options):
            reading.names += names.count
            yield to_ascii(names, reading)
        reading.check_share()


def _start(source: Iterator[Chunk], reading: Reading, wanted: str, options: Mapping[str, str]) -> list[Chunk]:
    """The first chunk with content, which tells the format; none if no chunk has any."""
    for position, chunk in enumerate(source):
        if position == 0 and (found := alien(chunk.data)):
            raise BlocklistError(f"{reading.path}: expected a list, found what looks like {found}")
        reading.format = (format_of(chunk.data, options) or "") if wanted == "auto" else wanted
        if reading.format:
            return [chunk]
    return []


def _counted(source: Iterator[Chunk], reading: Reading) -> Iterator[Chunk]:
    for chunk in source:
        yield chunk
        reading.lines += chunk.data.count(b"\n")
        reading.check_share(early=True)


def check(
    path: str,
    format: str = "auto",  # noqa: A002 - as in `read`
    options: Mapping[str, str] = MappingProxyType({}),
) -> Reading:
    """Read a list to its end and check every name, before it replaces one that was good.

    Raises:
        BlocklistError: the file can't be read, is no list of its format, or has no names.
    """
    reading = Reading(path)
    for names in read(path, reading, format=format, options=options):
        for index, reason in invalid(names.data):
            reading.reject(names, index, reason)
    reading.check_names()
    return reading
