"""The build configuration: which lists go in, what the operator says besides, and what the guard lets pass.

Names in it may be in any script; they are kept in A-label form.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from safedns.blocklist.catalogue import ENABLED
from safedns.blocklist.categories import BY_ID, CATEGORIES
from safedns.blocklist.formats import FORMATS
from safedns.blocklist.formats.idn import ascii_name
from safedns.config.build import build_section
from safedns.config.load import parse
from safedns.config.model import key, required
from safedns.config.units import (
    FLAG,
    NAME,
    PATH,
    WHERE,
    WORD,
    Kind,
    ListOf,
    MapOf,
    Mismatch,
    SectionsOf,
    number,
    one_of,
    optional,
    share,
    size,
)
from safedns.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

SCOPES: Final = ("suffix", "exact", "below")
"""What an entry covers: the name and all below it, the name only, only what is below it; in the order of `Scope`."""


def _any_script(data: object) -> str:
    try:
        return NAME.read(ascii_name(data) if isinstance(data, str) else data)
    except ValueError:
        raise Mismatch from None


_NAME: Final = Kind("a domain name such as 'example.com'", _any_script, lambda value: value)
_CATEGORY: Final = one_of(BY_ID, "a category (safedns blocklist categories lists them)")
_FORMAT: Final = one_of(("auto", *FORMATS), "one of auto, " + ", ".join(FORMATS))
_SCOPE: Final = one_of(SCOPES, "one of " + ", ".join(SCOPES))


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnList:
    """A list in a file of the operator's."""

    id: str = required(WORD)
    """Stable word for reports."""
    path: str = required(PATH)
    category: str | None = key(None, optional(_CATEGORY))
    """Category of its names; an `allow` list without one takes its names out of every category."""
    format: str = key("auto", _FORMAT)
    options: Mapping[str, str] = field(
        default_factory=lambda: MappingProxyType({}), metadata={"kind": MapOf(WORD, WORD)}
    )
    """What the format needs to know, such as the column of a CSV file."""
    allow: bool = key(False, FLAG)
    """Whether the list takes names out instead of putting them in."""
    licence: str | None = key(None, optional(WORD))
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A name that the operator adds."""

    name: str = required(_NAME)
    category: str = required(_CATEGORY)
    reason: str = required(WORD)
    scope: str = key("suffix", _SCOPE)
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allow:
    """A name that the operator takes out, of some categories or of all."""

    name: str = required(_NAME)
    reason: str = required(WORD)
    categories: tuple[str, ...] = key((), ListOf(_CATEGORY))
    """Empty: all that can be blocked."""
    scope: str = key("suffix", _SCOPE)
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A name that the guard lets be blocked."""

    name: str = required(_NAME)
    reason: str = required(WORD)
    where: str = required(WHERE)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPlan:
    """What the guard may pass."""

    protected: tuple[str, ...] = key((), ListOf(PATH))
    """Files of protected names, besides those that always are."""
    popularity: str | None = key(None, optional(PATH))
    """File of popular names, most popular first."""
    popular: int = key(100_000, number(0, 10_000_000))
    """How many of them need an override to be blocked."""
    growth: float = key(0.2, share(1_000_000))
    """Share of the names by which the blocklist may grow in one build."""
    shrinkage: float = key(0.2, share(100))
    """Share by which it may shrink."""
    source: float = key(0.5, share(1_000_000))
    """Share of its names that one source may change in one build."""
    overrides: tuple[Override, ...] = key((), SectionsOf(Override))


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A build configuration."""

    catalogue: str | None = key(None, optional(PATH))
    store: str = key("store", PATH)
    """Folder where `update` keeps what it fetched."""
    sources: tuple[str, ...] = key((ENABLED,), ListOf(WORD))
    """Ids of the catalogue's sources to take; `enabled` stands for those that it enables."""
    lists: tuple[OwnList, ...] = key((), SectionsOf(OwnList))
    block: tuple[Block, ...] = key((), SectionsOf(Block))
    allow: tuple[Allow, ...] = key((), SectionsOf(Allow))
    guard: GuardPlan = GuardPlan()
    memory: int = key(256 * 2**20, size(2**20, 2**40))
    """Bytes for names that wait to be sorted; past that they wait on the disk."""


def load_plan(path: str) -> Plan:
    """Read a build configuration; paths in it start at its folder.

    Raises:
        ConfigError: one line for each thing that is wrong.
    """
    root, problems = parse(path)
    plan = build_section(Plan, root, problems)
    _check_lists(plan.lists)
    folder = Path(path).parent

    def here(file: str) -> str:
        return str(folder / file)

    return replace(
        plan,
        catalogue=plan.catalogue and here(plan.catalogue),
        store=here(plan.store),
        lists=tuple(replace(each, path=here(each.path)) for each in plan.lists),
        guard=replace(
            plan.guard,
            protected=tuple(here(file) for file in plan.guard.protected),
            popularity=plan.guard.popularity and here(plan.guard.popularity),
        ),
    )


def _check_lists(lists: tuple[OwnList, ...]) -> None:
    """What keys of one list say about each other, and lists about each other."""
    problems = [
        f"{each.where}: category: expected the category of the names of {each.id}, found nothing"
        for each in lists
        if each.category is None and not each.allow
    ]
    seen: set[str] = set()
    for each in lists:
        if each.id in seen:
            problems.append(f"{each.where}: id: expected each id once, found {each.id} a second time")
        seen.add(each.id)
    if problems:
        raise ConfigError("\n".join(problems))


def mask(categories: tuple[str, ...]) -> int:
    """Categories as a bit mask; none stand for all that can be blocked."""
    words = categories or tuple(category.id for category in CATEGORIES if category.blockable)
    return sum(1 << BY_ID[word].number for word in words)
