"""Adblock syntax, as DNS filters read it.

An exception beats a block whichever is more specific, unless the block is `important`, and an important exception beats
that. So what is blocked within an exception within an exception can't be said.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.export.rules import TOO_DEEP, Ancestors

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = "!"
HOW: Final = "A filter list for DNS, for AdGuard Home say."

# Each beats the one before: block, exception, important block, important exception.
_RANKS: Final = (("", ""), ("@@", ""), ("", "$important"), ("@@", "$important"))


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """A rule for each name, or for the name and what is below it where they are not alike."""
    # How many changes there are at and above a name: the rank of a rule that changes it once more.
    ranks: Ancestors[int] = Ancestors(0)
    for rule in rules:
        _, rank = ranks.above(rule.name)
        here, below = rule.here != rule.inherited, rule.below != rule.inherited
        ranks.add(rule.name, rank + below)
        if rank >= len(_RANKS):
            left_out[TOO_DEEP] += 1
            continue
        front, behind = _RANKS[rank]
        pattern = ("||" if here else "||*.") if below else "|"
        yield f"{front}{pattern}{rule.name}^{behind}\n"
