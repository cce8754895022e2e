"""Plain lists: one name to a line, blocked with all below it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.export.rules import BELOW, EXACT, EXCEPTIONS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = "#"
HOW: Final = "One name to a line, blocked with all below it."


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """Names that are blocked as a whole."""
    for rule in rules:
        if rule.inherited:
            left_out[EXCEPTIONS] += 1
        elif rule.here and rule.below:
            yield f"{rule.name}\n"
        else:
            left_out[EXACT if rule.here else BELOW] += 1
