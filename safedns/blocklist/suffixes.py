"""Public suffixes: names below which anybody can register, such as `com`, `com.vn`, `github.io`, all of `*.ck`.

The list is the one in the package publicsuffixlist (publicsuffix.org/list). That package answers questions about a
name; here all suffixes are needed, so its file is read.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE: Final = "===BEGIN PRIVATE DOMAINS==="
_WILDCARD: Final = "*."
_EXCEPTION: Final = "!"


@dataclass(frozen=True, slots=True)
class Suffixes:
    """All rules, names in A-label form.

    Attributes:
        names: suffixes, and whether each is private: run by a company for its customers, not by a registry. The name
            under which a wildcard stands is a suffix itself.
        wildcards: names of which every child is a suffix, and whether they are private.
        exceptions: children of wildcards that are none.
    """

    names: Mapping[str, bool]
    wildcards: Mapping[str, bool]
    exceptions: frozenset[str]


@cache
def public_suffixes() -> Suffixes:
    """The Public Suffix List as it came with the installed package."""
    from publicsuffixlist import PSLFILE

    return parse(Path(PSLFILE).read_text(encoding="utf-8"))


def parse(text: str) -> Suffixes:
    """Read the file format of publicsuffix.org/list."""
    names: dict[str, bool] = {}
    wildcards: dict[str, bool] = {}
    exceptions: set[str] = set()
    private = False
    for line in text.splitlines():
        if line.startswith("//") or not line.strip():
            private = private or _PRIVATE in line
            continue
        rule = line.split()[0].lower()
        if rule.startswith(_EXCEPTION):
            exceptions.add(_ascii(rule.removeprefix(_EXCEPTION)))
            continue
        name = _ascii(rule.removeprefix(_WILDCARD))
        names.setdefault(name, private)
        if rule.startswith(_WILDCARD):
            wildcards[name] = private
    return Suffixes(MappingProxyType(names), MappingProxyType(wildcards), frozenset(exceptions))


def _ascii(name: str) -> str:
    """The A-label form."""
    # The list has lower-case labels in normal form C, which leaves nothing to map (RFC 5891 section 4.4); a whole IDNA
    # encoder would be half of what a router's guard takes.
    if name.isascii():
        return name
    return ".".join(_a_label(label) for label in name.split("."))


def _a_label(label: str) -> str:
    return label if label.isascii() else f"xn--{label.encode('punycode').decode()}"
