"""What a file looks like: one of the formats, or something that is no list at all."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# Enough to see past a header of a hundred lines of comments, and read in a millisecond.
SAMPLE_LINES: Final = 500

_ALIEN: Final = (
    (re.compile(rb"\s*<(?:!doctype|html|head|body|title)\b", re.IGNORECASE), "HTML: the source returned an error page"),
    (re.compile(rb"\s*<(?:\?xml|!--|[A-Za-z]+[ >])"), "XML or HTML: the source returned a document"),
    (re.compile(rb"\s*(?:\{\s*[\"}]|\[\s*[\"{\[\]0-9])"), "JSON: the source returned data for programs"),
    (re.compile(rb"%PDF-"), "a PDF document"),
    (re.compile(rb"\xff\xfe|\xfe\xff"), "UTF-16 text; convert it to UTF-8"),
    (re.compile(rb".{257}ustar", re.DOTALL), "a tar archive; unpack it and give the list in it"),
    (re.compile(rb"BZh[1-9]|7z\xbc\xaf|Rar!"), "an archive of a kind that is not read; gzip, xz, zstd and zip are"),
    (re.compile(rb"[^\0]{0,4096}\0"), "binary data"),
)

_ADDRESS: Final = rb"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]*(?:%[0-9A-Za-z]+)?)"

# In this order a line counts for the first that it fits.
_SIGNS: Final = (
    ("adblock", re.compile(rb"\|\||@@|\[adblock|\[uBlock|[^\s#]*#[@?$%]?#", re.IGNORECASE)),
    ("dnsmasq", re.compile(rb"(?:address|local|server)=/")),
    ("unbound", re.compile(rb"(?:local-zone|local-data|local-data-ptr):|server:\s*$")),
    (
        "rpz",
        re.compile(
            rb"\$(?:TTL|ORIGIN)\b|\S+\s+(?:\S+\s+){0,2}(?:SOA|CNAME)\s|\S+\s+(?:[0-9]+\s+)?IN\s+(?:NS|A|AAAA|TXT)\s",
            re.IGNORECASE,
        ),
    ),
    ("v2fly", re.compile(rb"(?:domain|full|keyword|regexp|include):|[^\s#]+\s+[@&][^\s#]")),
    ("hosts", re.compile(_ADDRESS + rb"[ \t]+[^\s#]")),
    ("urls", re.compile(rb"[A-Za-z][A-Za-z0-9+.-]{0,15}://")),
)

# Formats whose lines may be bare names as well: one line that only they have tells them from a plain list.
_WITH_BARE_NAMES: Final = ("v2fly",)


def alien(data: bytes) -> str | None:
    """What the beginning of a file looks like if it is no list; None for a list."""
    return next((found for pattern, found in _ALIEN if pattern.match(data)), None)


def format_of(data: bytes, options: Mapping[str, str]) -> str | None:
    """The format of a sample of lines; None while no line has content.

    The format that most lines show wins if it is at least half of them; without one it is a plain list. An option that
    only one format has decides at once.
    """
    if "column" in options or "delimiter" in options:
        return "csv"
    lines = _content(data)
    if not lines:
        return None
    counts = dict.fromkeys((name for name, _ in _SIGNS), 0)
    for line in lines:
        found = next((name for name, pattern in _SIGNS if pattern.match(line)), None)
        if found:
            counts[found] += 1
    best = max(counts, key=counts.__getitem__)
    most = counts[best]
    enough = most * 2 >= len(lines) or (most > 0 and best in _WITH_BARE_NAMES)
    return best if enough else "plain"


def _content(data: bytes) -> list[bytes]:
    """The first lines that are neither empty nor comments in every format."""
    found = []
    for line in data[: 2**16].split(b"\n"):
        text = line[:1024].strip()
        if text and not text.startswith((b"!", b";")) and not re.match(rb"#(?![@?$%]?#\S)", text):
            found.append(text)
            if len(found) == SAMPLE_LINES:
                break
    return found
