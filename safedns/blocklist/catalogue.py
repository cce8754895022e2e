"""The catalogue: public lists, where each is fetched, what its licence asks, and what to expect of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from safedns.blocklist.categories import BY_ID
from safedns.blocklist.formats import FORMATS
from safedns.blocklist.formats.options import OPTIONS
from safedns.config.build import build_section
from safedns.config.load import parse
from safedns.config.model import key, required
from safedns.config.units import (
    FLAG,
    WHERE,
    WORD,
    Kind,
    MapOf,
    Mismatch,
    SectionsOf,
    duration,
    number,
    one_of,
)
from safedns.errors import BlocklistError, ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ENABLED: Final = "enabled"
"""The word for all sources that the catalogue enables."""

_MINUTE: Final = 60
_YEAR: Final = 366 * 86_400

# It becomes the name of a file.
_ID: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")


def _read_id(data: object) -> str:
    if not isinstance(data, str) or not _ID.fullmatch(data):
        raise Mismatch
    return data


def _read_url(data: object) -> str:
    if not isinstance(data, str) or not data.isascii() or not data.isprintable() or " " in data:
        raise Mismatch
    try:
        parts = urlsplit(data)
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Mismatch from None
    if not usable:
        raise Mismatch
    if parts.username is not None:
        raise Mismatch("a password has no place in a catalogue")
    return data


_SOURCE_ID: Final = Kind("an id of lower-case letters, digits and hyphens such as 'ut1-games'", _read_id, str)
_OPTION: Final = one_of(OPTIONS, "an option among " + ", ".join(OPTIONS))
_URL: Final = Kind("an address that starts with https:// or http://", _read_url, str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A public list."""

    id: str = required(_SOURCE_ID)
    """Stable word for files and reports."""
    url: str = required(_URL)
    format: str = required(one_of(FORMATS, "one of " + ", ".join(FORMATS)))
    options: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), metadata={"kind": MapOf(_OPTION, WORD)}
    )
    """What the format needs to know, such as the column of a CSV file."""
    licence: str = required(WORD)
    """SPDX id, or words where there is none."""
    homepage: str = required(_URL)
    category: str = required(one_of(BY_ID, "a category"))
    refresh: float = required(duration(_MINUTE, _YEAR))
    """Seconds for which a copy is not asked for again."""
    expected: int = required(number(1, 100_000_000))
    """Names, roughly: a copy with less than a tenth or more than ten times as many is refused."""
    enabled: bool = key(False, FLAG)
    note: str = key("", Kind("a text", lambda data: WORD.read(data), str))
    """What to know before enabling it."""
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Sources, each id once."""

    sources: tuple[Source, ...] = key((), SectionsOf(Source))

    def select(self, words: Iterable[str]) -> list[Source]:
        """Sources by their ids, or with the word `enabled` those that are; in the catalogue's order.

        Raises:
            BlocklistError: an id is unknown.
        """
        wanted = set(words)
        unknown = wanted - {source.id for source in self.sources} - {ENABLED}
        if unknown:
            raise BlocklistError(
                f"expected ids of the catalogue, found {', '.join(sorted(unknown))}; "
                "safedns blocklist sources lists what there is"
            )
        return [each for each in self.sources if each.id in wanted or (ENABLED in wanted and each.enabled)]


def load_catalogue(path: str) -> Catalogue:
    """Read a catalogue.

    Raises:
        ConfigError: one line for each thing that is wrong: `file:line: key: expected X, found Y`.
    """
    root, problems = parse(path)
    catalogue = build_section(Catalogue, root, problems)
    seen: dict[str, str] = {}
    twice = []
    for source in catalogue.sources:
        if source.id in seen:
            twice.append(f"{source.where}: id: expected each id once, found {source.id!r}, which {seen[source.id]} has")
        seen.setdefault(source.id, source.where)
    if twice:
        raise ConfigError("\n".join(twice))
    return catalogue
