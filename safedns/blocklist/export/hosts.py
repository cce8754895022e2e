"""Hosts files: each blocked name with an address that leads nowhere. They know nothing of what is below a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from safedns.blocklist.export.rules import SUBDOMAINS

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Iterable, Iterator

    from safedns.blocklist.export.rules import About, Rule

COMMENT: Final = "#"
HOW: Final = "dnsmasq: addn-hosts=FILE; an operating system: add it to /etc/hosts."


def lines(rules: Iterable[Rule], about: About, left_out: Counter[str]) -> Iterator[str]:
    """A line for each name that is blocked itself."""
    for rule in rules:
        left_out[SUBDOMAINS] += rule.below
        if rule.here:
            yield f"0.0.0.0 {rule.name}\n"
