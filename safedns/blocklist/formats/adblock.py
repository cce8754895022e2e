"""Adblock syntax, as far as it speaks of names: `||name^` blocks, `@@||name^` makes an exception.

A rule that depends on the page, the kind of content or the client can't be honoured by a filter that sees names only:
it is counted by kind and never widened to its name.
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

HONOURED: Final = frozenset((b"important", b"all"))
"""Modifiers that don't narrow a rule: `important` is about its rank, `all` says that it is about everything."""

KINDS: Final = {
    "content type": (
        b"script image stylesheet css object xmlhttprequest xhr subdocument frame ping beacon websocket webrtc media "
        b"font other document doc popup popunder object-subrequest webtransport inline-script inline-font"
    ),
    "first or third party": b"third-party 3p first-party 1p strict1p strict3p strict-first-party strict-third-party",
    "page": b"domain from to method app referrerpolicy header",
    "badfilter": b"badfilter",
    "denyallow": b"denyallow",
    "dnsrewrite": b"dnsrewrite",
    "dnstype": b"dnstype",
    "client": b"client ctag",
    "page content": (
        b"elemhide ehide generichide ghide specifichide shide genericblock content jsinject urlblock extension "
        b"stealth csp permissions removeparam removeheader redirect redirect-rule rewrite replace cookie hls "
        b"jsonprune xmlprune "
        b"urltransform uritransform urlskip empty mp4 network cname"
    ),
}
"""Modifiers that narrow a rule to what no name tells, by kind."""

_KIND_OF: Final = {word: f"modifier: {kind}" for kind, words in KINDS.items() for word in words.split()}
OTHER_MODIFIER: Final = "modifier: other"
COSMETIC: Final = "cosmetic rule"
REGEX: Final = "regular expression"
PATH: Final = "address of a page"
PATTERN: Final = "pattern"

_NAME: Final = rb"[^\s/^|$*,:?=&#@!%~\\()\[\]{}<>\"';+]+"
_RULE = re.compile(rb"(@@)?\|(\|)?(\*\.)?(" + _NAME + rb")\^\|?(?:\$(\S+))?")
_COSMETIC = re.compile(rb"[^#]*#@?[$%?]{0,2}@?#|[^$]*\$@?\$")
_IPV4 = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")


def read(chunks: Iterable[Chunk], reading: Reading, options: Mapping[str, str]) -> Iterator[Names]:
    """Read a list."""
    return by_line(chunks, reading, _line, (b"!", b"[", b"# "))


def _line(line: bytes, batch: Batch) -> None:
    found = _RULE.fullmatch(line)
    if found is None:
        _no_name(line, batch)
        return
    exception, anchor, below, name, modifiers = found.groups()
    if modifiers is not None and (kind := _narrowing(modifiers)):
        batch.skip(kind)
    elif _IPV4.fullmatch(name):
        batch.skip(ADDRESS_KIND)
    elif anchor is None and below:
        batch.skip(PATTERN)
    else:
        scope = Scope.EXACT if anchor is None else Scope.BELOW if below else Scope.SUFFIX
        batch.add(name, scope, exception is not None)


def _narrowing(modifiers: bytes) -> str | None:
    for modifier in modifiers.split(b","):
        if modifier not in HONOURED:
            return _KIND_OF.get(modifier.lstrip(b"~").partition(b"=")[0], OTHER_MODIFIER)
    return None


def _no_name(line: bytes, batch: Batch) -> None:
    """What else Adblock syntax has; nearly any text is a pattern in it, so only what no rule can hold is bad."""
    if line.startswith((b"<", b"{")):
        batch.bad("expected a rule", line)
    elif _COSMETIC.match(line):
        batch.skip(COSMETIC)
    elif line == b"#" or line.startswith(b"#"):
        batch.skip(PATTERN)
    elif line.removeprefix(b"@@").startswith(b"/") and (line.endswith(b"/") or b"/$" in line):
        batch.skip(REGEX)
    elif b"/" in line.partition(b"$")[0]:
        batch.skip(PATH)
    else:
        batch.skip(PATTERN)
