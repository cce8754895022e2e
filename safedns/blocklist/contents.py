"""What a compiled blocklist says, entry by entry, and in what two of them differ: as lines for people and programs."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.blocklist.formats.entry import Scope
from safedns.blocklist.formats.idn import mapped, unicode_name
from safedns.errors import BlocklistError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safedns._native import Blocklist

ALL: Final = 2**64 - 1
"""Mask of all categories."""

HEADER: Final = "#domain\tkind\tscope\tcategories\tunicode"
"""First line of a dump: a comment to whoever reads plain lists, the names of the columns to whoever reads tables."""

_A_LABEL: Final = "xn--"


class Entry(NamedTuple):
    """What is said of a name, or what has changed of it: categories that are given to it, or taken from it.

    Attributes:
        name: in A-label form.
        scope: what it is said of: the name, what is below it, or both.
        given: whether the name is in the categories; if not, it is an exception from what is said above it.
        mask: the categories, bit n for category number n.
    """

    name: str
    scope: Scope
    given: bool
    mask: int

    @property
    def categories(self) -> tuple[str, ...]:
        """Ids of the categories, strongest group first."""
        return category_ids(self.mask)

    @property
    def unicode(self) -> str:
        """The name as people read it."""
        return unicode_name(self.name)

    def line(self) -> str:
        """Columns with tabs between them; the last one is there only if it differs from the first."""
        readable = f"\t{self.unicode}" if _A_LABEL in self.name and self.unicode != self.name else ""
        return f"{self.name}\t{_said(self.given, self.scope, self.mask)}{readable}"

    def plain(self) -> dict[str, Any]:
        """The same for JSON."""
        return {
            "name": self.name,
            "unicode": self.unicode,
            "kind": _kind(self.given),
            "scope": self.scope.name.lower(),
            "categories": self.categories,
        }


@lru_cache(maxsize=4096)
def category_ids(mask: int) -> tuple[str, ...]:
    """Ids of a set of categories, strongest group first."""
    return tuple(category.id for category in CATEGORIES if mask >> category.number & 1)


# Lists say few different things of many names.
@lru_cache(maxsize=4096)
def _said(given: bool, scope: Scope, mask: int) -> str:
    return f"{_kind(given)}\t{scope.name.lower()}\t{','.join(category_ids(mask))}"


def _kind(given: bool) -> str:
    return "listed" if given else "exception"


def mask_of(word: str | None) -> int:
    """The mask of a category, or of all.

    Raises:
        BlocklistError: there is no such category.
    """
    if word is None:
        return ALL
    if word not in BY_ID:
        close = difflib.get_close_matches(word, BY_ID, 1)
        hint = f"did you mean {close[0]!r}?" if close else "safedns blocklist categories lists them"
        raise BlocklistError(f"expected a category, found {word!r}; {hint}")
    return 1 << BY_ID[word].number


def entries(blocklist: Blocklist, wanted: int = ALL, under: str | None = None) -> Iterator[list[Entry]]:
    """The entries in batches, parents before what is below them.

    Args:
        blocklist: where they are.
        wanted: categories that matter.
        under: only the entry of this name and those below it.

    Raises:
        BlocklistError: `under` is no domain name.
    """
    try:
        batches = blocklist.walk(under=under)
    except ValueError as error:
        raise BlocklistError(str(error)) from None
    for batch in batches:
        yield list(_of_rows(batch, wanted))


def search(blocklist: Blocklist, text: str, wanted: int = ALL) -> Iterator[list[Entry]]:
    """The entries whose name holds a text, in A-label form or as people read it, in batches.

    Raises:
        BlocklistError: no name can hold the text.
    """
    try:
        part = mapped(text)
    except ValueError as error:
        raise BlocklistError(f"expected a part of a domain name, found {text!r} ({error})") from None
    if not part:
        raise BlocklistError("expected a part of a domain name, found nothing")
    if part.isascii():
        for batch in blocklist.walk(containing=part):
            yield list(_of_rows(batch, wanted))
    # A-labels begin with the ASCII characters of their text, in order: only what spans labels can be torn apart.
    if not part.isascii() or "." in part:
        for batch in blocklist.walk(containing=_A_LABEL):
            rows = (row for row in batch if part in unicode_name(row[0]) and part not in row[0])
            yield list(_of_rows(rows, wanted))


def _of_rows(rows: Iterable[tuple[str, int, int, int]], wanted: int) -> Iterator[Entry]:
    for name, inherited, here, below in rows:
        # What nearly every entry is: the name and all below it, and nothing said above.
        if inherited == 0 and here == below:
            if here & wanted:
                yield Entry(name, Scope.SUFFIX, True, here & wanted)
        else:
            yield from _changes(name, (inherited, inherited), (here, below), wanted)


def _changes(name: str, before: tuple[int, int], after: tuple[int, int], wanted: int) -> Iterator[Entry]:
    """From the categories of a name and of what is below it to others: what is given and what is taken, by scope."""
    for given, (here, below), (not_here, not_below) in ((False, before, after), (True, after, before)):
        on_name, on_rest = here & ~not_here & wanted, below & ~not_below & wanted
        for scope, mask in (
            (Scope.SUFFIX, on_name & on_rest),
            (Scope.EXACT, on_name & ~on_rest),
            (Scope.BELOW, on_rest & ~on_name),
        ):
            if mask:
                yield Entry(name, scope, given, mask)


@dataclass(slots=True)
class Difference:
    """Counts the names that two blocklists don't put into the same categories while it goes through them.

    Attributes:
        wanted: categories that matter.
        added: names newly in one of them.
        removed: names no longer in one of them; one may be added to a category and removed from another.
        by_category: the same for each category that has any.
    """

    wanted: int = ALL
    added: int = 0
    removed: int = 0
    by_category: dict[str, tuple[int, int]] = field(default_factory=dict)

    def walk(self, old: Blocklist, new: Blocklist) -> Iterator[list[Entry]]:
        """What was given (added) and what was taken (removed), in batches; counts each as it comes by."""
        from safedns import _native

        for batch in _native.differences(old, new):
            found = [
                list(_changes(name, (here, below), (here_now, below_now), self.wanted))
                for name, here, below, here_now, below_now in batch
            ]
            for changes in found:
                self._count(changes)
            yield [change for changes in found for change in changes]

    def _count(self, changes: list[Entry]) -> None:
        """Count what has changed of one name, once in each category."""
        added = removed = 0
        for change in changes:
            if change.given:
                added |= change.mask
            else:
                removed |= change.mask
        self.added += bool(added)
        self.removed += bool(removed)
        for word in category_ids(added | removed):
            bit = 1 << BY_ID[word].number
            before = self.by_category.get(word, (0, 0))
            self.by_category[word] = (before[0] + bool(added & bit), before[1] + bool(removed & bit))
