"""What the guard says, for people and for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# What a person reads; `plain` has all refusals.
MAX_SHOWN: Final = 10


class Kind(StrEnum):
    """Why something is refused, most serious first."""

    TOP_LEVEL = "top-level domain"
    SUFFIX = "public suffix"
    PROTECTED = "protected"
    POPULAR = "popular"
    GROWTH = "growth"
    SHRINKAGE = "shrinkage"
    SOURCE = "source"
    OVERRIDE = "override"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that must not be published.

    Attributes:
        kind: why.
        subject: the name that would be blocked, or the source; empty for the blocklist as a whole.
        entry: the entry of the blocklist that does it; empty where none does.
        problem: what it would break.
        action: what an operator does about it.
    """

    kind: Kind
    subject: str
    entry: str
    problem: str
    action: str

    @property
    def sentence(self) -> str:
        """Problem and action."""
        return f"{self.problem}: {self.action}"


@dataclass(frozen=True, slots=True)
class News:
    """A name that would newly be blocked.

    Attributes:
        name: in A-label form.
        rank: its place in the popularity list, from 1; None if it has none or there is no list.
        categories: ids of the categories that block it.
    """

    name: str
    rank: int | None
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The guard's verdict on a blocklist.

    Attributes:
        refusals: why it is refused, most serious first; empty if it passed.
        names: names that can be blocked, before and after; a name counts once in each category. Before is None if there
            was no blocklist.
        blocked: entries that would newly be blocked.
        freed: entries that would no longer be blocked.
        by_category: of `blocked`, by category id, most first.
        news: the newly blocked that most people would notice, at most ten, in that order.
    """

    refusals: tuple[Refusal, ...]
    names: tuple[int | None, int]
    blocked: int
    freed: int
    by_category: Mapping[str, int]
    news: tuple[News, ...]

    @property
    def passed(self) -> bool:
        """Whether the blocklist may be published."""
        return not self.refusals

    def lines(self) -> Iterator[str]:
        """The report for people: the verdict, what people would notice, and what to do."""
        yield self._first_line()
        yield from self._news_lines()
        if self.refusals:
            yield ""
            yield "what to do:"
            yield from (f"  * {each.sentence}" for each in self.refusals[:MAX_SHOWN])
            if len(self.refusals) > MAX_SHOWN:
                yield f"  and {len(self.refusals) - MAX_SHOWN:,} more; --json has all"

    def plain(self) -> dict[str, object]:
        """The report for programs."""
        return {
            "passed": self.passed,
            "summary": self._first_line(),
            "refusals": [asdict(each) | {"sentence": each.sentence} for each in self.refusals],
            "names": {"old": self.names[0], "new": self.names[1]},
            "blocked": self.blocked,
            "freed": self.freed,
            "by_category": dict(self.by_category),
            "news": [asdict(each) for each in self.news],
        }

    def _first_line(self) -> str:
        if self.passed:
            return (
                "PASSED: no protected name, public suffix or popular name would be blocked without an override, and "
                "the size is within its limits."
            )
        more = len(self.refusals) - 1
        return f"REFUSED: {self.refusals[0].problem}" + (f" (and {more:,} more)." if more else ".")

    def _news_lines(self) -> Iterator[str]:
        before = "no blocklist" if self.names[0] is None else f"{self.names[0]:,}"
        yield f"from {before} to {self.names[1]:,} names; newly blocked {self.blocked:,}, no longer {self.freed:,}"
        if self.blocked:
            yield "newly blocked: " + ", ".join(f"{word} {count:,}" for word, count in self.by_category.items())
            for each in self.news:
                rank = f"rank {each.rank:,}" if each.rank else ""
                yield "  " + "  ".join(filter(None, (for_people(each.name), ", ".join(each.categories), rank)))
            if self.blocked > len(self.news):
                yield f"  and {self.blocked - len(self.news):,} more that fewer people would notice"


def for_people(name: str) -> str:
    """A name in A-label form, and as people read it where that differs."""
    if "xn--" not in name:
        return name
    # It takes all formats along, which no router needs.
    from safedns.blocklist.formats.idn import both_forms

    return both_forms(name)
