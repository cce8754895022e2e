"""Files of protected names: what no list may block, and why.

One name to a line, in ASCII (A-label) form, then the reason: `name reason` protects the name itself, `*.name reason`
the name and all below it. Empty lines and lines that begin with `#` say nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from safedns.config.units import NAME, Mismatch
from safedns.errors import BlocklistError

BUILT_IN: Final = Path(__file__).with_name("protected.txt")
"""The names that are protected everywhere; the resolver protects all below them too."""

_BELOW: Final = "*."


@dataclass(frozen=True, slots=True)
class Protected:
    """A name that no list may block.

    Attributes:
        name: in A-label form.
        reason: what would break without it, as it follows "protected:".
        below: whether all below the name is protected too.
        where: `file:line`.
    """

    name: str
    reason: str
    below: bool
    where: str


def read_protected(path: str) -> tuple[Protected, ...]:
    """Read a file of protected names, in its order.

    Raises:
        BlocklistError: it can't be read, or a line is not a name with a reason, or a name stands there twice.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BlocklistError(f"{path}: expected a file of protected names, found: {error}") from None
    found: dict[str, Protected] = {}
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("#"):
            each = _read_line(line, f"{path}:{number}")
            if each.name in found:
                raise BlocklistError(
                    f"{each.where}: {each.name} stands in {found[each.name].where} already; remove one"
                )
            found[each.name] = each
    return tuple(found.values())


@cache
def built_in() -> tuple[Protected, ...]:
    """Names that no list may block: without them a home has no time, no updates, no help."""
    return read_protected(str(BUILT_IN))


def merge(*files: tuple[Protected, ...]) -> tuple[Protected, ...]:
    """The names of several files, each once; an entry that protects what is below wins, else the first."""
    found: dict[str, Protected] = {}
    for each in (each for names in files for each in names):
        if each.name not in found or (each.below and not found[each.name].below):
            found[each.name] = each
    return tuple(found.values())


def _read_line(line: str, where: str) -> Protected:
    word, *reason = line.split(None, 1)
    if not reason:
        raise BlocklistError(f"{where}: expected a name and why it is protected, found only {word!r}; add the reason")
    below = word.startswith(_BELOW)
    try:
        name = NAME.read(word.removeprefix(_BELOW))
    except Mismatch:
        raise BlocklistError(f"{where}: expected {NAME.expected} or '*.example.com', found {word!r}") from None
    return Protected(name, reason[0].strip(), below, where)
