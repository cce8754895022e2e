"""The guard: no blocklist may pass that would break the Internet for those behind it.

The same code serves where blocklists are published and on a router before it uses one. It takes compiled files and
rules and changes nothing. What stays in memory is the rules, not the names: names are looked up one by one or pass in
batches.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from safedns.blocklist.categories import CATEGORIES
from safedns.blocklist.guard_verdict import MAX_SHOWN, Kind, News, Refusal, Verdict, for_people
from safedns.blocklist.popularity import read_popular
from safedns.blocklist.protected import Protected, built_in, merge
from safedns.blocklist.suffixes import public_suffixes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from safedns._native import Blocklist

BLOCKABLE: Final = sum(1 << category.number for category in CATEGORIES if category.blockable)
"""Mask of the categories that a configuration may block."""

# Stands for any name below another one: entries that cover only what is below a name are found with it.
_ANY: Final = "any-name-below"

_ALLOW: Final = "to allow: with a reason in the build configuration, or fix the source"
_OVERRIDE: Final = "if it is meant, add it to guard: overrides: with a reason"


@dataclass(frozen=True, slots=True)
class Override:
    """A name that may be blocked all the same: a popular one, a private public suffix or a top-level domain."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceChange:
    """How many names a source gave at the last build and gives now.

    Attributes:
        changed: names that came plus names that went, where that is known; else the difference of the counts stands in.
    """

    id: str
    old: int
    new: int
    changed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What may pass.

    Attributes:
        protected: names besides the built-in ones.
        growth: share of its names by which the blocklist may grow.
        shrinkage: share by which it may shrink.
        source: share of its names that one source may change.
        floor: changes of up to so many names pass in any case, unless nothing is left.
        bulk: growth and shrinkage are meant, this once.
        overrides: names that may be blocked all the same.
        popularity: file of popular names, most popular first.
        popular: how many of them need an override to become blocked.
        sources: what each source gives, where that is known.
    """

    protected: tuple[Protected, ...] = ()
    growth: float = 0.2
    shrinkage: float = 0.2
    source: float = 0.5
    floor: int = 1000
    bulk: bool = False
    overrides: tuple[Override, ...] = ()
    popularity: str | None = None
    popular: int = 100_000
    sources: tuple[SourceChange, ...] = ()


class _Finding(NamedTuple):
    """A name that must not be blocked, the entry that does it, and why."""

    kind: Kind
    subject: str
    entry: str
    what: str


def check(new: Blocklist, old: Blocklist | None, rules: Rules) -> Verdict:
    """Judge a blocklist that would take the place of another, or of none.

    Raises:
        BlocklistError: the popularity list can't be read.
    """
    popular = _newly_popular(new, old, rules)
    changes = _Changes(new, old, popular)
    return Verdict(
        refusals=_refusals(new, old, rules, popular, changes.top_level),
        names=(None if old is None else _total(old), _total(new)),
        blocked=changes.blocked,
        freed=changes.freed,
        by_category=changes.by_category(),
        news=changes.news(),
    )


def refusals(new: Blocklist, old: Blocklist | None, rules: Rules) -> tuple[Refusal, ...]:
    """What `check` has against a blocklist, without what people would notice of it.

    That takes looking at everything that differs, most of a router's time for a sync; without it, only a blocklist
    with a top-level domain in it is looked at as a whole.
    """
    popular = _newly_popular(new, old, rules)
    top_level = _Changes(new, old, popular).top_level if new.tops else []
    return _refusals(new, old, rules, popular, top_level)


def _refusals(
    new: Blocklist, old: Blocklist | None, rules: Rules, popular: list[_NewlyPopular], top_level: list[_Finding]
) -> tuple[Refusal, ...]:
    found = [*_top_level_and_suffixes(new), *top_level, *_protected(new, rules), *_popular(popular)]
    return (
        *_by_entry(each for each in found if not _overridden(each, rules)),
        *_size(None if old is None else _total(old), _total(new), rules),
        *_sources(rules),
        *_overrides(rules),
    )


# Single names.


def _blocking(blocklist: Blocklist, name: str) -> str | None:
    """The entry that blocks a name, the widest if several do, or None."""
    mask, entry = blocklist.lookup(name)
    if not mask & BLOCKABLE:
        return None
    blocking = entry or name
    # A look-up names the most specific entry, which may only give a category that can't be blocked.
    while parent := blocking.partition(".")[2]:
        mask, entry = blocklist.lookup(f"{_ANY}.{parent}")
        if not mask & BLOCKABLE:
            break
        blocking = entry or parent
    return blocking


def _blocking_at_or_below(blocklist: Blocklist, name: str) -> str | None:
    """The entry that blocks a name or whatever is below it, or None."""
    return _blocking(blocklist, name) or _blocking(blocklist, f"{_ANY}.{name}")


def _blocked_below(blocklist: Blocklist, name: str) -> Iterator[str]:
    """Entries below a name that block something."""
    for batch in blocklist.walk(under=name):
        for entry, _, here, below in batch:
            if (here | below) & BLOCKABLE and entry != name:
                yield entry


def _top_level_and_suffixes(new: Blocklist) -> Iterator[_Finding]:
    suffixes = public_suffixes()
    for name, private in suffixes.names.items():
        entry = _blocking_at_or_below(new, name)
        if entry:
            yield _suffix(name, entry, private)
    for parent, private in suffixes.wildcards.items():
        depth = parent.count(".") + 1
        for entry in _blocked_below(new, parent):
            if entry.count(".") == depth and entry not in suffixes.exceptions:
                yield _suffix(entry, entry, private)


def _suffix(name: str, entry: str, private: bool) -> _Finding:
    if "." not in name:
        return _Finding(Kind.TOP_LEVEL, name, entry, f"every site that ends in .{for_people(name)}")
    whose = "private " if private else ""
    return _Finding(Kind.SUFFIX, name, entry, f"a {whose}public suffix, so every site below it")


def _protected(new: Blocklist, rules: Rules) -> Iterator[_Finding]:
    for each in merge(built_in(), rules.protected):
        entry = _blocking_at_or_below(new, each.name)
        if entry:
            yield _Finding(Kind.PROTECTED, each.name, entry, each.reason)
        if each.below:
            for entry in _blocked_below(new, each.name):
                yield _Finding(Kind.PROTECTED, entry, entry, f"below {each.name}: {each.reason}")


class _NewlyPopular(NamedTuple):
    """A popular name that would become blocked."""

    rank: int
    name: str
    entry: str


def _newly_popular(new: Blocklist, old: Blocklist | None, rules: Rules) -> list[_NewlyPopular]:
    """Popular names that would become blocked, most popular first.

    A name that is blocked already had its override then; a change of the popularity list must not stop a build.
    """
    if rules.popularity is None:
        return []
    return [
        _NewlyPopular(each.rank, each.name, entry)
        for each in read_popular(rules.popularity, rules.popular)
        if (entry := _blocking(new, each.name)) and not (old and _blocking(old, each.name))
    ]


def _popular(popular: Iterable[_NewlyPopular]) -> Iterator[_Finding]:
    for each in popular:
        yield _Finding(Kind.POPULAR, each.name, each.entry, f"number {each.rank:,} of the popular names")


# From findings to sentences.


def _overridden(found: _Finding, rules: Rules) -> bool:
    """Whether an override with a reason names what is blocked or the entry that does it."""
    if found.kind is Kind.PROTECTED:
        return False
    if found.kind is Kind.SUFFIX and not _is_private(found.subject) and "." in found.entry:
        return False
    return any(each.reason.strip() and each.name in {found.subject, found.entry} for each in rules.overrides)


def _is_private(suffix: str) -> bool:
    suffixes = public_suffixes()
    return suffixes.names.get(suffix, suffixes.wildcards.get(suffix.partition(".")[2], False))


def _by_entry(found: Iterable[_Finding]) -> list[Refusal]:
    """One refusal for each entry, for the most serious thing that it does; the most serious first."""
    grouped: dict[str, list[_Finding]] = {}
    for each in found:
        grouped.setdefault(each.entry, []).append(each)
    order = list(Kind)
    worst = [
        (
            min(group, key=lambda each: (order.index(each.kind), each.subject != each.entry)),
            len({each.subject for each in group}),
        )
        for group in grouped.values()
    ]
    worst.sort(key=lambda each: (order.index(each[0].kind), each[0].entry.count("."), -each[1]))
    return [_refusal(each, count - 1) for each, count in worst]


def _refusal(found: _Finding, others: int) -> Refusal:
    more = f" and {others:,} more names that must stay" if others else ""
    via = "" if found.entry == found.subject else f" through its entry {for_people(found.entry)}"
    what = found.what if found.kind is Kind.TOP_LEVEL else f"{for_people(found.subject)} ({found.what})"
    problem = f"it would block {what}{via}{more}"
    return Refusal(found.kind, found.subject, found.entry, problem, _action(found))


def _action(found: _Finding) -> str:
    if found.kind is Kind.POPULAR:
        return f"add {found.entry} {_ALLOW}; {_OVERRIDE}"
    if found.kind is Kind.TOP_LEVEL or (found.kind is Kind.SUFFIX and _is_private(found.subject)):
        return f"fix the source, or add {found.entry} to allow: with a reason in the build configuration; {_OVERRIDE}"
    return f"add {found.entry} {_ALLOW}"


# Numbers.


def _total(blocklist: Blocklist) -> int:
    """Names in categories that can be blocked; a name counts once in each."""
    return sum(count for number, count in blocklist.counts.items() if BLOCKABLE >> number & 1)


def _exceeds(old: int, change: int, left: int, limit: float, rules: Rules) -> bool:
    return old > 0 and change > limit * old and (change > rules.floor or left == 0)


def _numbers(old: int, new: int, limit: float) -> str:
    return f"from {old:,} to {new:,} names ({(new - old) / old:+.1%}), the limit is {limit:.4g} %".replace("%)", " %)")


def _size(old: int | None, new: int, rules: Rules) -> Iterator[Refusal]:
    if rules.bulk or not old:
        return
    if _exceeds(old, new - old, new, rules.growth, rules):
        problem = f"it would grow {_numbers(old, new, rules.growth * 100)}"
        action = "find the source that jumped and fix or disable it; if all of it is meant, build with --bulk"
        yield Refusal(Kind.GROWTH, "", "", problem, action)
    if _exceeds(old, old - new, new, rules.shrinkage, rules):
        problem = f"it would shrink {_numbers(old, new, rules.shrinkage * 100)}"
        action = "find the source that is cut short or gone and fetch it again; if it is meant, build with --bulk"
        yield Refusal(Kind.SHRINKAGE, "", "", problem, action)


def _sources(rules: Rules) -> Iterator[Refusal]:
    for each in rules.sources:
        changed = abs(each.new - each.old) if each.changed is None else each.changed
        if _exceeds(each.old, changed, each.new, rules.source, rules):
            flips = f"{changed:,} of its names flip, " if each.changed is not None else ""
            problem = f"the source {each.id} would go {flips}{_numbers(each.old, each.new, rules.source * 100)}"
            action = (
                "look at what its publisher did and put its last good copy back or disable it; "
                "if it is meant, raise guard: source: in the build configuration for this build"
            )
            yield Refusal(Kind.SOURCE, each.id, "", problem, action)


def _overrides(rules: Rules) -> Iterator[Refusal]:
    for each in rules.overrides:
        if not each.reason.strip():
            problem = f"the override of {each.name} gives no reason"
            action = "say in guard: overrides: why the name may be blocked, or remove the override"
            yield Refusal(Kind.OVERRIDE, each.name, "", problem, action)


# What people would notice.


class _Changes:
    """What would newly be blocked and what freed, counted in one pass over the entries that differ."""

    def __init__(self, new: Blocklist, old: Blocklist | None, popular: list[_NewlyPopular]) -> None:
        self.blocked = self.freed = 0
        self.top_level: list[_Finding] = []
        self._masks: Counter[int] = Counter()
        self._popular = [(each, new.lookup(each.name)[0]) for each in popular[:MAX_SHOWN]]
        self._best: list[tuple[int, int, str, int]] = []
        shown = {each.name for each in popular}
        for batch in _differences(new, old):
            self.freed += sum(not mask for _, mask in batch)
            fresh = [(name.count("."), len(name), name, mask) for name, mask in batch if mask]
            self.blocked += len(fresh)
            self._masks.update([mask for _, _, _, mask in fresh])
            self.top_level += [_suffix(name, name, False) for dots, _, name, _ in fresh if not dots]
            unranked = (each for each in fresh if each[2] not in shown)
            self._best = heapq.nsmallest(MAX_SHOWN, chain(self._best, unranked))

    def news(self) -> tuple[News, ...]:
        """The newly blocked that most people would notice: by rank, the others with the fewest labels first."""
        ranked = [News(each.name, each.rank, _ids(mask)) for each, mask in self._popular]
        others = [News(name, None, _ids(mask)) for _, _, name, mask in self._best]
        return tuple((ranked + others)[:MAX_SHOWN])

    def by_category(self) -> dict[str, int]:
        """Newly blocked entries by category, most first."""
        counts: Counter[str] = Counter()
        for mask, count in self._masks.items():
            counts.update(dict.fromkeys(_ids(mask), count))
        return dict(counts.most_common())


def _differences(new: Blocklist, old: Blocklist | None) -> Iterator[list[tuple[str, int]]]:
    """Batches of entries at which something becomes blocked, with by what, or becomes free, with 0."""
    if old is None:
        for batch in new.walk():
            yield [
                (name, (here | below) & BLOCKABLE)
                for name, inherited, here, below in batch
                if (here | below) & BLOCKABLE and not inherited & BLOCKABLE
            ]
        return
    from safedns import _native

    for changes in _native.differences(old, new):
        turned = [(change[0], _turned(*change[1:])) for change in changes]
        yield [(name, mask) for name, mask in turned if mask is not None]


def _turned(old_here: int, old_below: int, new_here: int, new_below: int) -> int | None:
    """What blocks an entry or what is below it now but did not; 0 if it became free, None if neither."""
    mask = 0 if old_here & BLOCKABLE else new_here
    mask |= 0 if old_below & BLOCKABLE else new_below
    if mask & BLOCKABLE:
        return mask & BLOCKABLE
    freed = (old_here & BLOCKABLE and not new_here & BLOCKABLE) or (old_below & BLOCKABLE and not new_below & BLOCKABLE)
    return 0 if freed else None


def _ids(mask: int) -> tuple[str, ...]:
    return tuple(category.id for category in CATEGORIES if category.blockable and mask >> category.number & 1)
