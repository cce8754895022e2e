"""Unbound: a `local-zone` answers for a name and all below it, and the most specific one decides.

A name that is blocked alone gets local data in a zone that lets everything else pass, so it is answered with an address
that leads nowhere instead of NXDOMAIN. That a name is not blocked while what is below it is can't be said; a response
policy zone, which Unbound reads as well, can say it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.export.rules import BELOW

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = "#"
HOW: Final = "Load it with include: FILE."


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """A section of local zones."""
    yield "server:\n"
    for rule in rules:
        if rule.here and not rule.below:
            yield f'local-zone: "{rule.name}" transparent\n'
            yield f'local-data: "{rule.name} A 0.0.0.0"\n'
            yield f'local-data: "{rule.name} AAAA ::"\n'
        elif rule.below and not rule.here:
            left_out[BELOW] += 1
        else:
            yield f'local-zone: "{rule.name}" {"always_nxdomain" if rule.here else "always_transparent"}\n'
