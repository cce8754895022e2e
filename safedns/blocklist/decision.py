"""Which of the lines that have a say of a name decides, by the order that the builder goes by.

The builder settles the order for all names at once and keeps the result only. This goes through it for one name, so
that the line that decided can be named. `docs/reference/build-configuration.md` has the order in words.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from safedns.blocklist.origin import Origin


@dataclass(slots=True)
class Decision:
    """What holds for a name.

    Attributes:
        lists: for each list and category that it gives, the line that decided within the list or took it from it.
        operator: for each category that the operator decided, the entry that did.
    """

    lists: dict[tuple[str, str], Origin] = field(default_factory=dict)
    operator: dict[str, Origin] = field(default_factory=dict)

    @property
    def categories(self) -> set[str]:
        """Ids of the categories that the name is in."""
        return {category for category in self.listed if category not in self.operator} | self.operator_blocks

    @property
    def listed(self) -> set[str]:
        """Those that lists put it into."""
        return {category for (_, category), origin in self.lists.items() if not origin.allow}

    @property
    def operator_blocks(self) -> set[str]:
        """Those that the operator's own entries put it into."""
        return {category for category, origin in self.operator.items() if not origin.allow}

    def overruling(self, origin: Origin) -> dict[str, Origin]:
        """For each category in which a line did not get its way, the line that did."""
        if not origin.applies:
            return {}
        winners = {category: self._winner(origin, category) for category in origin.categories}
        return {category: winner for category, winner in winners.items() if winner and winner.allow is not origin.allow}

    def _winner(self, origin: Origin, category: str) -> Origin | None:
        if category in self.operator:
            return self.operator[category]
        if not origin.from_all:
            return self.lists.get((origin.source, category))
        others = (other for (_, given), other in self.lists.items() if given == category and not other.allow)
        return next(others, None)


def decide(origins: Sequence[Origin]) -> Decision:
    """Go through what is said of a name, from the top level down."""
    decision = Decision()
    for _, group in groupby(origins, key=lambda origin: origin.entry):
        # Said of the same name, what takes out is the stronger: it comes last.
        for origin in sorted((each for each in group if each.applies), key=lambda each: each.allow):
            for category in origin.categories:
                if origin.operator:
                    decision.operator[category] = origin
                else:
                    decision.lists.update((key, origin) for key in _keys(decision, origin, category))
    return decision


def _keys(decision: Decision, origin: Origin, category: str) -> Iterator[tuple[str, str]]:
    """What a line of a list decides: what it gives, or what was given before and it takes out."""
    own = (origin.source, category)
    if not origin.allow:
        yield own
    elif origin.from_all:
        yield from [key for key in decision.lists if key[1] == category]
    elif own in decision.lists:
        yield own


def why(loser: Origin, winner: Origin) -> str:
    """By which rule one line is stronger than another."""
    if winner.operator and not loser.operator:
        return "the operator's own entries are stronger than lists"
    if winner.from_all:
        return "a list that allows takes its names out of all lists"
    if winner.entry == loser.entry:
        return "on the same name, what takes out is stronger"
    return "the more specific entry is stronger"
